"""Own streamed answers: semantic events to nouns.

    response.created ─ (response.output_item.added ─ deltas ─ response.output_item.done)* ─ response.completed

Invariants: a part begins with its first text, so that what is empty makes none; an item's end says what no delta did.
Source: the OpenAI API reference, "Streaming events" (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from gearshift.protocols.complaint import broken_off
from gearshift.protocols.decoding import Decoding
from gearshift.protocols.fields import ABSENT, NULL, OBJECT, OBJECTS, Misfit, keep, raw, whole, word
from gearshift.protocols.json_patch import JsonObject, legible
from gearshift.protocols.openai_responses import items as wire
from gearshift.protocols.openai_responses.output_item import OutputItem, Wire
from gearshift.protocols.openai_responses.parts import decode_citations
from gearshift.protocols.openai_responses.response import decode_ending, late
from gearshift.protocols.openai_responses.usage import decode_usage
from gearshift.protocols.sse import ServerEvent
from gearshift.protocols.wording import MALFORMED, closed_early, invalid, unreadable
from gearshift.types.chat import PartKind
from gearshift.types.stream import ChoiceEnded, Event, Finished, Started

_wire = msgspec.json.Decoder(Wire)
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
        self._items: dict[int, OutputItem] = {}
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
        except (*MALFORMED, Misfit) as error:
            raise unreadable(error) from None

    def finish(self) -> list[Event]:
        """Raise StreamBroken when the stream had not come to its end."""
        if not self.ended:
            raise closed_early()
        return []

    def _take(self, event: Wire, item: ServerEvent) -> list[Event]:
        told = _TEXTS.get(event.type)
        if told is not None:
            return self._item(event.output_index, told).text(told, event)
        match kind := event.type:
            case "response.output_item.added":
                return self._begin(event)
            case "response.output_item.done":
                return self._done(event)
            case "response.output_text.annotation.added":
                cited = decode_citations([event.annotation] if bytes(event.annotation) else [])
                return self._item(event.output_index, "text").cite(event.content_index, *cited)
            case "error":
                raise broken_off(item.data)
            case _ if kind in _OPENINGS and not self._started:
                return [self._start(event.response)]
            case _ if kind in _ENDS:
                return self._end(event)
            case _:
                return []

    def _begin(self, event: Wire) -> list[Event]:
        item = self._items.setdefault(event.output_index, OutputItem(self.number))
        members = OBJECT.read(event.item, "item")
        self._called = self._called or bytes(members.get("type", ABSENT)) == b'"function_call"'
        try:
            return item.begin(members)
        except Misfit as misfit:
            raise misfit.within("item") from None

    def _done(self, event: Wire) -> list[Event]:
        out = [] if event.output_index in self._items else self._begin(event)
        try:
            return out + self._items[event.output_index].done(OBJECT.read(event.item, "item"))
        except Misfit as misfit:
            raise misfit.within("item") from None

    def number(self) -> int:
        """Give the number of the next part."""
        self._parts += 1
        return self._parts - 1

    def _item(self, index: int, kind: PartKind) -> OutputItem:
        """Give an item, which some servers do not say the beginning of; that of a call says what is called."""
        item = self._items.get(index)
        if item is None:
            if kind == "tool_call":
                raise invalid("found the arguments of a call that has not begun")
            item = self._items[index] = OutputItem(self.number, "reasoning" if kind == "reasoning" else "message")
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

    def _end(self, event: Wire) -> list[Event]:
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
                out += self._done(Wire(output_index=index, item=spoken))
        reason = decode_ending(members, calls=self._called)
        self.usage, rest = decode_usage(members.pop("usage", Raw(NULL)))
        for name in ("id", "model", "created_at", "output"):
            members.pop(name, None)
        keep(members, "usage", rest)
        self.ended = True
        return [*out, ChoiceEnded(choice=0, finish_reason=reason), Finished(usage=self.usage, extra=late(members))]
