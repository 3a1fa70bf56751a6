"""Own counts of limits in this process: exact for one gateway, and the model that the shared ones are held to."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct

from gearshift.storage.counters import REMEMBERED, TTL
from gearshift.types.budget import Hold, Standing, Verdict
from gearshift.types.catalog import Seconds

LOOK: Final[Seconds] = 1.0
"""Between two looks for what has expired."""


class _Counter(Struct):
    used: int = 0
    held: int = 0
    until: Seconds = float("inf")


class _Reservation(Struct):
    holds: tuple[Hold, ...]
    deadline: Seconds
    state: Literal["live", "expired", "settled"] = "live"


class MemoryCounters:
    """Count in memory; `clock` is seconds since the epoch."""

    def __init__(self, clock: Callable[[], Seconds], *, restored: bool = False) -> None:
        """Begin with nothing counted; `restored`: and that is the truth."""
        self._clock = clock
        self._latest: Seconds = 0.0
        self._due: Seconds = 0.0
        self._restored = restored
        self._counters: dict[str, _Counter] = {}
        self._live: dict[str, _Reservation] = {}
        self._ended: OrderedDict[str, _Reservation] = OrderedDict()

    async def reserve(self, name: str, holds: Sequence[Hold], ttl: Seconds = TTL) -> Verdict:
        """Hold all of `holds` for a reservation, or nothing."""
        if not self._restored:
            return Verdict(lost=True)
        now = self._now()
        self._expire(now)
        if name in self._live or name in self._ended:
            return Verdict(standings=self._standings(holds))
        if any(each.begin is not None and not each.begin <= now < (each.end or 0.0) for each in holds):
            return Verdict(now=now)
        for each in holds:
            used, held = self._sum(each)
            if used + held + each.amount > each.limit:
                return Verdict(standings=self._standings(holds), refused=each.budget)
        for each in holds:
            counter = self._counters.setdefault(each.counter, _Counter())
            counter.held += each.amount
            counter.until = _kept_until(each)
        self._live[name] = _Reservation(tuple(holds), now + ttl)
        return Verdict(standings=self._standings(holds))

    async def settle(self, name: str, amounts: Mapping[str, int]) -> None:
        """Count what a reservation came to, by limit; what is not named counts as it was held."""
        self._expire(self._now())
        found = self._live.pop(name, None)
        if found is not None:
            for each in found.holds:
                counter = self._counters[each.counter]
                counter.held -= each.amount
                counter.used += _actual(each, amounts)
            self._end(name, found, "settled")
            return
        found = self._ended.get(name)
        if found is None or found.state != "expired":
            return
        for each in found.holds:
            if each.end is not None:
                self._counters.setdefault(each.counter, _Counter()).used += _actual(each, amounts) - each.amount
        found.state = "settled"

    async def beat(self, names: Sequence[str], ttl: Seconds = TTL) -> None:
        """Keep reservations alive."""
        now = self._now()
        for name in names:
            if (found := self._live.get(name)) is not None:
                found.deadline = max(found.deadline, now + ttl)

    async def restore(self, counted: Mapping[str, tuple[int, Seconds]]) -> None:
        """Have counters be at least at these amounts."""
        self._restored = True
        for name, (amount, until) in counted.items():
            counter = self._counters.setdefault(name, _Counter())
            counter.used, counter.until = max(counter.used, amount), until

    async def standings(self, holds: Sequence[Hold]) -> tuple[Standing, ...]:
        """Say where limits stand."""
        self._expire(self._now())
        return self._standings(holds)

    async def close(self) -> None:
        """Do nothing: there is nothing to let go of."""

    def _now(self) -> Seconds:
        """Give the time, which never goes back."""
        self._latest = max(self._latest, self._clock())
        return self._latest

    def _sum(self, hold: Hold) -> tuple[int, int]:
        found = [self._counters[each] for each in hold.counters if each in self._counters]
        return sum(each.used for each in found), sum(each.held for each in found)

    def _standings(self, holds: Sequence[Hold]) -> tuple[Standing, ...]:
        sums = [(each, *self._sum(each)) for each in holds]
        return tuple(Standing(budget=each.budget, used=used, held=held, limit=each.limit) for each, used, held in sums)

    def _expire(self, now: Seconds) -> None:
        """Count what is held by nobody any more, and forget what is too old to matter."""
        if now < self._due:
            return
        for name in [name for name, each in self._live.items() if each.deadline <= now]:
            found = self._live.pop(name)
            for each in found.holds:
                counter = self._counters[each.counter]
                counter.held -= each.amount
                counter.used += each.amount if each.end is not None else 0
            self._end(name, found, "expired")
        while self._ended and next(iter(self._ended.values())).deadline + REMEMBERED <= now:
            self._ended.popitem(last=False)
        for name in [name for name, counter in self._counters.items() if counter.until <= now and not counter.held]:
            del self._counters[name]
        self._due = now + LOOK

    def _end(self, name: str, found: _Reservation, state: Literal["expired", "settled"]) -> None:
        found.state = state
        self._ended[name] = found


def _actual(hold: Hold, amounts: Mapping[str, int]) -> int:
    """Give what is counted of a hold in the end; what is under way only counts while it is."""
    return amounts.get(hold.budget, hold.amount) if hold.end is not None else 0


def _kept_until(hold: Hold) -> Seconds:
    """Say until when a counter matters: as long as its window, and those that look back on it, last."""
    if hold.begin is None or hold.end is None:
        return float("inf")
    return hold.end + (len(hold.counters) - 1) * (hold.end - hold.begin) + REMEMBERED
