"""Own who is answered when not everybody can be: a pure state machine, with time as an argument.

    arrives ── room, nobody of its kind before it ──────────────> started
       ├───── no room, or `STARTS` were begun this turn ──> waits, in the line of its key ── its turn ──> started
       │                                                      └── waited for `LONGEST_WAIT` ──> shed
       └───── would wait for longer than `patience`, all lines are full, or the loop lags ─────> shed

The loop's time is what runs short first, so it is handed out: at most `STARTS` requests are begun each turn of the
loop, and what cannot be begun waits here, where it is counted and costs nothing, not in the loop, where it would hold
up everybody. Keys take turns, each has a line of its own and is shed by how long the next of *that* line would wait:
who floods waits behind itself. The last tenth of the room is for keys that hold little.

Invariants: in flight <= `room`; waiting <= `room`; while somebody waits, somebody is in flight or begun.
Sources: Nichols and Jacobson, "Controlling Queue Delay" (ACM Queue, 2012); Demers et al., "Analysis and Simulation of a
Fair Queueing Algorithm" (SIGCOMM 1989); Beyer et al., "Site Reliability Engineering" (2016), chapter 21.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Generic, Literal, TypeAlias, TypeVar

from msgspec import Struct

from gearshift.types.catalog import Seconds

STARTS: Final = 8
"""Requests that are begun in one turn of the loop: few, so that turns are short and whoever is shed is told soon; but
not one by one: together they cost a fifth less each (984 against 800 us of CPU, 32 connections, 2026-11)."""
MAX_STARTS: Final = 64
"""... but as many as fill a quarter of the turn before, up to these: else callers who are shed and come back at once
would take all the time."""
_QUARTER: Final = 4
_LEAST_WORK: Final[Seconds] = 0.0001
_WEIGHT: Final = 0.1
"""How much the newest measurement counts of how long a start takes."""
LONGEST_WAIT: Final = 2.5
"""How long a request waits at most, in patiences: so much later than new ones are shed that hardly anybody waits in
vain."""
MAX_LAG: Final[Seconds] = 0.1
"""How late the loop may be before nobody else is let in."""
FEW: Final = 32
"""Requests that are not shed for waiting: what so few ask for is soon done."""
_SPARE: Final = 10
"""The part of the room, 1 / this, that is kept for keys that hold no more than as much."""

Reason: TypeAlias = Literal["wait", "full", "lag", "stopping"]
"""Why a request is shed: it would wait too long, all lines are full, the loop lags, the gateway stops."""
Payload = TypeVar("Payload")


class Waiting(Struct, Generic[Payload], eq=False):
    """Hold a request that waits: whose it is, since when, and what is to be begun."""

    key: str | None
    since: Seconds
    payload: Payload


class Admission(Generic[Payload]):
    """Decide who is begun, who waits and who is shed."""

    def __init__(self, room: int, patience: Seconds) -> None:
        """Take how many may be in flight, and how long a request should wait at most."""
        self.room = room
        self.patience = patience
        self.in_flight = 0
        self.waiting = 0
        self._left = STARTS
        self._work: Seconds = 0.001
        self._turned: Seconds | None = None
        self._pace: Seconds = 0.0
        self._paced: Seconds | None = None
        self._late = 0
        self._held: dict[str | None, int] = {}
        self._lines: dict[str | None, deque[Waiting[Payload]]] = {}

    @property
    def lagging(self) -> bool:
        """Say whether the loop was late at the last two looks: one alone is a pause, not overload."""
        return self._late > 1

    @property
    def crowded(self) -> bool:
        """Say whether anybody may be shed at present."""
        return self.lagging or self.in_flight + self.waiting >= min(FEW, self.room)

    def arrive(self, key: str | None, now: Seconds) -> Reason | None:
        """Say why a request of `key` is shed at once, None when it is to be begun or to wait."""
        line = self._lines.get(key)
        if self.waiting >= self.room and not self._below_share(line):
            return "full"
        if not self.crowded or not self.in_flight:
            return None
        if self.lagging:
            return "lag"
        return "wait" if line and self._too_long(line, now) else None

    def begin(self, key: str | None) -> bool:
        """Begin a request of `key` that has arrived, if it need not wait."""
        if self.waiting or not self._left or not self._fits(key):
            return False
        self._take(key)
        return True

    def wait(self, key: str | None, payload: Payload, now: Seconds) -> tuple[Waiting[Payload], Waiting[Payload] | None]:
        """Let a request wait that has arrived; give its place, and who had to go for it."""
        gone: Waiting[Payload] | None = None
        if self.waiting >= self.room:
            longest = max(self._lines.values(), key=len)
            gone = longest[-1]
            self.forget(gone)
        place = Waiting(key, now, payload)
        self._lines.setdefault(key, deque()).append(place)
        self.waiting += 1
        return place, gone

    def forget(self, place: Waiting[Payload]) -> None:
        """Let go of one who waits: its caller has left."""
        line = self._lines.get(place.key)
        if line is None or place not in line:
            return
        line.remove(place)
        self.waiting -= 1
        if not line:
            del self._lines[place.key]

    def turn(self, now: Seconds) -> list[Waiting[Payload]]:
        """Begin a new turn of the loop; give who is begun in it, one of each key before a second of any."""
        took = 0.0 if self._turned is None else now - self._turned
        self._left = min(max(STARTS, int(took / _QUARTER / self._work)), MAX_STARTS)
        begun: list[Waiting[Payload]] = []
        while self._left and (place := self._next()) is not None:
            self._take(place.key)
            begun.append(place)
        self._turned = now if begun else None
        self._keep_pace(len(begun), now)
        return begun

    def worked(self, seconds: Seconds, starts: int) -> None:
        """Take note of how long the loop was busy with beginning so many requests."""
        self._work += _WEIGHT * (max(seconds / starts, _LEAST_WORK) - self._work)

    def leave(self, key: str | None) -> None:
        """Take note that a request which was begun has ended."""
        self.in_flight -= 1
        held = self._held[key] - 1
        if held:
            self._held[key] = held
        else:
            del self._held[key]

    def look(self, lag: Seconds, now: Seconds) -> list[Waiting[Payload]]:
        """Take note of how late the loop is; give who has waited for too long, and is shed."""
        self._late = self._late + 1 if lag > MAX_LAG else 0
        gone: list[Waiting[Payload]] = []
        for line in [*self._lines.values()]:
            while line and now - line[0].since > LONGEST_WAIT * self.patience and self.crowded:
                gone.append(line[0])
                self.forget(line[0])
        return gone

    def dismiss(self) -> list[Waiting[Payload]]:
        """Let everybody go who waits."""
        gone = [place for line in self._lines.values() for place in line]
        self._lines.clear()
        self.waiting = 0
        return gone

    def _too_long(self, line: deque[Waiting[Payload]], now: Seconds) -> bool:
        """Say whether the next of a line would wait too long, at the present pace, or its first does already."""
        ahead = (len(line) + 1) * len(self._lines)
        return ahead * self._pace > self.patience or now - line[0].since > self.patience

    def _keep_pace(self, begun: int, now: Seconds) -> None:
        """Learn how much time lies between two starts, from those between which somebody waited."""
        if begun and self._paced is not None:
            self._pace += _WEIGHT * ((now - self._paced) / begun - self._pace)
        if begun or not self.waiting:
            self._paced = now if self.waiting else None

    def _below_share(self, line: deque[Waiting[Payload]] | None) -> bool:
        """Say whether a key waits with fewer than the others do."""
        own = len(line) if line else 0
        return own + 1 < self.waiting / max(len(self._lines), 1)

    def _fits(self, key: str | None) -> bool:
        """Say whether there is room for another one of this key; callers without keys are one, and have it all."""
        spare = 0 if key is None else self.room // _SPARE
        return self.in_flight < self.room - spare or (self.in_flight < self.room and self._held.get(key, 0) < spare)

    def _take(self, key: str | None) -> None:
        self._left -= 1
        self.in_flight += 1
        self._held[key] = self._held.get(key, 0) + 1

    def _next(self) -> Waiting[Payload] | None:
        """Take the first of the first key that may have another; the key goes to the end."""
        for key in self._lines:
            if self._fits(key):
                line = self._lines.pop(key)
                place = line.popleft()
                self.waiting -= 1
                if line:
                    self._lines[key] = line
                return place
        return None
