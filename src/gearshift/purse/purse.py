"""Own the way of a call through the counters: held before it is made, settled when it is over, told until it is known.

While the counters answer, they decide. From the first call that they do not answer, none waits for them: calls are paid
from what is leased (`leases`), and the heart (`heart`) asks once a second whether they are back.

Invariants: what is under way is in `_live`, by its id, until it is told or owed; each message may be sent again. A call
whose reservation may or may not have arrived goes on under the same id.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, TypeAlias
from uuid import uuid4

from gearshift import budgeting
from gearshift.budgeting import Budgets, amount, raised
from gearshift.errors import CountersAway
from gearshift.purse.heart import TTL, Heart, Live
from gearshift.purse.leases import Leases
from gearshift.storage.counters import Counters
from gearshift.types.budget import Amounts, Bound, Budget, Facts, Hold, Refused, Scope, Standing, Tally, Unit
from gearshift.types.catalog import Seconds
from gearshift.types.ledger import LedgerRow

QUANTA: Final[dict[Unit, int]] = {"usd": 5_000_000, "input_tokens": 1000, "output_tokens": 1000}
"""By how much what an elastic stream holds is raised: half a cent, a thousand tokens."""
_TRIES: Final = 3
"""A window may roll over while we ask; it does not twice."""

Ledger: TypeAlias = Callable[[Seconds], Awaitable[Iterable[LedgerRow]]]
"""Give the ledger's rows since a time; it is asked only where the counters must be filled."""


