"""Own the fold: the events of a stream become the response that they say, and deltas of raw JSON become one value.

Invariant: the fold of a stream is the response that the same answer makes when it is not streamed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, assert_never

import msgspec
from msgspec import Raw

from gearshift.errors import StreamBroken
from gearshift.types.chat import (
    Choice,
    Citation,
    Extra,
    FinishReason,
    Media,
    Part,
    Reasoning,
    Refusal,
    Response,
    Text,
    ToolCall,
)
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

MESSAGE: Final = "message"
_NAMES: Final = frozenset({"type", "id", "index", "format"})
"""Members that name a thing: a later delta says them again, it does not go on with them."""
_NULL: Final = b"null"
_members = msgspec.json.Decoder(dict[str, Raw])


def gather(deltas: Sequence[Raw]) -> Raw:
    """Join the deltas of one value, at least one: texts and lists are strung together, objects joined by member.

    Of all else the last holds. null says nothing.
    """
    said = [text for text in map(bytes, deltas) if text != _NULL]
    if len(said) <= 1:
        return _last(deltas)
    match b"".join({text[:1] for text in said}):
        case b'"':
            return Raw(b'"%b"' % b"".join(text[1:-1] for text in said))
        case b"[":
            return Raw(b"[%b]" % b",".join(inner for text in said if (inner := text[1:-1].strip())))
        case b"{":
            return Raw(msgspec.json.encode(gather_members([_members.decode(text) for text in said])))
        case _:
            return _last(deltas)


def gather_members(deltas: Sequence[Extra]) -> Extra:
    """Join the deltas of one object."""
    values: dict[str, list[Raw]] = {}
    for delta in deltas:
        for name, value in delta.items():
            values.setdefault(name, []).append(value)
    return {name: _last(said) if name in _NAMES else gather(said) for name, said in values.items()}


def _last(values: Sequence[Raw]) -> Raw:
    """Give the last value that is not null."""
    return next((value for value in reversed(values) if bytes(value) != _NULL), values[-1])


def fold(events: Iterable[Event]) -> Response:
    """Give the response that a stream says; raise StreamBroken when it says none.

    Pieces of a message without a noun stand in `Choice.extra` under `message`.
    """
    started: Started | None = None
    protocol = ""
    finished = Finished()
    choices: dict[int, _ChoiceDraft] = {}
    for event in events:
        match event:
            case Started():
                started, protocol = event, event.protocol
            case Finished():
                finished = event
            case _:
                choices.setdefault(event.choice, _ChoiceDraft(protocol)).add(event)
    if started is None:
        raise StreamBroken("the stream held no answer")
    return Response(
        protocol=started.protocol,
        id=started.id,
        model=started.model,
        created=started.created,
        choices=tuple(choices[index].choice(index) for index in sorted(choices)),
        usage=finished.usage,
        extra={**started.extra, **finished.extra},
    )


class _PartDraft:
    """Gather one part."""

    def __init__(self, start: PartStarted, protocol: str) -> None:
        self.start = start
        self.protocol = protocol
        self.texts: list[str] = []
        self.signature = ""
        self.citations: list[Citation] = []
        self.extras = [start.extra]

    def part(self) -> Part:
        text, extra = "".join(self.texts), gather_members(self.extras)
        match self.start.kind:
            case "text":
                return Text(text=text, citations=tuple(self.citations), extra=extra)
            case "reasoning":
                return self._reasoning(text, extra)
            case "refusal":
                return Refusal(text=text, extra=extra)
            case "tool_call":
                return ToolCall(id=self.start.id or "", name=self.start.name or "", arguments=text, extra=extra)
            case _:
                assert_never(self.start.kind)

    def _reasoning(self, text: str, extra: Extra) -> Reasoning:
        signature = self.signature or None
        return Reasoning(
            text=text,
            signature=signature,
            origin=(self.start.origin or self.protocol) if signature else None,
            redacted=self.start.redacted,
            extra=extra,
        )


class _ChoiceDraft:
    """Gather one answer."""

    def __init__(self, protocol: str) -> None:
        self.protocol = protocol
        self.parts: dict[int, _PartDraft] = {}
        self.media: dict[int, Media] = {}
        self.logprobs: list[Raw] = []
        self.messages: list[Extra] = []
        self.extra: Extra = {}
        self.finish_reason: FinishReason | None = None

    def add(self, event: PartStarted | PartDelta | PartEnded | MediaGiven | ChoiceDelta | ChoiceEnded) -> None:
        match event:
            case PartStarted():
                self.parts[event.part] = _PartDraft(event, self.protocol)
            case PartDelta():
                draft = self.parts[event.part]
                draft.texts.append(event.text)
                draft.signature += event.signature or ""
                draft.citations.extend(event.citations)
                draft.extras.append(event.extra)
            case MediaGiven():
                self.media[event.part] = event.media
            case ChoiceDelta():
                self.messages.append(event.message)
                self.extra.update(event.extra)
            case ChoiceEnded():
                self.finish_reason = event.finish_reason
                self.extra.update(event.extra)
            case PartEnded():
                pass
            case _:
                assert_never(event)
        if isinstance(event, PartDelta | ChoiceDelta) and event.logprobs is not None:
            self.logprobs.append(event.logprobs)

    def choice(self, index: int) -> Choice:
        if message := gather_members(self.messages):
            self.extra[MESSAGE] = Raw(msgspec.json.encode(message))
        told: dict[int, Part] = {number: draft.part() for number, draft in self.parts.items()}
        told |= self.media
        return Choice(
            index=index,
            parts=tuple(told[part] for part in sorted(told)),
            finish_reason=self.finish_reason,
            logprobs=gather(self.logprobs) if self.logprobs else None,
            extra=self.extra,
        )
