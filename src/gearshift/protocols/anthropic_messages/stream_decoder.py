"""Own streamed answers: server-sent events to nouns.

    message_start ─ (content_block_start ─ deltas ─ content_block_stop)* ─ message_delta ─ message_stop

Invariants: what an event is, its `type` says, and its name where there is none; a block without a noun is told with
`ChoiceDelta`, whole at its end; what the text of a block already holds when it starts is its first delta; the counts
are cumulative, of each the last holds.
Source: the Anthropic API reference, "Streaming Messages" (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw, Struct

from gearshift.errors import StreamBroken
from gearshift.protocols.anthropic_messages.blocks import NAME
from gearshift.protocols.anthropic_messages.response import decode_reason
from gearshift.protocols.anthropic_messages.stream_block import Block
from gearshift.protocols.anthropic_messages.usage import Counts, decode_counts
from gearshift.protocols.complaint import broken_off
from gearshift.protocols.decoding import Decoding
from gearshift.protocols.fields import ABSENT, NULL, OBJECT, Misfit, keep, word
from gearshift.protocols.json_patch import JsonObject, legible
from gearshift.protocols.sse import ServerEvent
from gearshift.protocols.wording import MALFORMED, invalid, unreadable
from gearshift.types.chat import Extra
from gearshift.types.stream import ChoiceEnded, Event, Started


class _Wire(Struct):
    type: str = ""
    index: int = 0
    message: Raw = ABSENT
    content_block: Raw = ABSENT
    delta: Raw = ABSENT
    usage: Raw = ABSENT
    error: Raw = ABSENT


_wire = msgspec.json.Decoder(_Wire)
_DONE: Final = b"[DONE]"  # OpenAI's terminator, which servers of several protocols may say in all of them


class Decoder(Decoding):
    """Turn the bytes of one stream into events, whatever the split."""

    def __init__(self) -> None:
        """Begin a stream."""
        super().__init__()
        self._counts = Counts()
        self._blocks: dict[int, Block] = {}
        self._parts = 0
        self._started = False

    def take(self, item: ServerEvent) -> list[Event]:
        """Give what one event of the wire says."""
        if item.event == "error":
            raise broken_off(item.data)
        if item.data == _DONE:
            return []
        try:
            wire = _wire.decode(legible(item.data))
            return self._take(wire, item)
        except (*MALFORMED, Misfit) as error:
            raise unreadable(error) from None

    def _take(self, wire: _Wire, item: ServerEvent) -> list[Event]:
        match wire.type or item.event:
            case "content_block_delta":
                return self._block(wire.index).delta(wire.delta)
            case "content_block_start":
                if not self._started:
                    raise invalid("found a block before the beginning of the answer")
                block = self._blocks[wire.index] = Block(self._parts)
                started = block.start(OBJECT.read(wire.content_block, "content_block"))
                self._parts += bool(started)
                return started
            case "content_block_stop":
                return self._block(wire.index).stop()
            case "message_start":
                return [self._start(wire)]
            case "message_delta":
                return self._delta(wire)
            case "message_stop":
                if not self.complete:
                    raise StreamBroken("the upstream ended the stream without the stop_reason of its answer")
                return [self.finished()]
            case kind if kind == "error" or bytes(wire.error) not in {b"", NULL}:
                raise broken_off(item.data)
            case _:
                return []  # `ping`, and events to come, which clients are told to pass over

    def _block(self, index: int) -> Block:
        if index not in self._blocks:
            raise invalid("found a delta of a block that has not begun")
        return self._blocks[index]

    def _start(self, wire: _Wire) -> Started:
        members = JsonObject(bytes(wire.message), invalid, lax=True).members
        self._count(members.pop("usage", ABSENT))
        for name in ("type", "role", "content", "stop_reason", "stop_sequence", "stop_details"):
            members.pop(name, None)
        self._started = True
        said, model = (word(members.pop(name, ABSENT)) or "" for name in ("id", "model"))
        return Started(protocol=NAME, id=said, model=model, created=0, extra=members)

    def _delta(self, wire: _Wire) -> list[Event]:
        self._count(wire.usage)
        members = OBJECT.read(wire.delta, "delta")
        extra: Extra = {}
        reason = decode_reason(members, extra)
        extra |= {name: raw for name, raw in members.items() if bytes(raw) != NULL}
        if reason is None or self.complete:
            return []
        if not self._started:
            raise invalid("the stream ended before it held an answer")
        self.complete = True
        rest = [event for block in self._blocks.values() for event in block.stop()]
        return [*rest, ChoiceEnded(choice=0, finish_reason=reason, extra=extra)]

    def _count(self, usage: Raw) -> None:
        if bytes(usage) in {b"", NULL}:
            return
        self._counts = self._counts.later(decode_counts(usage))
        self.usage = self._counts.usage
        rest = {name: raw for name, raw in OBJECT.read(usage, "usage").items() if name not in Counts.__struct_fields__}
        keep(self.late, "usage", OBJECT.read(self.late["usage"], "usage") | rest if "usage" in self.late else rest)
