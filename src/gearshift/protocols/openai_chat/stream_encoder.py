"""Own streamed answers on their way out: events to chunks.

Invariant: what `stream_decoder.Decoder` makes of these chunks folds to the same response as the events themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

import msgspec

from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.fields import OBJECT, Spoken
from gearshift.protocols.json_patch import JsonObject
from gearshift.protocols.openai_chat.citations import ANNOTATIONS, say_citations
from gearshift.protocols.openai_chat.message import DETAILS, FORMATS, encode_call
from gearshift.protocols.openai_chat.progress import DONE
from gearshift.protocols.openai_chat.response import patch_answer
from gearshift.protocols.openai_chat.usage import encode_usage
from gearshift.protocols.sse import encode_event
from gearshift.protocols.wording import invalid
from gearshift.types.chat import Extra, ToolCall
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

    def __init__(self, *, send_usage: bool) -> None:
        """Begin a stream; without `send_usage` the usage is left out."""
        self.losses: list[Loss] = []
        self.number = 0  # events have none
        self._send_usage = send_usage
        self._origin = ""
        self._head: Spoken = {}
        self._begin = b""  # the same as bytes, as every chunk begins
        self._usage_rest: Extra = {}
        self._parts: dict[tuple[int, int], PartStarted] = {}
        self._calls: dict[tuple[int, int], int] = {}  # parts that are tool calls, to their index in the answer
        self._said: dict[int, int] = {}  # characters of text, by answer
        self._before: dict[tuple[int, int], int] = {}  # characters of text before a part's own
        self._begun: set[int] = set()  # answers whose role was said

    def feed(self, event: Event) -> bytes:
        """Give the bytes that say `event`, b"" when it needs none of its own."""
        match event:
            case PartDelta():  # first: nearly all are
                return self._choice(event.choice, self._delta(event), {"logprobs": event.logprobs})
            case Started():
                self._origin = event.protocol
                said = {"id": event.id, "object": "chat.completion.chunk", "created": event.created}
                self._head = {**said, "model": event.model, **self._without_usage(event.extra)}
                self._begin = msgspec.json.encode(self._head)[:-1]
            case PartStarted():
                return self._start(event)
            case ChoiceDelta():
                return self._choice(event.choice, event.message, {"logprobs": event.logprobs, **event.extra})
            case ChoiceEnded():
                return self._choice(event.choice, {}, {"finish_reason": event.finish_reason, **event.extra})
            case PartEnded() | Finished() | MediaGiven():  # `Codec.gives_media`: images do not come here
                pass
            case _:
                assert_never(event)
        return b""

    def _start(self, start: PartStarted) -> bytes:
        key = (start.choice, start.part)
        self._parts[key] = start
        if start.kind != "tool_call":
            return self._choice(start.choice, start.extra, {}) if start.extra else b""
        self._calls[key] = sum(choice == start.choice for choice, _ in self._calls)
        call = ToolCall(id=start.id or "", name=start.name or "", arguments="", extra=start.extra)
        return self._choice(start.choice, {"tool_calls": [{"index": self._calls[key], **encode_call(call)}]}, {})

    def _delta(self, delta: PartDelta) -> Spoken:
        key = (delta.choice, delta.part)
        start = self._parts[key]
        match start.kind:
            case "text":
                return self._text(delta)
            case "refusal":
                return {"refusal": delta.text, **delta.extra}
            case "reasoning" if delta.signature is not None or self._origin in FORMATS:
                return self._signed(delta, start)
            case "reasoning":
                detailed = DETAILS in delta.extra or DETAILS in start.extra
                return {"reasoning" if detailed else "reasoning_content": delta.text, **delta.extra}
            case "tool_call":
                call: Spoken = {"index": self._calls[key], **delta.extra}
                if "type" not in start.extra:  # else `extra` says it all
                    rest = OBJECT.read(delta.extra["function"], "function") if "function" in delta.extra else {}
                    call["function"] = {"arguments": delta.text, **rest}
                return {"tool_calls": [call]}
            case _:
                assert_never(start.kind)

    def _text(self, delta: PartDelta) -> Spoken:
        """Say a piece of text; what it cites is placed in the text of the whole answer."""
        before = self._before.setdefault((delta.choice, delta.part), self._said.get(delta.choice, 0))
        self._said[delta.choice] = self._said.get(delta.choice, 0) + len(delta.text)
        said: Spoken = {"content": delta.text, **delta.extra}
        return said | ({ANNOTATIONS: say_citations(delta.citations, before)} if delta.citations else {})

    def _signed(self, delta: PartDelta, start: PartStarted) -> Spoken:
        """Say thinking that its provider signs, in the pieces that OpenRouter streams it in."""
        detail: Spoken = {"type": "reasoning.text", "index": delta.part, "format": FORMATS.get(self._origin, "unknown")}
        if delta.signature is not None and not delta.text and (start.redacted or self._origin == "gemini"):
            detail |= {"type": "reasoning.redacted" if start.redacted else "reasoning.encrypted"}
            return {DETAILS: [{**detail, "data": delta.signature}]}
        detail["text"] = delta.text
        if delta.signature is not None:
            detail["signature"] = delta.signature
        return {"reasoning": delta.text, DETAILS: [detail], **delta.extra}

    def _choice(self, index: int, delta: Mapping[str, object], members: Spoken) -> bytes:
        if index not in self._begun:
            self._begun.add(index)
            delta = {"role": "assistant", **delta}
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": None, **members}
        return encode_event(b'%b,"choices":[%b]}' % (self._begin, msgspec.json.encode(choice)))

    def end(self, finished: Finished, edits: ResponseEdits) -> bytes:
        """Give the last chunk, when there is anything for it to say, and the terminator."""
        late = self._without_usage(finished.extra)
        usage = encode_usage(finished.usage, self._usage_rest) if self._send_usage else {}
        if usage:
            late["usage"] = usage
        if not (late or edits.usage or edits.top):
            return encode_event(DONE)
        last = JsonObject(msgspec.json.encode({**self._head, "choices": [], **late}), invalid)
        return encode_event(patch_answer(last, msgspec.structs.replace(edits, model=str(self._head["model"])))) + (
            encode_event(DONE)
        )

    def _without_usage(self, extra: Extra) -> Spoken:
        """Keep what an upstream said beside the token counts for the end of the stream."""
        if "usage" in extra:
            self._usage_rest = OBJECT.read(extra["usage"], "usage")
        return {name: raw for name, raw in extra.items() if name != "usage"}
