"""Turn a response into the events of the stream that would say it: the inverse of `fold`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, zip_longest
from typing import Literal

import msgspec

from gearshift.protocols.fold import MESSAGE
from gearshift.types.chat import (
    Choice,
    ChoiceDelta,
    ChoiceEnded,
    Event,
    Extra,
    Finished,
    Media,
    PartDelta,
    PartEnded,
    PartStarted,
    Reasoning,
    Refusal,
    Response,
    Started,
    Text,
    ToolCall,
    ToolResult,
)


def unfold(response: Response, size: int = 3) -> Iterator[Event]:
    """Give the events of `response`, its texts in deltas of `size` characters, its answers in turns."""
    extra = dict(response.extra)
    late = {"usage": extra.pop("usage")} if "usage" in extra else {}
    yield Started(id=response.id, model=response.model, created=response.created, extra=extra)
    answers = zip_longest(*(_answer(choice, size) for choice in response.choices))
    yield from (event for event in chain.from_iterable(answers) if event is not None)
    yield Finished(usage=response.usage, extra=late)


def _answer(choice: Choice, size: int) -> Iterator[Event]:
    extra = dict(choice.extra)
    message: Extra = msgspec.json.decode(extra.pop(MESSAGE), type=Extra) if MESSAGE in extra else {}
    index = choice.index
    for number, part in enumerate(choice.parts):
        match part:
            case ToolCall():
                yield PartStarted(
                    choice=index, part=number, kind="tool_call", id=part.id, name=part.name, extra=part.extra
                )
                yield from _deltas(index, number, part.arguments, size)
            case Text() | Reasoning() | Refusal():
                kind: Literal["text", "reasoning", "refusal"] = "text"
                if not isinstance(part, Text):
                    kind = "reasoning" if isinstance(part, Reasoning) else "refusal"
                yield PartStarted(choice=index, part=number, kind=kind)
                yield from _deltas(index, number, part.text, size)
            case Media() | ToolResult():
                raise AssertionError(part)
    if message or choice.logprobs is not None:
        yield ChoiceDelta(choice=index, logprobs=choice.logprobs, message=message)
    yield from (PartEnded(choice=index, part=number) for number in range(len(choice.parts)))
    if choice.finish_reason is not None:
        yield ChoiceEnded(choice=index, finish_reason=choice.finish_reason, extra=extra)


def _deltas(choice: int, part: int, text: str, size: int) -> Iterator[Event]:
    for at in range(0, len(text), size):
        yield PartDelta(choice=choice, part=part, text=text[at : at + size])
