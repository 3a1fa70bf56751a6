"""Own the heartbeat: what is under way stays held, what is owed is told, and counters that were lost are made again.

    well ── a call is not answered ──> lost ── attach, every `RETRY` ─┬─ filled ────────────────────> catch up ─> well
                                                                     └─ none, or not filled yet ────> rebuild ──> well

Rebuilding: somebody opens an epoch; for `settling` seconds, in which every live process beats, calls under way are
adopted in it and what is owed is settled in it; then the first who comes adds what the ledger says of all other calls.

Invariants: no request waits for the heart; an id that the epoch counts by itself is left out of what it is filled with,
so no call counts twice; a lease is let go only once every call that it pays for is held by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from msgspec import Struct

from gearshift.errors import CountersAway, StoreUnavailable
from gearshift.purse.leases import Leases
from gearshift.storage.counters import SWEPT, Counters, Epoch
from gearshift.types.budget import Hold, Tally
from gearshift.types.catalog import Seconds

BEAT: Final[Seconds] = 10.0
TTL: Final[Seconds] = 30.0
RETRY: Final[Seconds] = 1.0

Totals: TypeAlias = Callable[[frozenset[str]], Awaitable[list[Hold]]]
"""Give what the ledger says was used, but for these ids."""

_log = logging.getLogger("gearshift.purse")


class Live(Struct):
    """Hold what is under way: what it holds, and where its limits stood then.

    `leased`: a lease pays for it. `epoch` is where the counters were told of it.
    """

    holds: tuple[Hold, ...]
    tallies: tuple[Tally, ...] = ()
    leased: bool = False
    epoch: str | None = None


class Heart:
    """Beat, for a purse: `live` is what it has under way, by id."""

    def __init__(
        self, counters: Counters, leases: Leases, live: dict[str, Live], totals: Totals, *, settling: Seconds
    ) -> None:
        """Take how long others may still tell a new epoch what they have under way, and whom to ask to fill it."""
        self.lost = True
        self.epoch: str | None = None
        self._counters = counters
        self._leases = leases
        self._live = live
        self._totals = totals
        self._settling = settling if counters.shared else 0.0
        self._owed: dict[str, tuple[Hold, ...] | None] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Find the counters, or go on looking for them aside."""
        await self._round()
        self._task = asyncio.create_task(self._run(), name="purse")

    async def stop(self) -> None:
        """Tell what is owed, let go of the leases, and beat no more."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        if not self.lost:
            with contextlib.suppress(CountersAway):
                self._let_go(self._leases.drop())
                await self._pay()

    def lose(self) -> None:
        """Ask the counters no more, until they are found again."""
        if not self.lost:
            self.lost = True
            self._wake.set()
            _log.warning("counters_lost")

    def owe(self, call: str, actual: tuple[Hold, ...] | None) -> None:
        """Keep what the counters must still be told: what a call used or, at None, that it was not sent."""
        self._owed[call] = actual

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), RETRY if self.lost else BEAT)
            self._wake.clear()
            await self._round()

    async def _round(self) -> None:
        try:
            if self.lost:
                await self._recover()
            else:
                await self._beat()
        except CountersAway:
            self.lose()
        except StoreUnavailable:
            _log.warning("counters_unfilled")
        except Exception:  # noqa: BLE001 - our own bug: the next round may do better
            _log.exception("purse_error")

    async def _beat(self) -> None:
        await self._keep()
        await self._pay()
        while len(await self._counters.expire()) == SWEPT:
            pass
        if self._counters.shared:
            await self._renew_leases()

    async def _keep(self) -> None:
        """Say what is under way, leases too; what the counters do not know of it is adopted."""
        leases = self._leases.calls
        for call in await self._counters.beat([*self._live, *leases], TTL):
            live = self._live.get(call)
            holds = live.holds if live is not None else leases.get(call, ())
            if holds:
                await self._counters.adopt(call, holds, TTL)
        for call, live in list(self._live.items()):
            if live.epoch != self.epoch:
                await self._counters.adopt(call, live.holds, TTL)
                live.epoch = self.epoch

    async def _pay(self) -> None:
        """Tell what is owed, in the order in which it was: what a lease paid for comes before the lease's release."""
        for call, actual in list(self._owed.items()):
            if actual is None:
                await self._counters.release(call)
            else:
                await self._counters.settle(call, actual)
            if self._owed.get(call) == actual:
                del self._owed[call]

    async def _renew_leases(self) -> None:
        self._let_go(self._leases.stale())
        for call, hold in self._leases.wanted():
            if isinstance(await self._counters.reserve(call, [hold], TTL), tuple):
                self._leases.take(call, hold)
        await self._pay()

    def _let_go(self, leases: list[str]) -> None:
        for call in leases:
            self.owe(call, None)

    async def _recover(self) -> None:
        epoch = await self._found()
        self.epoch = epoch.name
        await self._keep()
        await self._pay()
        if not epoch.ready:
            if epoch.age < self._settling:
                return
            await self._counters.restore(await self._totals(await self._counters.adopted()))
        while any(live.epoch != self.epoch for live in self._live.values()):
            await self._keep()
        for live in self._live.values():
            live.leased = False
        self._let_go(self._leases.drop())
        self.lost = False
        self._wake.set()  # for new leases
        _log.info("counters_found")
        await self._pay()

    async def _found(self) -> Epoch:
        epoch = await self._counters.attach()
        if epoch.name is not None and not epoch.lost:
            return epoch
        await self._counters.renew(epoch.name)
        return await self._counters.attach()
