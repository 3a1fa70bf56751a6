"""How counters that were lost are made again; that calls go on meanwhile is in `test_purse.py`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import pytest

from gearshift.errors import StoreUnavailable
from gearshift.purse import heart
from gearshift.purse.heart import Heart, Live
from gearshift.purse.leases import Leases
from gearshift.storage.counters_memory import MemoryCounters
from gearshift.types.budget import Hold, Tally
from tests.fakes.counters import budget, held, until


class Shared(MemoryCounters):
    """Be counters that other processes count in too."""

    shared = True  # type: ignore[misc]


class Ledger:
    """Be what the ledger says, and remember what it was asked to leave out."""

    def __init__(self, *totals: Hold) -> None:
        self.totals = list(totals)
        self.left_out: list[frozenset[str]] = []
        self.away = False

    async def __call__(self, counted: frozenset[str]) -> list[Hold]:
        self.left_out.append(counted)
        if self.away:
            raise StoreUnavailable("away")
        return self.totals


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heart, "BEAT", 0.02)
    monkeypatch.setattr(heart, "RETRY", 0.02)


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await scene()

    asyncio.run(run())


def made(counters: MemoryCounters, live: dict[str, Live], ledger: Ledger, settling: float = 0.0) -> Heart:
    return Heart(counters, Leases([budget()], "me", 1), live, ledger, settling=settling)


async def tally(counters: MemoryCounters) -> Tally:
    return (await counters.standing([held(0)]))[0]


def test_others_have_time_to_tell_what_they_have_under_way_before_an_epoch_is_filled() -> None:
    async def scene() -> None:
        counters, ledger = Shared(time.time), Ledger(held(40))
        live = {"mine": Live((held(10),), leased=True)}
        beating = made(counters, live, ledger, settling=0.3)
        beating.owe("over", (held(5),))
        await beating.start()
        assert beating.lost
        assert ledger.left_out == []
        await counters.adopt("another's", [held(20)], 30.0)
        assert await counters.adopted() == {"mine", "over", "another's"}

        async def found() -> bool:
            return not beating.lost

        await until(found)
        assert ledger.left_out == [{"mine", "over", "another's"}]
        assert not live["mine"].leased
        found_tally = await tally(counters)
        assert (found_tally.used, found_tally.held) == (45, 30)
        await beating.stop()

    play(scene)


def test_a_ledger_that_is_away_is_asked_again() -> None:
    async def scene() -> None:
        counters, ledger = Shared(time.time), Ledger(held(40))
        ledger.away = True
        beating = made(counters, {}, ledger)
        await beating.start()

        async def asked() -> bool:
            return len(ledger.left_out) > 2

        await until(asked)
        assert beating.lost
        ledger.away = False

        async def found() -> bool:
            return not beating.lost

        await until(found)
        assert (await tally(counters)).used == 40
        await beating.stop()

    play(scene)


def test_a_bug_of_ours_does_not_stop_the_heart(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        counters, ledger = Shared(time.time), Ledger()
        beating = made(counters, {}, ledger)
        await beating.start()
        failed = asyncio.Event()
        real = counters.expire

        async def broken() -> tuple[str, ...]:
            counters.expire = real  # type: ignore[method-assign]
            failed.set()
            raise RuntimeError("broken")

        counters.expire = broken  # type: ignore[method-assign]
        await asyncio.wait_for(failed.wait(), 10)
        await counters.reserve("orphan", [held(10)], 0.0)

        async def swept() -> bool:
            return (await tally(counters)).used == 10

        await until(swept)
        await beating.stop()

    play(scene)
    assert "purse_error" in caplog.text


def test_a_lease_is_held_in_a_new_epoch_too_for_as_long_as_it_can_be_spent() -> None:
    """`make model` finds what happens otherwise: another reserves what is still spent here."""

    async def scene() -> None:
        counters, ledger = Shared(time.time), Ledger()
        ledger.away = True
        leases = Leases([budget()], "me", 1)
        leases.take("lease", held(2))
        beating = Heart(counters, leases, {}, ledger, settling=0.0)
        await beating.start()
        assert beating.lost
        assert leases.spend([held(2)]) is None
        assert (await tally(counters)).held == 2
        ledger.away = False

        async def found() -> bool:
            return not beating.lost and (await tally(counters)).held == 2

        await until(found)  # the next lease
        await beating.stop()

    play(scene)


def test_what_a_lease_paid_for_is_told_before_the_lease_is_let_go() -> None:
    async def scene() -> None:
        told: list[str] = []

        class Telling(Shared):
            async def settle(self, call: str, holds: Sequence[Hold]) -> None:
                told.append(call)
                await super().settle(call, holds)

            async def release(self, call: str) -> None:
                told.append(call)
                await super().release(call)

        counters = Telling(time.time)
        leases = Leases([budget()], "me", 1)
        leases.take("lease", held(2))

        class Ending(Ledger):
            async def __call__(self, counted: frozenset[str]) -> list[Hold]:
                beating.owe("ended meanwhile", (held(1),))
                return await super().__call__(counted)

        beating = Heart(counters, leases, {}, Ending(), settling=0.0)
        await beating.start()
        assert told == ["ended meanwhile", "lease"]
        await beating.stop()

    play(scene)
