"""Turn a response into the events of the stream that would say it: the inverse of `fold`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, zip_longest
from typing import Literal

import msgspec

from gearshift.protocols.fold import MESSAGE
from gearshift.types.chat import Choice, Extra, Media, Reasoning, Refusal, Response, Text, ToolCall, ToolResult
from gearshift.types.stream import ChoiceDelta, ChoiceEnded, Event, Finished, PartDelta, PartEnded, PartStarted, Started


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
                redacted = isinstance(part, Reasoning) and part.redacted
                yield PartStarted(choice=index, part=number, kind=kind, redacted=redacted)
                yield from _deltas(index, number, part.text, size)
                if isinstance(part, Reasoning) and part.signature is not None:
                    yield PartDelta(choice=index, part=number, text="", signature=part.signature)
                if isinstance(part, Text) and scores is not None:
                    yield PartDelta(choice=index, part=number, text="", logprobs=scores)
                    scores = None
                if isinstance(part, Text) and part.citations:
                    yield PartDelta(choice=index, part=number, text="", citations=part.citations)
            case Media() | ToolResult():
                raise AssertionError(part)
    if message or scores is not None:
        yield ChoiceDelta(choice=index, logprobs=scores, message=message)
    yield from (PartEnded(choice=index, part=number) for number in range(len(choice.parts)))
    if choice.finish_reason is not None:
        yield ChoiceEnded(choice=index, finish_reason=choice.finish_reason, extra=extra)


def _deltas(choice: int, part: int, text: str, size: int) -> Iterator[Event]:
    for at in range(0, len(text), size):
        yield PartDelta(choice=choice, part=part, text=text[at : at + size])
