"""Own streamed answers: semantic events to nouns.

    response.created ─ (response.output_item.added ─ deltas ─ response.output_item.done)* ─ response.completed

Invariants: a part begins with its first text, so that what is empty makes none; an item's end says what no delta did.
Source: the OpenAI API reference, "Streaming events" (2026-11).
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

import msgspec
from msgspec import Raw, Struct

from gearshift.errors import StreamBroken
from gearshift.protocols.decoding import Decoding
from gearshift.protocols.fields import ABSENT, LIST, NULL, OBJECT, OBJECTS, TEXT, Misfit, keep, raw, take, whole, word
from gearshift.protocols.json_patch import JsonObject, Members, legible
from gearshift.protocols.openai_responses import items as wire
from gearshift.protocols.openai_responses.parts import ANNOTATIONS, LOGPROBS, decode_citations, decode_parts
from gearshift.protocols.openai_responses.response import ENVELOPE, ITEMS, decode_ending, late, scores
from gearshift.protocols.openai_responses.usage import decode_usage
from gearshift.protocols.sse import ServerEvent
from gearshift.protocols.wording import broken_off, invalid, unreadable
from gearshift.types.chat import Citation, Extra, Media, PartKind, Reasoning, Text, Usage
from gearshift.types.stream import (
    ChoiceDelta,
    ChoiceEnded,
    Event,
    Finished,
    MediaGiven,
    PartDelta,
    PartEnded,
    PartStarted,
    Started,
)


class _Wire(Struct):
    type: str = ""
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    delta: object = None  # text where it is read
    item: Raw = ABSENT
    response: Raw = ABSENT
    annotation: Raw = ABSENT
    logprobs: Raw = ABSENT


_wire = msgspec.json.Decoder(_Wire)
_MALFORMED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_TEXTS: Final[dict[str, PartKind]] = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.reasoning_text.delta": "reasoning",
    "response.function_call_arguments.delta": "tool_call",
}
_OPENINGS: Final = frozenset({"response.created", "response.in_progress", "response.queued"})
_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})


class Decoder(Decoding):
    """Turn the bytes of one stream into events, whatever the split."""

    def __init__(self) -> None:
        """Begin a stream."""
        super().__init__()
        self.usage: Usage | None = None
        self._items: dict[int, _Item] = {}
        self._parts = 0
        self._called = False
        self._started = False

    def take(self, item: ServerEvent) -> list[Event]:
        """Give what one event of the wire says."""
        if item.event == "error":
            raise broken_off(item.data)
        if item.data.startswith(b"[DONE]"):
            return []
        try:
            return self._take(_wire.decode(legible(item.data)), item)
        except (*_MALFORMED, Misfit) as error:
            raise unreadable(error) from None

    def finish(self) -> list[Event]:
        """Raise StreamBroken when the stream had not come to its end."""
        if not self.ended:
            raise StreamBroken("the upstream closed the stream before the end of its answer")
        return []

    def _take(self, event: _Wire, item: ServerEvent) -> list[Event]:
        told = _TEXTS.get(event.type)
        if told is not None:
            return self._item(event.output_index, told).text(told, event)
        match kind := event.type:
            case "response.output_item.added":
                return self._begin(event)
            case "response.output_item.done":
                return self._done(event)
            case "response.output_text.annotation.added":
                cited = decode_citations([event.annotation])
                return self._item(event.output_index, "text").cite(event.content_index, *cited)
            case "error":
                raise broken_off(item.data)
            case _ if kind in _OPENINGS and not self._started:
                return [self._start(event.response)]
            case _ if kind in _ENDS:
                return self._end(event)
            case _:
                return []

    def _begin(self, event: _Wire) -> list[Event]:
        item = self._items.setdefault(event.output_index, _Item(self))
        members = OBJECT.read(event.item, "item")
        self._called = self._called or bytes(members.get("type", ABSENT)) == b'"function_call"'
        try:
            return item.begin(members)
        except Misfit as misfit:
            raise misfit.within("item") from None

    def _done(self, event: _Wire) -> list[Event]:
        out = [] if event.output_index in self._items else self._begin(event)
        try:
            return out + self._items[event.output_index].done(OBJECT.read(event.item, "item"))
        except Misfit as misfit:
            raise misfit.within("item") from None

    def number(self) -> int:
        """Give the number of the next part."""
        self._parts += 1
        return self._parts - 1

    def _item(self, index: int, kind: PartKind) -> _Item:
        """Give an item, which some servers do not say the beginning of; that of a call says what is called."""
        item = self._items.get(index)
        if item is None:
            if kind == "tool_call":
                raise invalid("found the arguments of a call that has not begun")
            item = self._items[index] = _Item(self, "reasoning" if kind == "reasoning" else "message")
        return item

    def _start(self, response: Raw) -> Started:
        members = JsonObject(bytes(response), invalid, lax=True).members
        self._started = True
        return Started(
            protocol=wire.NAME,
            id=word(members.get("id", ABSENT)) or "",
            model=word(members.get("model", ABSENT)) or "",
            created=whole(members.get("created_at", ABSENT)),
        )

    def _end(self, event: _Wire) -> list[Event]:
        response = event.response
        members = JsonObject(bytes(response), invalid, lax=True).members
        members.setdefault("status", raw(event.type.removeprefix("response.")))
        if bytes(members.get("error", ABSENT)) not in {b"", NULL}:
            raise broken_off(bytes(response))
        out: list[Event] = [] if self._started else [self._start(response)]
        self._started = True
        if not self._items:  # told at the end only
            for index, item in enumerate(OBJECTS.read(members.get("output", Raw(b"[]")), "output")):
                spoken = raw(item)
                out += self._done(_Wire(output_index=index, item=spoken))
        reason = decode_ending(members, calls=self._called)
        self.usage, rest = decode_usage(members.pop("usage", Raw(NULL)))
        for name in ("id", "model", "created_at", "output"):
            members.pop(name, None)
        keep(members, "usage", rest)
        self.ended = True
        return [*out, ChoiceEnded(choice=0, finish_reason=reason), Finished(usage=self.usage, extra=late(members))]


class _Item:
    """Follow one item of the output."""

    def __init__(self, stream: Decoder, kind: str = "") -> None:
        self._stream = stream
        self._kind = kind
        self._rest: Extra = {}  # what a message says of itself
        self._parts: dict[int | str, int] = {}  # the index of a content part, or a kind of thinking, to its part
        self._said: set[tuple[int | str, str]] = set()  # what was told of each
        self._summary = 0

    def begin(self, members: Members) -> list[Event]:
        """Give the events of its beginning."""
        self._kind = TEXT.read(members.get("type", Raw(NULL)), "type")
        if self._kind == "message":
            rest = _without(members, _OF_MESSAGE)
            self._rest = {wire.MESSAGE: raw(rest)} if rest else {}
        if self._kind != "function_call":
            return []
        call, name = take(members, "call_id", TEXT), take(members, "name", TEXT)
        extra = _without(members, _OF_CALL)
        return [PartStarted(choice=0, part=self._number(0), kind="tool_call", id=call, name=name, extra=extra)]

    def text(self, kind: PartKind, event: _Wire) -> list[Event]:
        """Give the events of a delta."""
        delta = event.delta
        if not isinstance(delta, str):
            raise Misfit("delta", "found no text, expected one")
        index: int | str = event.content_index
        if kind == "reasoning":
            index, delta = event.type, self._paragraph(event) + delta
        probabilities = None if bytes(event.logprobs) in _NOTHING else scores(event.logprobs)
        return self._tell(index, kind, delta, probabilities) if delta or probabilities is not None else []

    def cite(self, index: int, citations: tuple[Citation, ...], others: list[Raw]) -> list[Event]:
        """Give the events of annotations."""
        self._said.add((index, ANNOTATIONS))
        extra = {ANNOTATIONS: raw(others)} if others else {}
        out: list[Event] = [] if index in self._parts else [self._start(index, "text")]
        return [*out, PartDelta(choice=0, part=self._parts[index], text="", citations=citations, extra=extra)]

    def done(self, members: Members) -> list[Event]:
        """Give the events of its end, and what no delta said."""
        out: list[Event] = []
        match self._kind:
            case "function_call":
                if not self._said and (said := word(members.get("arguments", ABSENT))):
                    out += self._tell(0, "tool_call", said)
            case "reasoning":
                out += self._thoughts(wire.decode_reasoning(_without(members, ENVELOPE)))
            case "message":
                out += self._content(members)
            case wire.IMAGE if (image := wire.decode_image(_without(members, ENVELOPE))) is not None:
                out.append(MediaGiven(choice=0, part=self._stream.number(), media=image))
            case _:
                out.append(ChoiceDelta(choice=0, message={ITEMS: raw([members])}))
        return [*out, *(PartEnded(choice=0, part=part) for part in self._parts.values())]

    def _content(self, members: Members) -> list[Event]:
        """Give what no delta told of a message."""
        out: list[Event] = []
        for index, part in enumerate(decode_parts(members.get("content", Raw(b"[]")))):
            if isinstance(part, Media):
                item = {"type": self._kind, "content": [part.extra]}
                out.append(ChoiceDelta(choice=0, message={ITEMS: raw([item])}))
                continue
            if part.text and (index, _TOLD) not in self._said:
                out += self._tell(index, "text" if isinstance(part, Text) else "refusal", part.text)
            if LOGPROBS in part.extra and (index, LOGPROBS) not in self._said:
                out += self._tell(index, "text", "", scores(part.extra[LOGPROBS]))
            others = part.extra.get(ANNOTATIONS)
            citations = part.citations if isinstance(part, Text) else ()
            if (citations or others) and (index, ANNOTATIONS) not in self._said:
                out += self.cite(index, citations, LIST.read(others, ANNOTATIONS) if others else [])
        return out

    def _thoughts(self, thoughts: tuple[Reasoning, ...]) -> list[Event]:
        """Give the signature of thinking, and its texts where no delta said them."""
        out: list[Event] = []
        for index, thought in enumerate(() if self._parts else thoughts):
            if thought.text or thought.signature is not None:
                out.append(
                    PartStarted(
                        choice=0,
                        part=self._number(index),
                        kind="reasoning",
                        origin=None if thought.origin == wire.NAME else thought.origin,
                        redacted=thought.redacted,
                    )
                )
                out += self._tell(index, "reasoning", thought.text) if thought.text else []
        if (signature := thoughts[-1].signature) is not None:
            out.append(PartDelta(choice=0, part=max(self._parts.values()), text="", signature=signature))
        return out

    def _paragraph(self, event: _Wire) -> str:
        """Give what stands before a delta of thinking: a blank line between the pieces of a summary."""
        if not event.delta or event.summary_index == self._summary:
            return ""
        self._summary = event.summary_index
        return wire.PARAGRAPH if event.type in self._parts else ""

    def _tell(self, index: int | str, kind: PartKind, text: str, logprobs: Raw | None = None) -> list[Event]:
        """Give a delta of a part, which begins with its first."""
        out: list[Event] = [] if index in self._parts else [self._start(index, kind)]
        self._said.add((index, _TOLD if text else LOGPROBS))
        return [*out, PartDelta(choice=0, part=self._parts[index], text=text, logprobs=logprobs)]

    def _start(self, index: int | str, kind: PartKind) -> PartStarted:
        """Begin a part; the first of a message keeps what else the message says."""
        extra, self._rest = self._rest, {}
        return PartStarted(choice=0, part=self._number(index), kind=kind, extra=extra)

    def _number(self, index: int | str) -> int:
        self._parts[index] = self._stream.number()
        return self._parts[index]


def _without(members: Members, names: Container[str]) -> Members:
    return {name: value for name, value in members.items() if name not in names}


_TOLD: Final = "text"
_OF_MESSAGE: Final = frozenset({*ENVELOPE, "content"})
_OF_CALL: Final = frozenset({"type", "id", "status", "call_id", "name", "arguments"})
_NOTHING: Final = frozenset({b"", NULL, b"[]"})
