"""Own streamed answers on their way out: events to frames of AWS's event stream.

Invariant: one block is open at a time, numbered from 0 (`sequence.Sequence` sees to it); a block of text or thinking is
begun by its first delta, as Bedrock has it; counts come last, in `metadata`.
Source: botocore's model of bedrock-runtime, `ConverseStreamOutput` (2026-11).
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from gearshift.protocols.bedrock_converse.blocks import NAME
from gearshift.protocols.bedrock_converse.citations import say_citation
from gearshift.protocols.bedrock_converse.frames import encode_frame
from gearshift.protocols.bedrock_converse.response import REASON, patched_usage, say_reason, say_usage
from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.fields import Spoken
from gearshift.protocols.losses import dropped, mapped
from gearshift.protocols.sequence import Sequence
from gearshift.protocols.signatures import seal
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
        self._ended = ChoiceEnded(choice=0, finish_reason="stop")

    def feed(self, event: Event) -> bytes:
        """Give the bytes that say `event`, b"" when it needs none of its own."""
        if isinstance(event, ChoiceDelta | PartDelta) and event.logprobs is not None:
            self.losses.append(dropped("logprobs", "Converse's answers have none"))
        return b"".join([self._say(each) for each in self._sequence.feed(event)])

    def end(self, finished: Finished, edits: ResponseEdits) -> bytes:
        """Give the last words of the stream, with what `edits` add."""
        usage = msgspec.json.encode(say_usage(finished.usage, finished.extra))
        rest = {name: raw for name, raw in finished.extra.items() if name != "usage"}
        told = msgspec.json.encode({**rest, "usage": Raw(patched_usage(usage, edits) or usage)})
        if edits.top:
            told = b"%b,%b}" % (told[:-1], edits.top)
        stop: Spoken = {REASON: say_reason(self._ended.finish_reason), **self._ended.extra}
        return _frame(stop, "messageStop") + encode_frame(told, "metadata")

    def _say(self, event: Event) -> bytes:
        match event:
            case Started():
                self._origin = event.protocol
                return _frame({"role": "assistant"}, "messageStart")
            case PartStarted():
                self._open = event
                return self._start(event)
            case PartDelta():
                return self._delta(event)
            case PartEnded():
                return _frame({"contentBlockIndex": event.part}, "contentBlockStop")
            case ChoiceEnded():
                self._ended = event
            case ChoiceDelta() | Finished() | MediaGiven():  # `Codec.gives_media`: images do not come here
                pass
        return b""

    @staticmethod
    def _start(start: PartStarted) -> bytes:
        if start.kind != "tool_call":
            return b""
        call = {"toolUseId": start.id or "", "name": start.name or "", **start.extra}
        return _frame({"contentBlockIndex": start.part, "start": {"toolUse": call}}, "contentBlockStart")

    def _delta(self, delta: PartDelta) -> bytes:
        start = self._open
        if start is None:
            return b""
        said: list[Spoken] = [_text(start, delta.text)] if delta.text else []
        if delta.signature is not None:
            signature = seal(delta.signature, start.origin or self._origin, NAME, base64=start.redacted)
            word = "redactedContent" if start.redacted else "signature"
            said.append({"reasoningContent": {word: signature}})
        if start.kind == "refusal" and delta.text:
            self.losses.append(mapped("refusal", "a refusal is said as text"))
        said += [{"citation": say_citation(each, "content", self.losses)} for each in delta.citations]
        return b"".join(
            [_frame({"contentBlockIndex": delta.part, "delta": each}, "contentBlockDelta") for each in said]
        )


def _text(start: PartStarted, text: str) -> Spoken:
    match start.kind:
        case "tool_call":
            return {"toolUse": {"input": text}}
        case "reasoning":
            return {"reasoningContent": {"text": text}}
        case _:
            return {"text": text}


def _frame(said: Spoken, event: str) -> bytes:
    return encode_frame(msgspec.json.encode(said), event)
