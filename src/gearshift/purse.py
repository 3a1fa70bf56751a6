"""Own the limits while serving: what a request and each of its calls may use is held before, and counted after.

    request ─ admit ──> held: requests, concurrency        (keys, teams, users, routers, tags)
       call ─ reserve ──> held: money, tokens              (and the limits of models and providers)
            └ settle ───> counted: what the ledger says
       end  ─ close

Invariants: a request that no limit touches waits for nobody; one that a limit refuses has used nothing; what is held is
kept alive while it is under way and counted at its end, whatever that was. While the shared counters are away this
process goes by a share of its own (`SHARE` of each limit, at most `SHARE_USD` of money), then by the limit's `on_loss`;
once they are back they are told what the ledger says was used meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from msgspec.structs import replace

from gearshift import budgeting
from gearshift.budgeting import Need, Place
from gearshift.errors import StoreUnavailable
from gearshift.execution.order import Order
from gearshift.storage.counters import TTL, Counters
from gearshift.storage.counters_memory import MemoryCounters
from gearshift.types.budget import Limit, Standing, Verdict
from gearshift.types.catalog import NANO_PER_USD, Seconds
from gearshift.types.ledger import LedgerRow, Payer

Spent: TypeAlias = Callable[[Limit, Seconds], int]
"""Give what the ledger says was used of a limit since a time."""
BEAT: Final[Seconds] = TTL / 3
SHARE: Final = 50
"""The part of a limit, 1 / this, that a process may use while the shared counters are away."""
SHARE_USD: Final = NANO_PER_USD // 2

_log = logging.getLogger("gearshift.limits")


class Purse:
    """Hold requests to their limits; `wall_clock` is seconds since the epoch."""

    def __init__(self, counters: Counters, spent: Spent, wall_clock: Callable[[], Seconds]) -> None:
        """Take where limits are counted, what the ledger knows of them, and the clock."""
        self._counters = counters
        self._own = MemoryCounters(wall_clock, restored=True)
        self._spent = spent
        self._clock = wall_clock
        self._limits: tuple[Limit, ...] = ()
        self._known: set[str] = set()
        self._unrestored: dict[str, tuple[int, Seconds]] = {}
        self._under_way: dict[str, tuple[Counters, list[Limit]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._beating: asyncio.Task[None] | None = None
        self._away = False

    @property
    def idle(self) -> bool:
        """Say whether there is no limit at all."""
        return not self._limits

    @property
    def limits(self) -> tuple[Limit, ...]:
        """Give all limits."""
        return self._limits

    def learn(self, limits: Iterable[Limit]) -> None:
        """Take the limits that hold from now on; what was used of new ones is read from the ledger, so it blocks."""
        found = tuple(limits)
        self._unrestored |= self._counted([each for each in found if each.id not in self._known])
        self._known |= {each.id for each in found}
        self._limits = found

    async def admit(self, name: str, payer: Payer) -> list[tuple[bytes, bytes]]:
        """Hold what a request needs; give the headers that say where its caller stands, or raise OverLimit."""
        if not self._limits:
            return []
        place = Place(payer=payer)
        limits = budgeting.touched(self._limits, place)
        standings = await self._hold(f"{name}/request", limits, Need(requests=1)) if limits else ()
        return list(budgeting.headers(limits, standings, self._clock()))

    async def reserve(self, entry: LedgerRow, order: Order, need: Need) -> None:
        """Hold what a call needs; raise OverLimit where a limit has no room."""
        place = Place(payer=order.payer, model=entry.model, provider=entry.provider)
        limits = budgeting.touched(self._limits, place)
        if limits:
            await self._hold(entry.id, limits, need)

    def settle(self, entry: LedgerRow) -> None:
        """Count what a call came to."""
        cost = entry.bound if entry.cost is None else entry.cost
        used = {
            "usd": cost,
            "requests": 1,
            "input_tokens": entry.input_tokens,
            "output_tokens": entry.output_tokens,
        }
        if entry.billing in {"not_sent", "not_billed"}:
            used |= {"usd": 0, "input_tokens": 0, "output_tokens": 0}
        self._end(entry.id, used)

    def close(self, name: str, *, asked: bool) -> None:
        """Count a request that has ended, if anybody was `asked`: one that was turned away has used nothing."""
        self._end(f"{name}/request", {"requests": int(asked)})

    async def standings(self) -> list[tuple[Limit, Standing]]:
        """Say where every limit stands."""
        await self._restore()
        holds = [budgeting.hold(each, 0, self._clock()) for each in self._limits]
        return list(zip(self._limits, await self._counters.standings(holds), strict=True))

    async def shut(self) -> None:
        """Count what is still to be counted, and let go of the counters."""
        if self._beating is not None:
            self._beating.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)
        await self._counters.close()

    async def _hold(self, name: str, limits: Sequence[Limit], need: Need) -> tuple[Standing, ...]:
        amounts: list[int] = []
        for each in limits:
            amount = need.of(each)
            if amount is None and each.mode == "strict":
                raise budgeting.unbounded(each)
            amounts.append(amount or 0)
        counters, verdict = await self._asked(name, limits, amounts)
        if verdict.refused is not None:
            at = next(index for index, each in enumerate(limits) if each.id == verdict.refused)
            raise budgeting.refusal(limits[at], verdict.standings[at], amounts[at], self._clock())
        self._under_way[name] = counters, list(limits)
        if self._beating is None:
            self._beating = asyncio.get_running_loop().create_task(self._beat(), name="limits")
        return verdict.standings

    async def _asked(self, name: str, limits: Sequence[Limit], amounts: Sequence[int]) -> tuple[Counters, Verdict]:
        """Ask the counters, or while they are away our own."""
        try:
            verdict = await self._of_all(name, limits, amounts)
        except StoreUnavailable:
            self._said(away=True)
            return self._own, await self._of_ours(name, limits, amounts)
        if self._away:
            self._do(self._recount())
        self._said(away=False)
        return self._counters, verdict

    async def _of_all(self, name: str, limits: Sequence[Limit], amounts: Sequence[int]) -> Verdict:
        """Reserve of what all gateways share; where their clock is in another window than ours, go by theirs."""
        await self._restore()
        now = self._clock()
        while True:
            holds = [budgeting.hold(each, amount, now) for each, amount in zip(limits, amounts, strict=True)]
            verdict = await self._counters.reserve(name, holds)
            if verdict.lost:
                await self._recount()
            elif verdict.now is None or verdict.now == now:
                return verdict
            else:
                now = verdict.now

    async def _of_ours(self, name: str, limits: Sequence[Limit], amounts: Sequence[int]) -> Verdict:
        """Reserve of our own share."""
        shares = [(each, amount) for each, amount in zip(limits, amounts, strict=True) if each.on_loss == "closed"]
        holds = [replace(budgeting.hold(each, amount, self._clock()), limit=_share(each)) for each, amount in shares]
        verdict = await self._own.reserve(name, holds)
        known = {each.budget: each for each in verdict.standings}
        told = (known.get(each.id) or Standing(budget=each.id, used=0, held=0, limit=each.amount) for each in limits)
        return replace(verdict, standings=tuple(told))

    def _end(self, name: str, used: Mapping[str, int | None]) -> None:
        found = self._under_way.pop(name, None)
        if found is None:
            return
        counters, limits = found
        amounts = {each.id: amount for each in limits if (amount := used.get(each.unit)) is not None}
        self._do(counters.settle(name, amounts))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it aside; what cannot be counted now counts as it was held, and is put right by the ledger."""
        task = asyncio.get_running_loop().create_task(_quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _counted(self, limits: Iterable[Limit]) -> dict[str, tuple[int, Seconds]]:
        """Give what the ledger says was used of limits, by their present counters; blocks."""
        now = self._clock()
        holds = [(each, budgeting.hold(each, 0, now)) for each in limits]
        return {
            hold.counter: (self._spent(each, budgeting.since(each, now)), hold.end)
            for each, hold in holds
            if hold.end is not None
        }

    async def _recount(self) -> None:
        """Have counters that have lost their counts, or missed some, be at least at what the ledger says."""
        counted = await asyncio.to_thread(self._counted, self._limits)
        _log.warning("limits_recounted", extra={"fields": {"limits": len(counted)}})
        await self._counters.restore(counted)

    async def _restore(self) -> None:
        if self._unrestored:
            counted, self._unrestored = self._unrestored, {}
            try:
                await self._counters.restore(counted)
            except StoreUnavailable:
                self._unrestored = counted | self._unrestored
                raise

    async def _beat(self) -> None:
        """Keep what is under way alive."""
        while True:
            await asyncio.sleep(BEAT)
            names = [name for name, (counters, _limits) in self._under_way.items() if counters is self._counters]
            if names:
                await _quietly(self._counters.beat(names))
            await self._own.beat([name for name, (counters, _) in self._under_way.items() if counters is self._own])

    def _said(self, *, away: bool) -> None:
        if away != self._away:
            self._away = away
            _log.warning("limits_away" if away else "limits_back", extra={"fields": {"limits": len(self._limits)}})


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except StoreUnavailable:
        _log.warning("limit_unsettled")


def _share(limit: Limit) -> int:
    """Give what this process may use of a limit by itself."""
    share = max(1, limit.amount // SHARE)
    return min(share, SHARE_USD) if limit.unit == "usd" else share
