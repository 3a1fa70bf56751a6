"""Own one content block of a streamed answer: its start, its deltas and its end, wire to nouns.

Invariant: a block says in a stream what it says in an answer that is not streamed; one without a noun is told whole, at
its end.
Source: the Anthropic API reference, "Streaming Messages" (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw, Struct

from gearshift.protocols.anthropic_messages.blocks import decode_block
from gearshift.protocols.anthropic_messages.citations import CITATIONS, decode_citation
from gearshift.protocols.anthropic_messages.response import BLOCKS
from gearshift.protocols.arguments import is_whole
from gearshift.protocols.fields import ABSENT, TEXT, raw, take
from gearshift.protocols.json_patch import Members
from gearshift.types.chat import Citation, Extra, Reasoning, Text, ToolCall
from gearshift.types.stream import ChoiceDelta, Event, PartDelta, PartEnded, PartStarted

DELTAS: Final = "deltas"
"""Where deltas without a noun stand in the `message` of a `ChoiceDelta`."""
_NOUNS: Final = frozenset({b'"text"', b'"thinking"', b'"redacted_thinking"', b'"tool_use"'})
_KNOWN: Final = frozenset(
    {"", "text_delta", "input_json_delta", "thinking_delta", "signature_delta", "citations_delta"}
)


class _Delta(Struct):
    type: str = ""
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    citation: Raw = ABSENT


_delta = msgspec.json.Decoder(_Delta)


class Block:
    """Follow one content block, which is part number `part` of the answer if it has a noun."""

    def __init__(self, part: int) -> None:
        """Begin a block."""
        self._part = part
        self._whole: Members | None = None  # of a block without a noun
        self._pieces: list[str] = []  # of its input
        self._input: str | None = None  # of a tool call whose arguments have not begun
        self._open = True

    def start(self, members: Members) -> list[Event]:
        """Give the events of its start, none where it has no noun."""
        if bytes(members.get("type", ABSENT)) not in _NOUNS:
            self._whole = dict(members)
            take(members, "type", TEXT)
            return []
        match decode_block(members):
            case Text() as text:
                begun = PartStarted(choice=0, part=self._part, kind="text", extra=text.extra)
                return [begun, *self._say(text.text, citations=text.citations)]
            case Reasoning() as thought:
                start = PartStarted(
                    choice=0,
                    part=self._part,
                    kind="reasoning",
                    origin=thought.origin,
                    redacted=thought.redacted,
                    extra=thought.extra,
                )
                return [start, *self._say(thought.text, thought.signature)]
            case ToolCall() as call:
                self._input = call.arguments
                return [
                    PartStarted(
                        choice=0, part=self._part, kind="tool_call", id=call.id, name=call.name, extra=call.extra
                    )
                ]
            case _:
                raise AssertionError

    def delta(self, spoken: Raw) -> list[Event]:
        """Give the events of a delta."""
        delta = _delta.decode(spoken)
        if delta.type not in _KNOWN:
            return [ChoiceDelta(choice=0, message={DELTAS: raw([spoken])})]
        if self._whole is not None:
            self._pieces.append(delta.partial_json or "")
            return []
        if bytes(delta.citation):
            cited = decode_citation(delta.citation)
            return (
                self._say(extra={CITATIONS: raw([delta.citation])}) if cited is None else self._say(citations=(cited,))
            )
        if delta.partial_json:
            self._input = None
        return self._say(delta.text or delta.thinking or delta.partial_json or "", delta.signature)

    def stop(self) -> list[Event]:
        """Give the events of its end; a call whose arguments never came has those that it began with."""
        if not self._open:
            return []
        self._open = False
        if self._whole is None:
            return [*(self._say(self._input) if self._input else ()), PartEnded(choice=0, part=self._part)]
        spoken = "".join(self._pieces)
        if spoken and is_whole(spoken):
            self._whole["input"] = Raw(spoken.encode())
        return [ChoiceDelta(choice=0, message={BLOCKS: raw([self._whole])})]

    def _say(
        self,
        text: str = "",
        signature: str | None = None,
        citations: tuple[Citation, ...] = (),
        extra: Extra | None = None,
    ) -> list[Event]:
        if not text and not signature and not citations and not extra:
            return []
        return [
            PartDelta(choice=0, part=self._part, text=text, signature=signature, citations=citations, extra=extra or {})
        ]
