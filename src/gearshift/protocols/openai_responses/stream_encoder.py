"""Own streamed answers on their way out: events to OpenAI's semantic events.

Invariants: one item is open at a time (`sequence.Sequence` sees to it), each with one part; events are numbered from 0;
the last one repeats the whole answer, as clients expect it.
Source: the OpenAI API reference, "Streaming events" (2026-11).
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.fields import OBJECT, Spoken
from gearshift.protocols.json_patch import JsonObject
from gearshift.protocols.losses import dropped
from gearshift.protocols.openai_responses.items import NAME
from gearshift.protocols.openai_responses.parts import say_citation
from gearshift.protocols.openai_responses.response import ending, skeleton
from gearshift.protocols.openai_responses.usage import PATCHER, encode_usage
from gearshift.protocols.sequence import Sequence
from gearshift.protocols.signatures import seal
from gearshift.protocols.sse import encode_event
from gearshift.protocols.wording import invalid
from gearshift.types.chat import FinishReason
from gearshift.types.record import Loss
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


class Encoder:
    """Turn events into the bytes of one stream."""

    def __init__(self) -> None:
        """Begin a stream."""
        self.losses: list[Loss] = []
        self._sequence = Sequence()
        self._number = 0
        self._head: Spoken = {}
        self._origin = ""
        self._output: list[Spoken] = []
        self._item: _Item = _Item(PartStarted(choice=0, part=0, kind="text"), "", 0)
        self._reason: FinishReason | None = None

    def feed(self, event: Event) -> bytes:
        """Give the bytes that say `event`, b"" when it needs none of its own."""
        return b"".join([self._say(each) for each in self._sequence.feed(event)])

    def end(self, finished: Finished, edits: ResponseEdits) -> bytes:
        """Give the last event, with what `edits` add."""
        rest = OBJECT.read(finished.extra["usage"], "usage") if "usage" in finished.extra else {}
        usage = None if finished.usage is None else {**encode_usage(finished.usage), **rest}
        late = {name: value for name, value in finished.extra.items() if name != "usage"}
        said = {**self._head, "output": self._output, "usage": usage, **ending(self._reason), **late}
        answer = JsonObject(msgspec.json.encode(said), invalid)
        edits = msgspec.structs.replace(edits, model=str(self._head["model"]))
        return self._event(f"response.{said['status']}", response=Raw(PATCHER.patch(answer, edits)))

    def _say(self, event: Event) -> bytes:
        match event:
            case Started():
                self._origin = event.protocol
                self._head = {**skeleton(event.id, event.model, event.created), **event.extra}
                created = self._event("response.created", response=self._head)
                return created + self._event("response.in_progress", response=self._head)
            case PartStarted():
                self._item = _Item(event, str(self._head["id"]), len(self._output))
                return self._all(self._item.start())
            case PartDelta():
                return self._all(self._item.delta(event))
            case PartEnded():
                said = self._item.end(self._origin)
                self._output.append(self._item.whole(self._origin))
                return self._all(said)
            case ChoiceEnded():
                self._reason = event.finish_reason
            case ChoiceDelta() if event.logprobs is not None:
                if self._item.told:
                    return self._all(self._item.delta(PartDelta(choice=0, part=0, text="", logprobs=event.logprobs)))
                self.losses.append(dropped("logprobs", "there is no text that they belong to"))
            case ChoiceDelta() | Finished():
                pass
        return b""

    def _all(self, events: list[tuple[str, Spoken]]) -> bytes:
        return b"".join([self._event(kind, **said) for kind, said in events])

    def _event(self, kind: str, **said: object) -> bytes:
        numbered = {"type": kind, "sequence_number": self._number, **said}
        self._number += 1
        return encode_event(msgspec.json.encode(numbered), kind)


class _Item:
    """Tell one item."""

    def __init__(self, start: PartStarted, answer: str, index: int) -> None:
        self._start = start
        self._index = index
        self._texts: list[str] = []
        self._signature = ""
        self._annotations: list[Spoken] = []
        self._logprobs: list[Raw] = []
        self._over = False
        kind = {"tool_call": "fc", "reasoning": "rs"}.get(start.kind, "msg")
        self._at: Spoken = {"output_index": index, "item_id": f"{kind}_{answer}_{index}"}
        self._id = str(self._at["item_id"])

    @property
    def told(self) -> bool:
        """Say whether it is a text, of which something was told, that goes on."""
        return self._start.kind == "text" and bool(self._texts) and not self._over

    def start(self) -> list[tuple[str, Spoken]]:
        """Give the events of its beginning."""
        added = ("response.output_item.added", {"output_index": self._index, "item": self._shown("in_progress", "")})
        match self._start.kind:
            case "tool_call":
                return [added]
            case "reasoning":
                part = {"type": "summary_text", "text": ""}
                return [
                    added,
                    ("response.reasoning_summary_part.added", {**self._at, "summary_index": 0, "part": part}),
                ]
            case _:
                return [
                    added,
                    ("response.content_part.added", {**self._at, "content_index": 0, "part": self._part("")}),
                ]

    def delta(self, delta: PartDelta) -> list[tuple[str, Spoken]]:
        """Give the events of a delta."""
        self._texts.append(delta.text)
        self._signature += delta.signature or ""
        out: list[tuple[str, Spoken]] = []
        scores = _scores(delta.logprobs)
        self._logprobs += scores
        if delta.text or scores:
            kind, where = _DELTAS[self._start.kind]
            said: Spoken = {**self._at, **where, "delta": delta.text}
            if self._start.kind == "text":
                said["logprobs"] = scores
            out.append((f"{kind}.delta", said))
        for citation in delta.citations:
            said = {
                **self._at,
                "content_index": 0,
                "annotation_index": len(self._annotations),
                "annotation": say_citation(citation),
            }
            self._annotations.append(say_citation(citation))
            out.append(("response.output_text.annotation.added", said))
        return out

    def end(self, origin: str) -> list[tuple[str, Spoken]]:
        """Give the events of its end."""
        self._over = True
        text = "".join(self._texts)
        done = ("response.output_item.done", {"output_index": self._index, "item": self.whole(origin)})
        kind, where = _DELTAS[self._start.kind]
        at = {**self._at, **where}
        match self._start.kind:
            case "tool_call":
                return [(f"{kind}.done", {**at, "name": self._start.name, "arguments": text}), done]
            case "reasoning":
                part = {"type": "summary_text", "text": text}
                ended = ("response.reasoning_summary_part.done", {**at, "part": part})
                return [(f"{kind}.done", {**at, "text": text}), ended, done]
            case "refusal":
                ended = ("response.content_part.done", {**at, "part": self._part(text)})
                return [(f"{kind}.done", {**at, "refusal": text}), ended, done]
            case _:
                ended = ("response.content_part.done", {**at, "part": self._part(text)})
                return [(f"{kind}.done", {**at, "text": text, "logprobs": self._logprobs}), ended, done]

    def whole(self, origin: str) -> Spoken:
        """Give the item as it is at its end."""
        said = self._shown("completed", "".join(self._texts))
        if self._signature:
            said["encrypted_content"] = seal(
                self._signature, self._start.origin or origin, NAME, redacted=self._start.redacted
            )
        return said

    def _shown(self, status: str, text: str) -> Spoken:
        start = self._start
        match start.kind:
            case "tool_call":
                call: Spoken = {"call_id": start.id or "", "name": start.name or "", "arguments": text}
                return {"id": self._id, "type": "function_call", "status": status, **call, **start.extra}
            case "reasoning":
                summary = [{"type": "summary_text", "text": text}] if text else []
                return {"id": self._id, "type": "reasoning", "status": status, "summary": summary, **start.extra}
            case _:
                content = [self._part(text)] if status == "completed" else []
                head: Spoken = {"id": self._id, "type": "message", "status": status, "role": "assistant"}
                return {**head, "content": content}

    def _part(self, text: str) -> Spoken:
        if self._start.kind == "refusal":
            return {"type": "refusal", "refusal": text}
        said: Spoken = {"type": "output_text", "text": text, "annotations": list(self._annotations)}
        return said | {"logprobs": list(self._logprobs)}


_DELTAS: dict[str, tuple[str, Spoken]] = {
    "text": ("response.output_text", {"content_index": 0}),
    "refusal": ("response.refusal", {"content_index": 0}),
    "reasoning": ("response.reasoning_summary_text", {"summary_index": 0}),
    "tool_call": ("response.function_call_arguments", {}),
}
_list = msgspec.json.Decoder(list[Raw])


def _scores(logprobs: Raw | None) -> list[Raw]:
    """Give the probabilities of a delta."""
    if logprobs is None:
        return []
    content = OBJECT.read(logprobs, "logprobs").get("content", Raw(b"null"))
    return [] if bytes(content) == b"null" else _list.decode(content)
