"""Own the order of a stream: the parts of an answer one after the other, for protocols that can say no two at once.

    nothing open ── part starts ──> open ── it ends, or the next may begin ──> nothing open
                                     └─ a call starts beside a call whose arguments go on: it waits for its turn

Invariants: of every part each delta comes out once, in its order; a part is open at most once, and no two are open at
the same time; a tool call is ended only when its arguments are whole, so that nothing can come too late for it. Text
and thinking that go on after something else came in between become a part of their own.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import replace

from gearshift.protocols.wording import invalid
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

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SPACE: Final = " \t\r\n"


class Sequence:
    """Put the events of one stream in order."""

    def __init__(self) -> None:
        """Begin a stream."""
        self._answers: dict[int, _Answer] = {}

    def feed(self, event: Event) -> list[Event]:
        """Give the events that may come out now."""
        if isinstance(event, PartDelta):  # asked first: nearly all are
            return self._answer(event.choice).feed(event)
        if isinstance(event, Started | Finished):
            return [event]
        return self._answer(event.choice).feed(event)

    def _answer(self, choice: int) -> _Answer:
        answer = self._answers.get(choice)
        if answer is None:
            answer = self._answers[choice] = _Answer(choice)
        return answer


class _Waiting:
    """Hold a part whose turn has not come."""

    def __init__(self, start: PartStarted | MediaGiven) -> None:
        self.start = start
        self.deltas: list[PartDelta] = []


class _Answer:
    """Put one answer in order."""

    def __init__(self, choice: int) -> None:
        self._choice = choice
        self._starts: dict[int, PartStarted] = {}
        self._open: int | None = None
        self._number = -1  # that of the open part, as it comes out
        self._arguments: list[str] = []  # of the open part
        self._waiting: dict[int, _Waiting] = {}

    def feed(self, event: PartStarted | PartDelta | PartEnded | MediaGiven | ChoiceDelta | ChoiceEnded) -> list[Event]:
        out: list[Event] = []
        match event:
            case PartDelta():
                self._delta(event, out)
            case PartStarted():
                self._starts[event.part] = event
                self._start(event, out)
            case MediaGiven():
                self._start(event, out)
            case PartEnded():
                if event.part == self._open:
                    self._end(out)
                    self._next(out)
            case ChoiceEnded():
                self._end(out)
                while self._waiting:
                    self._next(out)
                    self._end(out)
                out.append(event)
            case ChoiceDelta():
                out.append(event)
        return out

    def _start(self, start: PartStarted | MediaGiven, out: list[Event]) -> None:
        if self._waiting or not self._may_end():
            self._waiting[start.part] = _Waiting(start)
            return
        self._end(out)
        self._open = start.part if isinstance(start, PartStarted) else None
        self._number += 1
        self._arguments = []
        out.append(replace(start, part=self._number))

    def _delta(self, delta: PartDelta, out: list[Event]) -> None:
        if delta.part in self._waiting:
            self._waiting[delta.part].deltas.append(delta)
            return
        if delta.part != self._open:
            start = self._starts[delta.part]
            if start.kind == "tool_call":
                if delta.text.strip(_SPACE):
                    raise invalid("found arguments of a tool call after their end")
                return
            self._start(replace(start, extra={}), out)
            if delta.part in self._waiting:
                self._waiting[delta.part].deltas.append(delta)
                return
        self._arguments.append(delta.text)
        out.append(delta if delta.part == self._number else replace(delta, part=self._number))

    def _may_end(self) -> bool:
        """Say whether nothing more can come for what is open: text may go on in a part of its own."""
        if self._open is None or self._starts[self._open].kind != "tool_call":
            return True
        try:
            _object.decode("".join(self._arguments))
        except (msgspec.DecodeError, UnicodeEncodeError):
            return False
        return True

    def _end(self, out: list[Event]) -> None:
        if self._open is not None:
            out.append(PartEnded(choice=self._choice, part=self._number))
            self._open = None

    def _next(self, out: list[Event]) -> None:
        """Open what waits, as long as it may be followed by more."""
        waiting, self._waiting = self._waiting, {}
        for part, held in waiting.items():
            if self._waiting:
                self._waiting[part] = held
                continue
            self._start(held.start, out)
            if part in self._waiting:
                self._waiting[part] = held
                continue
            for delta in held.deltas:
                self._delta(delta, out)
