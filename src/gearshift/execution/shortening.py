"""Own making a conversation fit a window, where its caller allows that: without its oldest turns, or its middle.

    oldest_out   instructions ─ .... ─ turns ─ last turn          OpenAI's `truncation: auto`
    middle_out   instructions ─ turns ─ .... ─ turns ─ last turn  OpenRouter's `middle-out`
                 and of a last turn that is too long itself, the middle of its texts

Invariants: pure; the instructions always stay; as few turns as may be are left out, and only whole ones, so calls stay
with their results. What fits surely is the same object.
Sources: the OpenAI API reference, "Create a model response", `truncation`; OpenRouter, "Message transforms": it works
"by removing or truncating messages from the middle of the prompt" (both 2026-11).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from msgspec.structs import replace

from gearshift import tokens
from gearshift.protocols.losses import dropped, mapped
from gearshift.protocols.places import inner, number_of, span
from gearshift.types.chat import Message, Request, Text, ToolResult
from gearshift.types.record import Loss

Shortened: TypeAlias = tuple[Request, tuple[Loss, ...]]
GAP: Final = "\n[...]\n"
"""What stands for the middle of a text."""
_LONG: Final = 2
"""By how much the estimate of tokens may be too low (`tokens`: none was below half the truth)."""
_LESS: Final = 0.8
"""What is kept at the next try of what did not fit."""
_MAX_TEXTS: Final = 8
"""Texts whose middle is left out at most: where that does not help the upstream says the rest."""


def oldest_out(request: Request, window: int) -> Shortened:
    """Leave out as few of the oldest turns as make the rest, and its answer, surely fit `window` tokens.

    Where nothing helps, all but the last turn is left out, and the upstream says the rest.
    """
    return _without_turns(request, window, lambda _count, left_out: (0, left_out), "oldest")


def middle_out(request: Request, window: int) -> Shortened:
    """Leave out as few turns in the middle as make the rest fit; then the middle of what the last turn says."""
    request, losses = _without_turns(request, window, _middle, "middle")
    request, more = _without_middles(request, window)
    return request, losses + more


def begins_turn(message: Message) -> bool:
    """Say whether a message begins a turn: it is the user's and brings no result of a tool."""
    return message.role == "user" and not any(isinstance(part, ToolResult) for part in message.parts)


def _middle(count: int, left_out: int) -> tuple[int, int]:
    """Give which of `count` turns are left out: half of what is kept is from the start, the rest from the end."""
    front = (count - left_out) // 2
    return front, front + left_out


def _without_turns(request: Request, window: int, which: Callable[[int, int], tuple[int, int]], name: str) -> Shortened:
    """Leave out the fewest turns with which the rest fits, all but one where none does; `which` says which of all."""
    if _surely(request, window):
        return request, ()
    starts = _starts(request.messages)

    def places(left_out: int) -> tuple[int, int]:
        first, last = which(len(starts), left_out)
        return starts[first], starts[last]

    low, high = 0, len(starts) - 1
    while low < high:
        middle = (low + high) // 2
        if _surely(_without(request, *places(middle)), window):
            high = middle
        else:
            low = middle + 1
    if low <= 0:
        return request, ()
    why = f"the {name} {low} of {len(starts)} turns, for the whole does not fit a window of {window} tokens"
    return _without(request, *places(low)), (dropped(span(request, *places(low)), why),)


def _starts(messages: Sequence[Message]) -> list[int]:
    """Give where each turn begins; the instructions that lead are none."""
    head = next((at for at, each in enumerate(messages) if each.role not in {"system", "developer"}), len(messages))
    return [at for at in range(head, len(messages)) if at == head or begins_turn(messages[at])]


def _without(request: Request, start: int, stop: int) -> Request:
    at = [*range(start), *range(stop, len(request.messages))]
    return replace(
        request,
        messages=tuple(request.messages[each] for each in at),
        places=tuple(number_of(request, each) for each in at),
    )


def _surely(request: Request, window: int) -> bool:
    reserve = tokens.reserve(request)
    return tokens.fits(request, window, reserve) is True or _LONG * tokens.estimate(request) <= window - reserve


class _Spot(NamedTuple):
    """Hold where a text stands: in which part of which message, and where in it if that is a tool's result."""

    text: str
    at: int
    number: int
    within: int | None = None


def _without_middles(request: Request, window: int) -> Shortened:
    """Leave out the middle of the longest texts, one after the other, until the whole fits."""
    losses: list[Loss] = []
    for _ in range(_MAX_TEXTS):
        spot = max(_texts(request.messages), key=lambda each: len(each.text), default=None)
        if spot is None or len(spot.text) <= len(GAP) or _surely(request, window):
            break
        request, kept = _cut(request, spot, window)
        why = f"its middle is left out, {len(spot.text) - kept} of {len(spot.text)} characters, to fit {window} tokens"
        losses.append(mapped(inner(request, spot.at, spot.number), why))
    return request, tuple(losses)


def _cut(request: Request, spot: _Spot, window: int) -> tuple[Request, int]:
    """Keep as much of a text as may fit, by its share of the whole; give how many characters that is."""
    empty = _with(request, spot, GAP)
    rest, whole = tokens.estimate(empty), tokens.estimate(request)
    room = (window - tokens.reserve(request)) / _LONG
    share = min(1.0, max(0.0, (room - rest) / max(1, whole - rest)))
    kept = int(len(spot.text) * share)
    while kept > 1:
        told = _with(request, spot, spot.text[: kept // 2] + GAP + spot.text[len(spot.text) - kept // 2 :])
        if _surely(told, window):
            return told, kept // 2 * 2
        kept = int(kept * _LESS)
    return empty, 0


def _texts(messages: Sequence[Message]) -> Iterator[_Spot]:
    """Give the texts that may be shortened: those of users and of tools."""
    for at, message in enumerate(messages):
        if message.role not in {"user", "tool"}:
            continue
        for number, part in enumerate(message.parts):
            if isinstance(part, Text):
                yield _Spot(part.text, at, number)
            elif isinstance(part, ToolResult):
                inside = enumerate(part.parts)
                yield from (_Spot(each.text, at, number, place) for place, each in inside if isinstance(each, Text))


def _with(request: Request, spot: _Spot, text: str) -> Request:
    """Give a request that says another text at a place."""
    message = request.messages[spot.at]
    part = message.parts[spot.number]
    if isinstance(part, ToolResult) and spot.within is not None:
        told = replace(part.parts[spot.within], text=text)
        part = replace(part, parts=(*part.parts[: spot.within], told, *part.parts[spot.within + 1 :]))
    else:
        part = replace(part, text=text)
    parts = (*message.parts[: spot.number], part, *message.parts[spot.number + 1 :])
    messages = (*request.messages[: spot.at], replace(message, parts=parts), *request.messages[spot.at + 1 :])
    return replace(request, messages=messages)
