"""Own what this process may spend while the counters are lost: leases that were held for it while they were not.

A lease is an ordinary reservation, so what it allows is taken from everybody's limit before it is needed. While the
counters are away a call is paid from it; when they are back each such call is told to them by its own id, and the lease
is released. Invariant: what is under way and spent by lease never exceeds what was leased; an `open` limit is counted
here, up to this process's share of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from gearshift import budgeting
from gearshift.types.budget import Budget, Hold, Refused
from gearshift.types.catalog import NANO_PER_USD, NanoUSD

SHARE: Final = 50
"""A lease is one part in so many of the limit: two hundredths."""
LARGEST_LEASE: Final[NanoUSD] = NANO_PER_USD // 2
IDLE: Final = 6
"""Rounds in which nobody asks for a lease's budget until it is let go."""

Place: TypeAlias = tuple[str, int]


class Lease:
    """Hold one lease: the reservation's id, what is left of it, and how long nobody wanted it."""

    __slots__ = ("call", "hold", "idle", "left")

    def __init__(self, call: str, hold: Hold) -> None:
        """Begin with all of it left."""
        self.call = call
        self.hold = hold
        self.left = hold.amount
        self.idle = 0


class Leases:
    """Keep the leases of one process."""

    def __init__(self, budgets: Iterable[Budget], owner: str, replicas: int) -> None:
        """Take the budgets, a name that no other process has or had, and how many processes share the budgets."""
        self._budgets = {budget.id: budget for budget in budgets}
        self._owner = owner
        self._replicas = replicas
        self._leases: dict[Place, Lease] = {}
        self._touched: dict[Place, Hold] = {}
        self._shares: dict[Place, int] = {}
        self._numbers = itertools.count(1)

    @property
    def calls(self) -> dict[str, tuple[Hold, ...]]:
        """Give what is leased, by the ids that it is leased under."""
        return {lease.call: (lease.hold,) for lease in self._leases.values()}

    def touch(self, holds: Sequence[Hold]) -> None:
        """Note that somebody counts against these: a lease is wanted."""
        for hold in holds:
            self._touched[hold.counter, hold.begin] = hold

    def wanted(self) -> list[tuple[str, Hold]]:
        """Give the leases to take, by the ids to take them under."""
        found = []
        for place, hold in self._touched.items():
            lease = self._leases.get(place)
            size = self._size(hold)
            if lease is not None:
                lease.idle = 0
            elif size:
                name = f"lease/{self._owner}/{next(self._numbers)}"
                found.append((name, budgeting.raised(hold, size)))
        self._touched.clear()
        return found

    def take(self, call: str, hold: Hold) -> None:
        """Keep a lease that was had."""
        self._leases[hold.counter, hold.begin] = Lease(call, hold)

    def stale(self) -> list[str]:
        """Drop the leases that nobody wants, as of windows that are over; give their ids."""
        dropped = []
        for place, lease in list(self._leases.items()):
            lease.idle += 1
            if lease.idle > IDLE:
                del self._leases[place]
                dropped.append(lease.call)
        return dropped

    def drop(self) -> list[str]:
        """Drop all leases and local counts, for the counters are back; give the ids to release. Others are wanted."""
        dropped = list(self.calls)
        self.touch([lease.hold for lease in self._leases.values()])
        self._leases.clear()
        self._shares.clear()
        return dropped

    def spend(self, holds: Sequence[Hold], before: Sequence[Hold] = ()) -> Refused | None:
        """Pay for a call from what is leased, all or nothing; `before` are holds of the same call that are paid for."""
        paid = {(hold.counter, hold.begin): hold.amount for hold in before}
        for hold in holds:
            more = hold.amount - paid.get((hold.counter, hold.begin), 0)
            if more > 0 and more > self._left(hold):
                return self._refused(hold)
        for hold in holds:
            self._pay(hold, max(0, hold.amount - paid.get((hold.counter, hold.begin), 0)))
        return None

    def correct(self, holds: Sequence[Hold], actual: Sequence[Hold]) -> None:
        """Give back what a call did not use of what it was paid for; where it used more, take that too."""
        used = {(hold.counter, hold.begin): hold.amount for hold in actual}
        for hold in holds:
            self._pay(hold, used.get((hold.counter, hold.begin), 0) - hold.amount)

    def _size(self, hold: Hold) -> int:
        if self._budgets[hold.budget].on_loss == "open":
            return 0
        share = hold.limit // SHARE
        return min(share, LARGEST_LEASE) if hold.unit == "usd" else share

    def _left(self, hold: Hold) -> int:
        place = (hold.counter, hold.begin)
        if self._budgets[hold.budget].on_loss == "open":
            return hold.limit // self._replicas - self._shares.get(place, 0)
        lease = self._leases.get(place)
        return 0 if lease is None else lease.left

    def _pay(self, hold: Hold, more: int) -> None:
        place = (hold.counter, hold.begin)
        lease = self._leases.get(place)
        if self._budgets[hold.budget].on_loss == "open":
            self._shares[place] = max(0, self._shares.get(place, 0) + more)
        elif lease is not None:
            lease.left = min(lease.hold.amount, lease.left - more)

    def _refused(self, hold: Hold) -> Refused:
        return Refused(
            budget=hold.budget,
            scope=hold.scope,
            unit=hold.unit,
            limit=hold.limit,
            used=None,
            held=0,
            resets_at=None,
            cause="lost",
        )
