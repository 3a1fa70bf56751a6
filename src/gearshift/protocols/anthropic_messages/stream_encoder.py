"""Own streamed answers on their way out: events to Anthropic's server-sent events.

Invariants: one block is open at a time (`sequence.Sequence` sees to it), numbered from 0 without a gap, for clients
count them; there is one answer, and of others nothing is said. The counts are known at the end only: `message_start`
says zeros, for its clients' types ask for numbers, and `message_delta` says them all, which clients take for the last
word (the official one since its `accumulate_event` reads `input_tokens` there too).
Source: the Anthropic API reference, "Streaming Messages" (2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from gearshift.protocols.anthropic_messages.blocks import NAME
from gearshift.protocols.anthropic_messages.calls import said_id
from gearshift.protocols.anthropic_messages.citations import CITATIONS, say_citations
from gearshift.protocols.anthropic_messages.response import say_reason
from gearshift.protocols.anthropic_messages.usage import PATCHER, UNKNOWN, encode_usage, overdrawn
from gearshift.protocols.arguments import is_whole
from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.fields import Spoken
from gearshift.protocols.losses import dropped, mapped
from gearshift.protocols.sequence import Sequence
from gearshift.protocols.signatures import seal
from gearshift.protocols.sse import encode_event
from gearshift.types.chat import PartKind
from gearshift.types.record import Loss
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


class Encoder:
    """Turn events into the bytes of one stream."""

    def __init__(self) -> None:
        """Begin a stream."""
        self.losses: list[Loss] = []
        self.number = 0  # events have none
        self._sequence = Sequence()
        self._origin = ""
        self._open: PartStarted | None = None
        self._others = False
        self._index = -1
        self._held: list[str] = []  # the arguments of the open call, or the data of encrypted thinking
        self._ended = ChoiceEnded(choice=0, finish_reason="stop")

    def feed(self, event: Event) -> bytes:
        """Give the bytes that say `event`, b"" when it needs none of its own."""
        if getattr(event, "choice", 0) != 0:
            if not self._others:
                self.losses.append(dropped("choices", "Anthropic's answers are one"))
            self._others = True
            return b""
        if getattr(event, "logprobs", None) is not None:
            self.losses.append(dropped("logprobs", "Anthropic's answers have none"))
        return b"".join([self._say(each) for each in self._sequence.feed(event)])

    def end(self, finished: Finished, edits: ResponseEdits) -> bytes:
        """Give the last words of the stream, with what `edits` add."""
        known = UNKNOWN if finished.usage is None else encode_usage(finished.usage)
        usage = msgspec.json.encode(known)
        usage = PATCHER.patched_usage(usage, edits) or usage
        top = b"," + edits.top if edits.top else b""
        delta = msgspec.json.encode(
            {"stop_reason": say_reason(self._ended.finish_reason), "stop_sequence": None, **self._ended.extra}
        )
        last = b'{"type":"message_delta","delta":%b,"usage":%b%b}' % (delta, usage, top)
        return encode_event(last, "message_delta") + encode_event(b'{"type":"message_stop"}', "message_stop")

    def _say(self, event: Event) -> bytes:
        match event:
            case PartDelta():
                return self._delta(event)
            case Started():
                return self._start(event)
            case PartStarted():
                self._open, self._held = event, []
                return b"" if event.redacted else self._begin(self._block(event))
            case PartEnded():
                return self._stop()
            case ChoiceEnded():
                self._ended = event
            case Finished():
                self.losses.extend([] if event.usage is None else overdrawn(event.usage))
            case ChoiceDelta() | MediaGiven():  # `Codec.gives_media`: images do not come here
                pass
        return b""

    def _start(self, event: Started) -> bytes:
        self._origin = event.protocol
        message: Spoken = {
            "id": event.id,
            "type": "message",
            "role": "assistant",
            "model": event.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
            **event.extra,
        }
        return _event({"type": "message_start", "message": message})

    def _begin(self, block: Spoken) -> bytes:
        self._index += 1
        return _event({"type": "content_block_start", "index": self._index, "content_block": block})

    def _block(self, start: PartStarted) -> Spoken:
        match start.kind:
            case "tool_call":
                call = said_id(start.id or "", f"content[{self._index + 1}]", self.losses)
                block: Spoken = {"type": "tool_use", "id": call, "name": start.name or "", "input": {}}
            case "reasoning":
                block = {"type": "thinking", "thinking": "", "signature": ""}
            case kind:
                if kind == "refusal":
                    self.losses.append(mapped("refusal", "a refusal is said as text"))
                block = {"type": "text", "text": ""}
        return {**block, **start.extra}

    def _delta(self, delta: PartDelta) -> bytes:
        start = self._open
        if start is None:
            return b""
        if start.redacted:
            self._held.append(delta.signature or "")
            if delta.text:
                self.losses.append(dropped("reasoning", "encrypted thinking has no text besides"))
            return b""
        if start.kind == "tool_call":
            self._held.append(delta.text)
        said = b""
        if delta.text:
            text = _DELTAS[start.kind] % (self._index, msgspec.json.encode(delta.text))
            said = encode_event(text, "content_block_delta")
        if delta.signature is None and not delta.citations and not delta.extra:
            return said
        at: Spoken = {"type": "content_block_delta", "index": self._index}
        return said + b"".join([_event({**at, "delta": mark}) for mark in self._marks(start, delta)])

    def _marks(self, start: PartStarted, delta: PartDelta) -> Iterator[Spoken]:
        """Say what stands at the text of a delta: who signed it, and where it comes from."""
        if delta.signature is not None:
            signature = seal(delta.signature, start.origin or self._origin, NAME)
            yield {"type": "signature_delta", "signature": signature}
        for cited in say_citations(delta.citations, delta.extra.get(CITATIONS), "content", self.losses):
            yield {"type": "citations_delta", "citation": cited}

    def _stop(self) -> bytes:
        start, held = self._open, "".join(self._held)
        self._open = None
        begun = b""
        if start is not None and start.redacted:
            if not held:
                self.losses.append(dropped("reasoning", "encrypted thinking is nothing without its data"))
                return b""
            data = seal(held, start.origin or self._origin, NAME)
            begun = self._begin({"type": "redacted_thinking", "data": data, **start.extra})
        elif start is not None and start.kind == "tool_call" and not is_whole(held):
            at = f"content[{self._index}].arguments"
            self.losses.append(mapped(at, "they are no JSON object, the text was said as far as it came"))
        return begun + _event({"type": "content_block_stop", "index": self._index})


_DELTA: Final = b'{"type":"content_block_delta","index":%%d,"delta":{"type":"%b","%b":%%b}}'
_TEXT: Final = _DELTA % (b"text_delta", b"text")
_DELTAS: Final[dict[PartKind, bytes]] = {
    "text": _TEXT,
    "refusal": _TEXT,
    "reasoning": _DELTA % (b"thinking_delta", b"thinking"),
    "tool_call": _DELTA % (b"input_json_delta", b"partial_json"),
}
"""The event that nearly all of a stream consists of: its index and its text are to be filled in."""


def _event(said: Spoken) -> bytes:
    return encode_event(msgspec.json.encode(said), str(said["type"]))