class Purse:
    """Hold requests and calls to their budgets; a clock gives seconds since the epoch."""

    def __init__(
        self,
        budgets: Iterable[Budget],
        counters: Counters,
        *,
        clock: Callable[[], Seconds],
        ledger: Ledger,
        replicas: int = 1,
    ) -> None:
        """Take the budgets, where they are counted, and how many processes (`replicas`) hold requests to them."""
        self._budgets = Budgets(budgets)
        self._by_id = {budget.id: budget for budget in self._budgets.all}
        self._counters = counters
        self._clock = clock
        self._ahead: Seconds = 0.0
        self._live: dict[str, Live] = {}
        self._leases = Leases(self._budgets.all, uuid4().hex, replicas)
        self._ledger = ledger
        self._heart = Heart(counters, self._leases, self._live, self._totals, settling=TTL if replicas > 1 else 0.0)

    @property
    def lost(self) -> bool:
        """Say whether the counters are lost at present, so that calls are paid from leases."""
        return self._heart.lost

    async def start(self) -> None:
        """Begin to count; where the counters cannot be reached, what may be spent is what `on_loss` allows."""
        if self._budgets.all:
            await self._heart.start()

    async def stop(self) -> None:
        """End; what is under way is left to whoever settles it, and counted as used where nobody does."""
        await self._heart.stop()

    async def open(self, exchange: str, facts: Facts) -> Refused | None:
        """Count a request against the limits on requests and slots; say which one it does not fit."""
        found = self._budgets.of_exchange(facts)
        return await self._take(exchange, [(budget, scope, 1) for budget, scope in found]) if found else None

    async def reserve(self, call: str, facts: Facts, bound: Bound) -> Refused | None:
        """Hold what a call may use, before it is made; say which budget it does not fit."""
        found = self._budgets.of_call(facts)
        if not found:
            return None
        parts: list[tuple[Budget, Scope, int]] = []
        for budget, scope in found:
            elastic = budget.mode == "elastic"
            wanted = amount(budget.unit, bound.likely if elastic and bound.likely is not None else bound.most)
            if wanted is None and not elastic:
                return _unpriced(budget, scope)
            parts.append((budget, scope, wanted or 0))
        return await self._take(call, parts)

    async def grow(self, call: str, so_far: Amounts) -> Refused | None:
        """Hold more for a stream that has used all that it holds; refused, it must end."""
        live = self._live.get(call)
        if live is None:
            return None
        more = tuple(grown for hold in live.holds if (grown := self._grown(hold, so_far)) is not None)
        if not more:
            return None
        refused = await self._extend(call, live, more)
        if refused is None:
            at = {(hold.counter, hold.begin): hold for hold in more}
            live.holds = tuple(at.get((hold.counter, hold.begin), hold) for hold in live.holds)
        return refused

    async def settle(self, call: str, spent: Amounts) -> None:
        """Count what a call used in place of what it held; what is not known counts as held."""
        live = self._live.pop(call, None)
        if live is None:
            return
        actual = []
        for hold in live.holds:
            used = 0 if hold.unit == "concurrent" else amount(hold.unit, spent)
            actual.append(hold if used is None else raised(hold, used))
        await self._tell(call, live, tuple(actual))

    async def release(self, call: str) -> None:
        """Free what is held by a call that was surely not sent, or by a request for which none was."""
        live = self._live.pop(call, None)
        if live is not None:
            await self._tell(call, live, None)

    async def close(self, exchange: str) -> None:
        """Count a request as over: its slots are free."""
        await self.settle(exchange, Amounts())

    def standings(self, call: str) -> tuple[Standing, ...]:
        """Give where the limits of a request, or of a call, stood when it was let in."""
        live = self._live.get(call)
        if live is None:
            return ()
        return tuple(_standing(hold, tally) for hold, tally in zip(live.holds, live.tallies, strict=False))

    def _now(self) -> Seconds:
        """Give the time that the counters' clock shows, as far as we know."""
        return self._clock() + self._ahead

    async def _totals(self, counted: frozenset[str]) -> list[Hold]:
        now = self._now()
        return budgeting.totals(self._budgets, await self._ledger(self._budgets.since(now)), now, counted)

    async def _take(self, call: str, parts: Sequence[tuple[Budget, Scope, int]]) -> Refused | None:
        holds: tuple[Hold, ...] = ()
        for _ in range(_TRIES):
            holds = tuple(budgeting.hold(budget, scope, wanted, self._now()) for budget, scope, wanted in parts)
            if self._heart.lost:
                return self._lease(call, holds)
            try:
                answer = await self._counters.reserve(call, holds, TTL)
            except CountersAway:
                self._heart.lose()
                return self._lease(call, holds, doubtful=True)
            except BaseException:
                self._heart.owe(call, None)  # it may have arrived
                raise
            if isinstance(answer, Refused):
                return answer
            if isinstance(answer, tuple):
                self._live[call] = Live(holds, answer, epoch=self._heart.epoch)
                self._leases.touch(holds)
                return None
            self._ahead = answer.now - self._clock()
        return self._lease(call, holds)

    def _lease(self, call: str, holds: tuple[Hold, ...], *, doubtful: bool = False) -> Refused | None:
        refused = self._leases.spend(holds)
        if refused is None:
            self._live[call] = Live(holds, leased=True)
        elif doubtful:
            self._heart.owe(call, None)
        return refused

    def _grown(self, hold: Hold, so_far: Amounts) -> Hold | None:
        used = amount(hold.unit, so_far)
        if self._by_id[hold.budget].mode == "strict" or used is None or used < hold.amount or hold.unit not in QUANTA:
            return None
        return raised(hold, used + QUANTA[hold.unit])

    async def _extend(self, call: str, live: Live, more: tuple[Hold, ...]) -> Refused | None:
        if not live.leased and not self._heart.lost:
            try:
                return await self._counters.extend(call, more, TTL)
            except CountersAway:
                self._heart.lose()
        return self._leases.spend(more, live.holds)

    async def _tell(self, call: str, live: Live, actual: tuple[Hold, ...] | None) -> None:
        """Settle or, at None, release; what cannot be told now is owed."""
        if live.leased:
            self._leases.correct(live.holds, actual or ())
        if self._heart.lost:
            self._heart.owe(call, actual)
            return
        try:
            if actual is None:
                await self._counters.release(call)
            else:
                await self._counters.settle(call, actual)
        except CountersAway:
            self._heart.lose()
            self._heart.owe(call, actual)
        except BaseException:
            self._heart.owe(call, actual)
            raise


def _standing(hold: Hold, tally: Tally) -> Standing:
    return Standing(
        budget=hold.budget,
        scope=hold.scope,
        unit=hold.unit,
        limit=hold.limit,
        used=tally.used,
        held=tally.held,
        resets_at=budgeting.frees_at(hold, tally.since),
    )


def _unpriced(budget: Budget, scope: Scope) -> Refused:
    return Refused(
        budget=budget.id,
        scope=scope,
        unit=budget.unit,
        limit=budget.limit,
        used=None,
        held=0,
        resets_at=None,
        cause="unpriced",
    )
