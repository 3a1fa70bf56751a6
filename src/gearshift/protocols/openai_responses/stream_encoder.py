"""Own streamed answers on their way out: events to OpenAI's semantic events.

Invariants: one item is open at a time (`sequence.Sequence` sees to it), each with one part; events are numbered from 0;
the last one repeats the whole answer, as clients expect it.
Source: the OpenAI API reference, "Streaming events" (2026-11).
"""

from __future__ import annotations

from typing import TypedDict

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.fields import LIST, OBJECT, Spoken
from gearshift.protocols.json_patch import JsonObject
from gearshift.protocols.losses import dropped
from gearshift.protocols.openai_responses.items import MESSAGE, NAME, encode_image
from gearshift.protocols.openai_responses.parts import ANNOTATIONS, Speaker, say_citation
from gearshift.protocols.openai_responses.response import PREFIXES, ending, own_scores, skeleton
from gearshift.protocols.openai_responses.usage import PATCHER, encode_usage
from gearshift.protocols.sequence import Sequence
from gearshift.protocols.signatures import seal
from gearshift.protocols.sse import encode_event
from gearshift.protocols.wording import invalid
from gearshift.types.chat import FinishReason, Media
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
        self.number = 0
        self._head: Spoken = {}
        self._origin = ""
        self._output: list[Spoken] = []
        self._item: _Item = _Item(PartStarted(choice=0, part=0, kind="refusal"), "", 0)  # what is open, once it is
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
            case PartDelta():
                return self._delta(event)
            case PartStarted():
                self._item = _Item(event, str(self._head["id"]), len(self._output))
                return self._all(self._item.start())
            case MediaGiven():
                return self._media(event.media)
            case PartEnded():
                said = self._item.end(self._origin)
                self._output.append(self._item.whole(self._origin))
                return self._all(said)
            case ChoiceEnded():
                self._reason = event.finish_reason
            case ChoiceDelta() if event.logprobs is not None:
                return self._delta(PartDelta(choice=0, part=0, text="", logprobs=event.logprobs))
            case ChoiceDelta() | Finished():
                pass
        return b""

    def _delta(self, delta: PartDelta) -> bytes:
        """Say a delta of what is open, where it says anything."""
        item, probabilities = self._item, None if delta.logprobs is None else own_scores(delta.logprobs, self.losses)
        if probabilities is not None and not item.is_text:
            self.losses.append(dropped("logprobs", "there is no text that they belong to"))
            probabilities = None
        out, told = b"", item.delta(delta, probabilities)
        if told is not None:
            told.sequence_number = self.number
            self.number += 1
            out = encode_event(msgspec.json.encode(told), told.type)
        return out + self._all(item.annotate(delta)) if delta.citations or delta.extra else out

    def _media(self, media: Media) -> bytes:
        """Say an image as an item of its own."""
        said = encode_image(media, "output", Speaker(self.losses, to_caller=True))
        if said is None:
            return b""
        index = len(self._output)
        item = {"id": f"{PREFIXES['image_generation_call']}_{self._head['id']}_{index}", "status": "completed", **said}
        self._output.append(item)
        begun = {**item, "status": "in_progress", "result": None}
        at: Spoken = {"output_index": index, "item_id": item["id"]}
        return self._all(
            [
                ("response.output_item.added", {"output_index": index, "item": begun}),
                ("response.image_generation_call.completed", at),
                ("response.output_item.done", {"output_index": index, "item": item}),
            ]
        )

    def _all(self, events: list[tuple[str, Spoken]]) -> bytes:
        return b"".join([self._event(kind, **said) for kind, said in events])

    def _event(self, kind: str, **said: object) -> bytes:
        numbered = {"type": kind, "sequence_number": self.number, **said}
        self.number += 1
        return encode_event(msgspec.json.encode(numbered), kind)


class _Place(TypedDict, total=False):
    content_index: int
    summary_index: int


class _Delta(Struct):
    """Be the event that nearly all of a stream consists of."""

    type: str
    output_index: int
    item_id: str
    sequence_number: int = 0
    delta: str = ""
    content_index: int | UnsetType = UNSET
    summary_index: int | UnsetType = UNSET
    logprobs: list[Raw] | UnsetType = UNSET


class _Item:
    """Tell one item."""

    def __init__(self, start: PartStarted, answer: str, index: int) -> None:
        self._start = start
        self._texts: list[str] = []
        self._signature = ""
        self._annotations: list[object] = []
        self._logprobs: list[Raw] = []
        self._over = False
        self._index = index
        self._id = f"{ {'tool_call': 'fc', 'reasoning': 'rs'}.get(start.kind, 'msg') }_{answer}_{index}"
        self._at: Spoken = {"output_index": index, "item_id": self._id}
        kind, where = _DELTAS[start.kind]
        self._delta = _Delta(f"{kind}.delta", index, self._id, **where)

    @property
    def is_text(self) -> bool:
        """Say whether it is a text that goes on."""
        return self._start.kind == "text" and not self._over

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

    def delta(self, delta: PartDelta, logprobs: Raw | None) -> _Delta | None:
        """Give the event of a delta, None for one of a signature or an annotation only."""
        self._texts.append(delta.text)
        if delta.signature is not None:
            self._signature += delta.signature
        if not delta.text and logprobs is None:
            return None
        if self.is_text:
            self._delta.logprobs = LIST.read(logprobs, "logprobs") if logprobs is not None else []
            self._logprobs += self._delta.logprobs
        self._delta.delta = delta.text
        return self._delta

    def annotate(self, delta: PartDelta) -> list[tuple[str, Spoken]]:
        """Give the events of annotations."""
        said: list[object] = [say_citation(citation) for citation in delta.citations]
        said += LIST.read(delta.extra[ANNOTATIONS], ANNOTATIONS) if ANNOTATIONS in delta.extra else []
        out: list[tuple[str, Spoken]] = []
        for annotation in said:
            place: Spoken = {"content_index": 0, "annotation_index": len(self._annotations)}
            out.append(("response.output_text.annotation.added", {**self._at, **place, "annotation": annotation}))
            self._annotations.append(annotation)
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
                rest = OBJECT.read(start.extra[MESSAGE], MESSAGE) if MESSAGE in start.extra else {}
                return {**head, "content": content, **rest}

    def _part(self, text: str) -> Spoken:
        if self._start.kind == "refusal":
            return {"type": "refusal", "refusal": text}
        said: Spoken = {"type": "output_text", "text": text, "annotations": list(self._annotations)}
        return said | {"logprobs": list(self._logprobs)}


_DELTAS: dict[str, tuple[str, _Place]] = {
    "text": ("response.output_text", {"content_index": 0}),
    "refusal": ("response.refusal", {"content_index": 0}),
    "reasoning": ("response.reasoning_summary_text", {"summary_index": 0}),
    "tool_call": ("response.function_call_arguments", {}),
}
