"""Turn a response into the events of the stream that would say it: the inverse of `fold`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, zip_longest

import msgspec
from msgspec import Raw

from gearshift.protocols.fold import MESSAGE
from gearshift.types.chat import Choice, Extra, Media, Part, Reasoning, Refusal, Response, Text, ToolCall, ToolResult
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


def unfold(response: Response, size: int = 3) -> Iterator[Event]:
    """Give the events of `response`, its texts in deltas of `size` characters, its answers in turns."""
    extra = dict(response.extra)
    late = {"usage": extra.pop("usage")} if "usage" in extra else {}
    yield Started(
        protocol=response.protocol, id=response.id, model=response.model, created=response.created, extra=extra
    )
    answers = zip_longest(*(_answer(choice, size) for choice in response.choices))
    yield from (event for event in chain.from_iterable(answers) if event is not None)
    yield Finished(usage=response.usage, extra=late)


def _answer(choice: Choice, size: int) -> Iterator[Event]:
    extra = dict(choice.extra)
    message: Extra = msgspec.json.decode(extra.pop(MESSAGE), type=Extra) if MESSAGE in extra else {}
    index, scores = choice.index, choice.logprobs
    for number, part in enumerate(choice.parts):
        yield from _part(index, number, part, size, scores)
        scores = None if isinstance(part, Text) else scores
    if message or scores is not None:
        yield ChoiceDelta(choice=index, logprobs=scores, message=message)
    for number, part in enumerate(choice.parts):
        if not isinstance(part, Media):
            yield PartEnded(choice=index, part=number)
    if choice.finish_reason is not None:
        yield ChoiceEnded(choice=index, finish_reason=choice.finish_reason, extra=extra)


def _part(index: int, number: int, part: Part, size: int, scores: Raw | None) -> Iterator[Event]:
    match part:
        case ToolCall():
            yield PartStarted(choice=index, part=number, kind="tool_call", id=part.id, name=part.name, extra=part.extra)
            yield from _deltas(index, number, part.arguments, size)
        case Text():
            yield PartStarted(choice=index, part=number, kind="text")
            yield from _deltas(index, number, part.text, size)
            if scores is not None or part.citations:
                yield PartDelta(choice=index, part=number, text="", logprobs=scores, citations=part.citations)
        case Reasoning():
            yield PartStarted(choice=index, part=number, kind="reasoning", redacted=part.redacted)
            yield from _deltas(index, number, part.text, size)
            if part.signature is not None:
                yield PartDelta(choice=index, part=number, text="", signature=part.signature)
        case Refusal():
            yield PartStarted(choice=index, part=number, kind="refusal")
            yield from _deltas(index, number, part.text, size)
        case Media():
            yield MediaGiven(choice=index, part=number, media=part)
        case ToolResult():
            raise AssertionError(part)


def _deltas(choice: int, part: int, text: str, size: int) -> Iterator[Event]:
    for at in range(0, len(text), size):
        yield PartDelta(choice=choice, part=part, text=text[at : at + size])
