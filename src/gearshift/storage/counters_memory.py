"""Own counters in this process's memory: what the shared stores do, for one process.

Invariant: no call waits between its first look and its last change, so each is one step.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, Literal, TypeAlias

from gearshift.budgeting import FOREVER
from gearshift.errors import CountersLost
from gearshift.storage.counters import LINGERING, REMEMBERED, SWEPT, Epoch, kept_until, refused
from gearshift.types.budget import Hold, Refused, Stale, Tally
from gearshift.types.catalog import Seconds

Place: TypeAlias = tuple[str, int]
State: TypeAlias = Literal["held", "orphaned", "over"]

_NOTHING: Final[dict[Place, Hold]] = {}


class Bucket:
    """Count one bucket of one counter."""

    __slots__ = ("held", "used")

    def __init__(self) -> None:
        """Begin empty."""
        self.used = 0
        self.held = 0


class Reservation:
    """Keep what one call holds, place by place, and until when."""

    __slots__ = ("due", "holds", "state")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.state: State = "held"
        self.due: Seconds = 0.0
        self.holds: dict[Place, Hold] = {}


class MemoryCounters:
    """Count for one process."""

    shared: Final = False

    def __init__(self, clock: Callable[[], Seconds]) -> None:
        """Take the clock that says which bucket is current (seconds since the epoch)."""
        self._clock = clock
        self._epoch: str | None = None
        self._ready = False
        self._opened: Seconds = 0.0
        self._clear()

    def _clear(self) -> None:
        self._buckets: dict[Place, Bucket] = {}
        self._reservations: dict[str, Reservation] = {}
        self._due: list[tuple[Seconds, str]] = []
        self._over: list[tuple[Seconds, str]] = []
        self._kept: list[tuple[int, Place]] = []
        self._adopted: set[str] = set()

    async def reserve(self, call: str, holds: Sequence[Hold], ttl: Seconds) -> Refused | Stale | tuple[Tally, ...]:
        """Hold all of `holds`, or nothing and say why."""
        self._check(ready=True)
        now = self._clock()
        self._forget(now)
        if call in self._reservations:
            return tuple(map(self._tally, holds))
        if any(not hold.begin <= now < hold.ends for hold in holds):
            return Stale(now)
        tallies = []
        for number, hold in enumerate(holds):
            tally = self._tally(hold)
            if tally.used + tally.held + hold.amount > hold.limit:
                return refused(holds, number, tally)
            tallies.append(Tally(tally.used, tally.held + hold.amount, tally.since))
        self._hold(call, holds, now + ttl)
        return tuple(tallies)

    async def extend(self, call: str, holds: Sequence[Hold], ttl: Seconds) -> Refused | None:
        """Raise what is held to these amounts, all or nothing."""
        self._check(ready=True)
        known = self._reservations.get(call)
        if known is not None and known.state == "over":
            return None
        if known is not None and known.state == "orphaned":
            self._revive(known)
        for number, hold in enumerate(holds):
            before = known.holds.get((hold.counter, hold.begin)) if known is not None else None
            more = hold.amount - (0 if before is None else before.amount)
            tally = self._tally(hold)
            if more > 0 and tally.used + tally.held + more > hold.limit:
                return refused(holds, number, tally)
        self._hold(call, holds, self._clock() + ttl)
        return None

    async def adopt(self, call: str, holds: Sequence[Hold], ttl: Seconds) -> None:
        """Hold for a call that is under way already, whatever the limits are."""
        self._check()
        if call not in self._reservations:
            self._note(call)
            self._hold(call, holds, self._clock() + ttl)

    async def beat(self, ids: Collection[str], ttl: Seconds) -> frozenset[str]:
        """Say that calls are still under way; give the ids that are not known."""
        self._check()
        due = self._clock() + ttl
        for call in ids:
            known = self._reservations.get(call)
            if known is not None and known.state != "over":
                if known.state == "orphaned":
                    self._revive(known)
                self._owe(call, known, due)
        return frozenset(call for call in ids if call not in self._reservations)

    async def settle(self, call: str, holds: Sequence[Hold]) -> None:
        """Count these amounts as used in place of what was held."""
        self._check()
        known = self._reservations.get(call)
        if known is None:
            self._note(call)
            known = self._reservations[call] = Reservation()
        if known.state == "over":
            return
        self._let_go(known)
        for hold in holds:
            if hold.amount:
                self._bucket(hold).used += hold.amount
        self._end(call, known, "over", self._clock() + REMEMBERED)

    async def release(self, call: str) -> None:
        """Free what was held by a call that was surely not sent."""
        self._check()
        known = self._reservations.setdefault(call, Reservation())
        if known.state != "over":
            self._let_go(known)
            self._end(call, known, "over", self._clock() + REMEMBERED)

    async def expire(self) -> tuple[str, ...]:
        """Count holds, whose owner was not heard of for their ttl, as used."""
        self._check()
        now = self._clock()
        self._forget(now)
        found: list[str] = []
        while self._due and self._due[0][0] <= now and len(found) < SWEPT:
            due, call = heapq.heappop(self._due)
            known = self._reservations.get(call)
            if known is None or known.state != "held" or known.due != due:
                continue
            self._let_go(known)
            for hold in known.holds.values():
                if hold.orphaned:
                    self._bucket(hold).used += hold.orphaned
            self._end(call, known, "orphaned", now + LINGERING)
            found.append(call)
        return tuple(found)

    async def standing(self, holds: Sequence[Hold]) -> tuple[Tally, ...]:
        """Give what counts against each hold's limit now."""
        self._check()
        return tuple(map(self._tally, holds))

    async def attach(self) -> Epoch:
        """Give what the counters are."""
        return Epoch(self._epoch, ready=self._ready, age=self._clock() - self._opened)

    async def renew(self, lost: str | None) -> None:
        """Open an empty epoch, where there still is `lost`."""
        if self._epoch == lost:
            self._clear()
            self._epoch, self._ready, self._opened = f"{int(lost or 0) + 1}", False, self._clock()

    async def adopted(self) -> frozenset[str]:
        """Give the ids that this epoch counts by itself."""
        self._check()
        return frozenset(self._adopted)

    async def restore(self, totals: Sequence[Hold]) -> bool:
        """Add what the ledger says was used, and let calls reserve."""
        self._check()
        if self._ready:
            return False
        for hold in totals:
            self._bucket(hold).used += hold.amount
        self._ready = True
        self._adopted.clear()
        return True

    async def close(self) -> None:
        """Let go of nothing."""

    def _check(self, *, ready: bool = False) -> None:
        if self._epoch is None or (ready and not self._ready):
            raise CountersLost(self._epoch, ready=self._ready)

    def _note(self, call: str) -> None:
        if not self._ready:
            self._adopted.add(call)

    def _tally(self, hold: Hold) -> Tally:
        used = held = 0
        since: int | None = None
        for begin in _begins(hold):
            bucket = self._buckets.get((hold.counter, begin))
            if bucket is not None and (bucket.used or bucket.held):
                used += bucket.used
                held += bucket.held
                since = begin if since is None else since
        return Tally(used, held, since)

    def _bucket(self, hold: Hold) -> Bucket:
        place = (hold.counter, hold.begin)
        found = self._buckets.get(place)
        if found is None:
            found = self._buckets[place] = Bucket()
            if hold.ends != FOREVER:
                heapq.heappush(self._kept, (kept_until(hold), place))
        return found

    def _hold(self, call: str, holds: Sequence[Hold], due: Seconds) -> None:
        known = self._reservations.get(call)
        if known is None:
            known = self._reservations[call] = Reservation()
        for hold in holds:
            place = (hold.counter, hold.begin)
            before = known.holds.get(place)
            if before is None or before.amount < hold.amount:
                self._bucket(hold).held += hold.amount - (0 if before is None else before.amount)
                known.holds[place] = hold
        self._owe(call, known, due)

    def _owe(self, call: str, known: Reservation, due: Seconds) -> None:
        if known.due != due:
            known.due = due
            heapq.heappush(self._due, (due, call))

    def _let_go(self, known: Reservation) -> None:
        """Take away what a reservation has counted, as held or, an orphan's, as used."""
        for place, hold in known.holds.items():
            bucket = self._buckets.get(place)
            if bucket is None:
                continue
            if known.state == "held":
                bucket.held -= hold.amount
            else:
                bucket.used -= hold.orphaned
            if hold.ends == FOREVER and not bucket.used and not bucket.held:
                del self._buckets[place]

    def _revive(self, known: Reservation) -> None:
        self._let_go(known)
        for hold in known.holds.values():
            self._bucket(hold).held += hold.amount
        known.state, known.due = "held", 0.0

    def _end(self, call: str, known: Reservation, state: State, until: Seconds) -> None:
        known.state, known.due = state, until
        if state == "over":
            known.holds = _NOTHING
        heapq.heappush(self._over, (until, call))

    def _forget(self, now: Seconds) -> None:
        while self._over and self._over[0][0] <= now:
            until, call = heapq.heappop(self._over)
            known = self._reservations.get(call)
            if known is not None and known.state != "held" and known.due == until:
                del self._reservations[call]
        while self._kept and self._kept[0][0] <= now:
            _, place = heapq.heappop(self._kept)
            self._buckets.pop(place, None)


def _begins(hold: Hold) -> Iterable[int]:
    if not hold.back:
        return (hold.begin,)
    length = hold.ends - hold.begin
    return range(hold.begin - hold.back * length, hold.ends, length)
