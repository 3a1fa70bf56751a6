"""Own streamed answers on their way out: events to Anthropic's server-sent events.

Invariants: one block is open at a time, numbered from 0 (`sequence.Sequence` sees to it); the counts, which are known
at the end only, stand in `message_delta`, where clients look for the last word.
Source: the Anthropic API reference, "Streaming Messages" (2026-11).
"""

from __future__ import annotations

import msgspec

from gearshift.protocols.anthropic_messages.blocks import NAME
from gearshift.protocols.anthropic_messages.citations import say_citation
from gearshift.protocols.anthropic_messages.response import say_reason
from gearshift.protocols.anthropic_messages.usage import PATCHER, encode_usage
from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.fields import Spoken
from gearshift.protocols.losses import dropped, mapped
from gearshift.protocols.sequence import Sequence
from gearshift.protocols.signatures import seal
from gearshift.protocols.sse import encode_event
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
        self._sequence = Sequence()
        self._origin = ""
        self._open: PartStarted | None = None
        self._ended = ChoiceEnded(choice=0, finish_reason="stop")

    def feed(self, event: Event) -> bytes:
        """Give the bytes that say `event`, b"" when it needs none of its own."""
        if isinstance(event, ChoiceDelta | PartDelta) and event.logprobs is not None:
            self.losses.append(dropped("logprobs", "Anthropic's answers have none"))
        return b"".join([self._say(each) for each in self._sequence.feed(event)])

    def end(self, finished: Finished, edits: ResponseEdits) -> bytes:
        """Give the last words of the stream, with what `edits` add."""
        usage = msgspec.json.encode({} if finished.usage is None else encode_usage(finished.usage))
        usage = PATCHER.patched_usage(usage, edits) or usage
        top = b"," + edits.top if edits.top else b""
        delta = msgspec.json.encode(
            {"stop_reason": say_reason(self._ended.finish_reason), "stop_sequence": None, **self._ended.extra}
        )
        last = b'{"type":"message_delta","delta":%b,"usage":%b%b}' % (delta, usage, top)
        return encode_event(last, "message_delta") + encode_event(b'{"type":"message_stop"}', "message_stop")

    def _say(self, event: Event) -> bytes:
        match event:
            case Started():
                return self._start(event)
            case PartStarted():
                self._open = event
                return b"" if event.redacted else _event(_block(event))
            case PartDelta():
                return self._delta(event)
            case PartEnded():
                return _event({"type": "content_block_stop", "index": event.part})
            case ChoiceEnded():
                self._ended = event
            case ChoiceDelta() | Finished() | MediaGiven():  # `Codec.gives_media`: images do not come here
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

    def _delta(self, delta: PartDelta) -> bytes:
        start = self._open
        if start is None:
            return b""
        kind = {"tool_call": ("input_json_delta", "partial_json"), "reasoning": ("thinking_delta", "thinking")}
        name, field = kind.get(start.kind, ("text_delta", "text"))
        said: list[Spoken] = [{"type": name, field: delta.text}] if delta.text else []
        if delta.signature is not None:
            signature = seal(delta.signature, start.origin or self._origin, NAME)
            if start.redacted:
                block: Spoken = {"type": "redacted_thinking", "data": signature}
                return _event({"type": "content_block_start", "index": delta.part, "content_block": block})
            said.append({"type": "signature_delta", "signature": signature})
        if start.kind == "refusal" and delta.text:
            self.losses.append(mapped("refusal", "a refusal is said as text"))
        cited = [say_citation(each, "content", self.losses) for each in delta.citations]
        said += [{"type": "citations_delta", "citation": citation} for citation in cited]
        return b"".join([_event({"type": "content_block_delta", "index": delta.part, "delta": each}) for each in said])


def _block(start: PartStarted) -> Spoken:
    match start.kind:
        case "tool_call":
            block: Spoken = {"type": "tool_use", "id": start.id or "", "name": start.name or "", "input": {}}
        case "reasoning":
            block = {"type": "thinking", "thinking": "", "signature": ""}
        case _:
            block = {"type": "text", "text": ""}
    return {"type": "content_block_start", "index": start.part, "content_block": {**block, **start.extra}}


def _event(said: Spoken) -> bytes:
    return encode_event(msgspec.json.encode(said), str(said["type"]))
