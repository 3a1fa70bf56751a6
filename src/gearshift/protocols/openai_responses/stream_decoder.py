"""Own streamed answers: semantic events to nouns.

    response.created ─ (response.output_item.added ─ deltas ─ response.output_item.done)* ─ response.completed

Invariants: a part begins with its first text, so that what is empty makes none; an item's end says what no delta did.
Source: the OpenAI API reference, "Streaming events" (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw, Struct

from gearshift.errors import StreamBroken
from gearshift.protocols.decoding import Decoding
from gearshift.protocols.fields import ABSENT, NULL, OBJECT, OBJECTS, TEXT, Misfit, keep, raw, take, whole, word
from gearshift.protocols.json_patch import JsonObject, Members, legible
from gearshift.protocols.openai_responses import items as wire
from gearshift.protocols.openai_responses.parts import decode_citations, decode_parts
from gearshift.protocols.openai_responses.response import ITEMS, PREFIXES, decode_ending, late, scores
from gearshift.protocols.openai_responses.usage import decode_usage
from gearshift.protocols.sse import ServerEvent
from gearshift.protocols.wording import broken_off, invalid, unreadable
from gearshift.types.chat import Citation, Extra, PartKind, Refusal, Text, Usage
from gearshift.types.stream import (
    ChoiceDelta,
    ChoiceEnded,
    Event,
    Finished,
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
    delta: Raw = ABSENT
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
        kind = event.type
        if kind in _TEXTS:
            return self._item(event.output_index).text(_TEXTS[kind], event)
        match kind:
            case "response.output_item.added":
                return self._begin(event)
            case "response.output_item.done":
                return self._item(event.output_index).done(OBJECT.read(event.item, "item"))
            case "response.output_text.annotation.added":
                cited = decode_citations(Raw(b"[%b]" % bytes(event.annotation)))
                return self._item(event.output_index).cite(event.content_index, cited)
            case "error":
                raise broken_off(item.data)
            case _ if kind in _OPENINGS and not self._started:
                return [self._start(event.response)]
            case _ if kind in _ENDS:
                return self._end(event)
            case _:
                return []

    def _begin(self, event: _Wire) -> list[Event]:
        item = self._items[event.output_index] = _Item(self)
        members = OBJECT.read(event.item, "item")
        self._called = self._called or bytes(members.get("type", ABSENT)) == b'"function_call"'
        return item.begin(members)

    def number(self) -> int:
        """Give the number of the next part."""
        self._parts += 1
        return self._parts - 1

    def _item(self, index: int) -> _Item:
        if index not in self._items:
            raise invalid("found an event of an item that has not begun")
        return self._items[index]

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
                out += self._begin(_Wire(output_index=index, item=spoken))
                out += self._items[index].done(OBJECT.read(spoken, "item"))
        reason = decode_ending(members, calls=self._called)
        self.usage, rest = decode_usage(members.pop("usage", Raw(NULL)))
        for name in ("id", "model", "created_at", "output"):
            members.pop(name, None)
        keep(members, "usage", rest)
        self.ended = True
        return [*out, ChoiceEnded(choice=0, finish_reason=reason), Finished(usage=self.usage, extra=late(members))]


class _Item:
    """Follow one item of the output."""

    def __init__(self, stream: Decoder) -> None:
        self._stream = stream
        self._kind = ""
        self._parts: dict[int, int] = {}  # the index of a content part to the number of its part
        self._told = False
        self._summary = 0

    def begin(self, members: Members) -> list[Event]:
        """Give the events of its beginning."""
        self._kind = TEXT.read(members.get("type", Raw(NULL)), "type")
        if self._kind != "function_call":
            return []
        extra = {name: value for name, value in members.items() if name not in _OF_CALL}
        return [self._start(0, "tool_call", extra, take(members, "call_id", TEXT), take(members, "name", TEXT))]

    def text(self, kind: PartKind, event: _Wire) -> list[Event]:
        """Give the events of a delta."""
        delta = TEXT.read(event.delta, "delta")
        index = event.content_index if kind in {"text", "refusal"} else 0
        probabilities = None if bytes(event.logprobs) in _NOTHING else scores(event.logprobs)
        if kind == "reasoning" and event.summary_index > self._summary:
            self._summary = event.summary_index
            delta = wire.PARAGRAPH + delta
        if not delta and probabilities is None:
            return []
        out: list[Event] = [] if index in self._parts else [self._start(index, kind)]
        self._told = True
        return [*out, PartDelta(choice=0, part=self._parts[index], text=delta, logprobs=probabilities)]

    def cite(self, index: int, citations: tuple[Citation, ...]) -> list[Event]:
        """Give the events of an annotation."""
        if not citations or index not in self._parts:
            return []
        return [PartDelta(choice=0, part=self._parts[index], text="", citations=citations)]

    def done(self, members: Members) -> list[Event]:
        """Give the events of its end, and what no delta said."""
        out: list[Event] = []
        match self._kind:
            case "function_call" if not self._told and (said := word(members.get("arguments", ABSENT))):
                out.append(PartDelta(choice=0, part=self._parts[0], text=said))
            case "reasoning":
                out += self._thought(members)
            case "message" if not self._told:
                out += self._content(members)
            case kind if kind not in PREFIXES:
                return [ChoiceDelta(choice=0, message={ITEMS: raw([members])})]
            case _:
                pass
        return [*out, *(PartEnded(choice=0, part=part) for part in self._parts.values())]

    def _content(self, members: Members) -> list[Event]:
        """Give the texts of a message of which no delta told."""
        out: list[Event] = []
        for index, part in enumerate(decode_parts(members.get("content", Raw(b"[]")))):
            if isinstance(part, Text | Refusal) and part.text and index not in self._parts:
                out.append(self._start(index, "text" if isinstance(part, Text) else "refusal"))
                out.append(PartDelta(choice=0, part=self._parts[index], text=part.text))
        return out

    def _thought(self, members: Members) -> list[Event]:
        """Give the signature of a thought, and its text where no delta said it."""
        for name in ("type", "status"):
            members.pop(name, None)
        thought = wire.decode_reasoning(members)
        text = "" if self._told else thought.text
        if not text and thought.signature is None:
            return []
        out: list[Event] = [] if self._parts else [self._start(0, "reasoning")]
        return [*out, PartDelta(choice=0, part=self._parts[0], text=text, signature=thought.signature)]

    def _start(
        self, index: int, kind: PartKind, extra: Extra | None = None, name: str | None = None, of: str | None = None
    ) -> PartStarted:
        part = self._parts[index] = self._stream.number()
        return PartStarted(choice=0, part=part, kind=kind, id=name, name=of, extra=extra or {})


_OF_CALL: Final = frozenset({"type", "id", "status", "call_id", "name", "arguments"})
_NOTHING: Final = frozenset({b"", NULL, b"[]"})
