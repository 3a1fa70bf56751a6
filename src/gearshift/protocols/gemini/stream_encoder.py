"""Own streamed answers on their way out: events to pieces of an answer.

Invariants: a function call is said whole, for a piece can say no part of one; what a signature without text signs is
the part that follows; the finish reasons come last, with the counts.
Source: the Gemini API reference, "Generating content", `streamGenerateContent` (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from gearshift.protocols.arguments import as_object
from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.fields import OBJECT, Spoken
from gearshift.protocols.fold import gather
from gearshift.protocols.gemini.calls import UNNAMED
from gearshift.protocols.gemini.citations import say_citation
from gearshift.protocols.gemini.logprobs import encode_logprobs
from gearshift.protocols.gemini.parts import NAME
from gearshift.protocols.gemini.response import say_reason
from gearshift.protocols.gemini.speaker import Speaker
from gearshift.protocols.gemini.usage import MODEL, PATCHER, USAGE, encode_usage
from gearshift.protocols.json_patch import JsonObject
from gearshift.protocols.losses import mapped
from gearshift.protocols.sequence import Sequence
from gearshift.protocols.signatures import seal
from gearshift.protocols.sse import encode_event
from gearshift.protocols.wording import invalid
from gearshift.types.chat import Citation
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
        self._head: Spoken = {}
        self._tail = b"}"  # the same as bytes, as every piece ends
        self._origin = ""
        self._answers: dict[int, _Answer] = {}

    def feed(self, event: Event) -> bytes:
        """Give the bytes that say `event`, b"" when it needs none of its own."""
        return b"".join([self._say(each) for each in self._sequence.feed(event)])

    def end(self, finished: Finished, edits: ResponseEdits) -> bytes:
        """Give the last piece, with what `edits` add."""
        rest = OBJECT.read(finished.extra[USAGE], USAGE) if USAGE in finished.extra else {}
        late = {name: value for name, value in finished.extra.items() if name != USAGE}
        said: Spoken = {"candidates": [answer.last() for answer in self._answers.values()], **self._head, **late}
        if finished.usage is not None:
            said[USAGE] = {**encode_usage(finished.usage), **rest}
        piece = JsonObject(msgspec.json.encode(said), invalid)
        return encode_event(PATCHER.patch(piece, msgspec.structs.replace(edits, model=str(self._head[MODEL]))))

    def _say(self, event: Event) -> bytes:
        if isinstance(event, PartDelta):  # asked first: nearly all are
            return self._pieces(event.choice, self._answer(event.choice).delta(event))
        if isinstance(event, Started):
            self._origin = event.protocol
            self._head = {MODEL: event.model, "responseId": event.id, **event.extra}
            self._tail = b"," + msgspec.json.encode(self._head)[1:]
            return b""
        if isinstance(event, Finished):
            return b""
        return self._pieces(event.choice, self._answer(event.choice).take(event))

    def _answer(self, choice: int) -> _Answer:
        answer = self._answers.get(choice)
        if answer is None:
            answer = self._answers[choice] = _Answer(choice, self._origin, self.losses)
        return answer

    def _pieces(self, choice: int, parts: list[Spoken]) -> bytes:
        """Give each part in a piece of its own."""
        said = [_PIECE % (msgspec.json.encode(part), choice, self._tail) for part in parts]
        return b"".join(map(encode_event, said))


_PIECE: Final = b'{"candidates":[{"content":{"parts":[%b],"role":"model"},"index":%d}]%b'


class _Answer:
    """Tell one candidate."""

    def __init__(self, choice: int, origin: str, losses: list[Loss]) -> None:
        self._choice = choice
        self._origin = origin
        self._losses = losses
        self._open: PartStarted | None = None
        self._arguments: list[str] = []
        self._told = False
        self._signature: str | None = None  # of a thought without text: it stands at the part that follows
        self._cited: list[Citation] = []
        self._logprobs: list[Raw] = []
        self._ended: ChoiceEnded | None = None
        self._extra: dict[str, Raw] = {}

    def take(self, event: PartStarted | PartEnded | MediaGiven | ChoiceDelta | ChoiceEnded) -> list[Spoken]:
        """Give the parts that say `event`."""
        match event:
            case PartStarted():
                self._open, self._arguments, self._told = event, [], False
                if event.kind == "refusal":
                    self._losses.append(mapped("refusal", "a refusal is said as text"))
            case PartEnded() if self._open is not None and self._open.kind == "tool_call":
                return [self._call(self._open)]
            case MediaGiven():
                return [self._signed(Speaker(self._losses, {}, to_caller=True).media(event.media, "parts"))]
            case ChoiceDelta():
                self._score(event.logprobs)
                self._extra |= event.extra
            case ChoiceEnded():
                self._ended = event
            case _:
                pass
        return []

    def last(self) -> Spoken:
        """Give the last piece of the candidate."""
        part: Spoken = {"text": ""} if self._signature is None else {"text": "", "thoughtSignature": self._signature}
        said: Spoken = {"content": {"parts": [part], "role": "model"}, "index": self._choice, **self._extra}
        if self._ended is not None:
            said |= {"finishReason": say_reason(self._ended.finish_reason), **self._ended.extra}
        if self._cited:
            said["citationMetadata"] = {"citations": [say_citation(each) for each in self._cited]}
        if self._logprobs:
            said["logprobsResult"] = encode_logprobs(gather(self._logprobs))
        return said

    def delta(self, delta: PartDelta) -> list[Spoken]:
        """Give the parts that say a delta."""
        start = self._open
        self._cited += delta.citations
        self._score(delta.logprobs)
        if start is None:
            return []
        if start.kind == "tool_call":
            self._arguments.append(delta.text)
            return []
        said: list[Spoken] = []
        if delta.text:
            self._told = True
            if start.kind != "reasoning":
                said.append(self._signed({"text": delta.text}))
            else:
                if self._signature is not None:
                    said.append(self._signed({"text": ""}))
                said.append({"text": delta.text, "thought": True})
        if delta.signature is not None:
            signature = seal(delta.signature, start.origin or self._origin, NAME, base64=True, redacted=start.redacted)
            if self._told:
                said.append({"text": "", "thought": True, "thoughtSignature": signature})
            else:
                if self._signature is not None:
                    said.append({"text": "", "thoughtSignature": self._signature})
                self._signature = signature
        return said

    def _score(self, logprobs: Raw | None) -> None:
        if logprobs is not None:
            self._logprobs.append(logprobs)

    def _call(self, start: PartStarted) -> Spoken:
        args = as_object("".join(self._arguments), "tool_calls", self._losses)
        inner: Spoken = {"name": start.name or "", "args": args}
        if start.id and not start.id.startswith(UNNAMED):
            inner["id"] = start.id
        rest = OBJECT.read(start.extra["functionCall"], "functionCall") if "functionCall" in start.extra else {}
        return self._signed({**start.extra, "functionCall": {**inner, **rest}})

    def _signed(self, part: Spoken) -> Spoken:
        """Give a part with the signature that waits for it."""
        signature, self._signature = self._signature, None
        return part if signature is None else {**part, "thoughtSignature": signature}
