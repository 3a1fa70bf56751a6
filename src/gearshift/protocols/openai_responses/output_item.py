"""Own one item of a streamed answer: its events to the parts that it becomes.

    added ─ deltas, annotations ─ done

Invariants: a part begins with its first text, so that what is empty makes none; the end says what no delta did.
Source: the OpenAI API reference, "Streaming events" (2026-11).
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Final

from msgspec import Raw, Struct

from gearshift.protocols.fields import ABSENT, LIST, NULL, TEXT, Misfit, raw, take, word
from gearshift.protocols.json_patch import Members
from gearshift.protocols.openai_responses import items as wire
from gearshift.protocols.openai_responses.parts import ANNOTATIONS, LOGPROBS, decode_parts
from gearshift.protocols.openai_responses.response import ENVELOPE, ITEMS, scores
from gearshift.types.chat import Citation, Extra, Media, PartKind, Reasoning, Text
from gearshift.types.stream import ChoiceDelta, Event, MediaGiven, PartDelta, PartEnded, PartStarted


class Wire(Struct):
    """Hold what must be known of an event."""

    type: str = ""
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    delta: object = None  # text where it is read
    item: Raw = ABSENT
    response: Raw = ABSENT
    annotation: Raw = ABSENT
    logprobs: Raw = ABSENT


class OutputItem:
    """Follow one item of the output."""

    def __init__(self, number: Callable[[], int], kind: str = "") -> None:
        """Begin an item, of a `kind` that is known already; `number` gives the numbers of its parts."""
        self._new = number
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

    def text(self, kind: PartKind, event: Wire) -> list[Event]:
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
        if not citations and not others:
            return []
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
                out.append(MediaGiven(choice=0, part=self._new(), media=image))
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

    def _paragraph(self, event: Wire) -> str:
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
        self._parts[index] = self._new()
        return self._parts[index]


def _without(members: Members, names: Container[str]) -> Members:
    return {name: value for name, value in members.items() if name not in names}


_TOLD: Final = "text"
_OF_MESSAGE: Final = frozenset({*ENVELOPE, "content"})
_OF_CALL: Final = frozenset({"type", "id", "status", "call_id", "name", "arguments"})
_NOTHING: Final = frozenset({b"", NULL, b"[]"})
