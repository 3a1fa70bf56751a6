"""A purse holds what calls may use, and goes on by leases while the counters are lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager

import pytest

from gearshift.errors import CountersAway
from gearshift.purse import Purse, heart
from gearshift.storage.counters import Epoch
from gearshift.storage.counters_memory import MemoryCounters
from gearshift.types.budget import Amounts, Bound, Budget, Facts, Hold, Refused, Scope, Stale, Tally, Window
from gearshift.types.catalog import NANO_PER_USD, Seconds
from gearshift.types.ledger import LedgerRow
from tests.fakes.counters import stands, until
from tests.fakes.nouns import ledger_row

FACTS = Facts(key="k", team="t", model="m", provider="p", tags=("plan=free",))
USD = Budget(id="b", scope=Scope("key", "k"), unit="usd", limit=100 * NANO_PER_USD, window=Window("month"))
REQUESTS = Budget(id="rpm", scope=Scope("key", "*"), unit="requests", limit=10, window=Window("month"), on_loss="open")
SLOTS = Budget(id="slots", scope=Scope("all"), unit="concurrent", limit=1)


class Shared(MemoryCounters):
    """Be counters that can go away, as shared ones do."""

    shared = True  # type: ignore[misc]

    def __init__(self) -> None:
        super().__init__(time.time)
        self.away = False
        self.asked = 0

    def _check(self, *, ready: bool = False) -> None:
        self.asked += 1
        if self.away:
            raise CountersAway("away")
        super()._check(ready=ready)

    async def attach(self) -> Epoch:
        self.asked += 1
        if self.away:
            raise CountersAway("away")
        return await super().attach()

    def flush(self) -> None:
        self._clear()
        self._epoch, self._ready = None, False


def spend(usd: float) -> Amounts:
    return Amounts(usd=int(usd * NANO_PER_USD), input_tokens=10, output_tokens=10)


def bound(usd: float) -> Bound:
    return Bound(most=spend(usd))


@asynccontextmanager
async def purse(
    *budgets: Budget, counters: MemoryCounters | None = None, rows: Iterable[LedgerRow] = (), replicas: int = 1
) -> AsyncIterator[Purse]:
    async def ledger(_since: Seconds) -> Iterable[LedgerRow]:
        return rows

    made = Purse(
        budgets,
        counters or MemoryCounters(time.time),
        clock=time.time,
        ledger=ledger,
        replicas=replicas,
    )
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


def test_without_a_budget_that_matches_nobody_is_asked() -> None:
    async def play() -> None:
        counters = Shared()
        other = Budget(id="o", scope=Scope("key", "other"), unit="usd", limit=1, window=Window("day"))
        async with purse(other, counters=counters) as made:
            asked = counters.asked
            assert await made.open("x", FACTS) is None
            assert await made.reserve("a", FACTS, bound(5)) is None
            assert await made.grow("a", spend(5)) is None
            await made.settle("a", spend(5))
            await made.close("x")
            assert made.standings("x") == ()
            assert counters.asked == asked

    asyncio.run(play())


def test_a_call_is_held_at_the_most_that_it_can_cost_and_settled_at_its_cost() -> None:
    async def play() -> None:
        async with purse(USD) as made:
            assert await made.reserve("a", FACTS, bound(60)) is None
            refused = await made.reserve("b", FACTS, bound(41))
            assert isinstance(refused, Refused)
            assert (refused.budget, refused.held, refused.cause) == ("b", 60 * NANO_PER_USD, "spent")
            await made.settle("a", spend(10))
            assert await made.reserve("c", FACTS, bound(90)) is None
            await made.release("c")
            assert await made.reserve("d", FACTS, bound(90)) is None
            await made.settle("d", Amounts())
            assert isinstance(await made.reserve("e", FACTS, bound(0.001)), Refused)

    asyncio.run(play())


def test_what_has_no_known_price_is_refused_by_a_strict_budget_only() -> None:
    async def play() -> None:
        elastic = Budget(
            id="e", scope=Scope("team", "t"), unit="usd", limit=1, window=Window("day", "rolling"), mode="elastic"
        )
        async with purse(USD) as made:
            refused = await made.reserve("a", FACTS, Bound(most=Amounts()))
            assert refused is not None
            assert refused.cause == "unpriced"
        async with purse(elastic) as made:
            assert await made.reserve("a", FACTS, Bound(most=Amounts())) is None

    asyncio.run(play())


def test_requests_are_counted_once_each_and_slots_come_free() -> None:
    async def play() -> None:
        async with purse(REQUESTS, SLOTS) as made:
            for number in range(10):
                assert await made.open(f"{number}", FACTS) is None
                assert [(each.budget, each.held) for each in made.standings(f"{number}")] == [("slots", 1), ("rpm", 1)]
                refused = await made.open("second at once", FACTS)
                assert refused is not None
                assert refused.budget == "slots"
                assert refused.resets_at is None
                await made.close(f"{number}")
            refused = await made.open("one too many", FACTS)
            assert refused is not None
            assert (refused.budget, refused.used, refused.scope) == ("rpm", 10, Scope("key", "k"))

    asyncio.run(play())


def test_a_request_of_which_nothing_was_sent_counts_for_nothing() -> None:
    async def play() -> None:
        async with purse(REQUESTS) as made:
            for number in range(20):
                assert await made.open(f"{number}", FACTS) is None
                await made.release(f"{number}")

    asyncio.run(play())


def test_an_elastic_stream_holds_what_is_likely_and_more_as_it_grows() -> None:
    async def play() -> None:
        elastic = Budget(
            id="e", scope=Scope("key", "k"), unit="usd", limit=20_000_000, window=Window("day"), mode="elastic"
        )
        async with purse(elastic) as made:
            wide = Bound(most=spend(9), likely=Amounts(usd=8_000_000))
            assert await made.reserve("a", FACTS, wide) is None
            assert await made.reserve("b", FACTS, wide) is None
            assert await made.grow("a", Amounts(usd=7_000_000)) is None
            refused = await made.grow("a", Amounts(usd=8_000_000))
            assert refused is not None
            assert refused.held == 16_000_000
            await made.settle("b", Amounts(usd=1_000_000))
            assert await made.grow("a", Amounts(usd=8_100_000)) is None
            assert await made.grow("a", Amounts(usd=13_000_000)) is None
            await made.settle("a", Amounts(usd=13_000_000))

    asyncio.run(play())


def test_a_window_that_rolls_over_and_a_clock_that_is_wrong_are_asked_again() -> None:
    async def play() -> None:
        async def ledger(_since: Seconds) -> Iterable[LedgerRow]:
            return ()

        made = Purse([USD], MemoryCounters(time.time), clock=lambda: time.time() - 40 * 86_400, ledger=ledger)
        await made.start()
        assert await made.reserve("a", FACTS, bound(60)) is None
        assert isinstance(await made.reserve("b", FACTS, bound(60)), Refused)
        await made.stop()

    asyncio.run(play())


def test_what_the_ledger_knows_counts_from_the_start() -> None:
    async def play() -> None:
        row = ledger_row(id="old", exchange_id="x-old", created=time.time(), key="k", cost=95 * NANO_PER_USD)
        async with purse(USD, rows=[row]) as made:
            assert isinstance(await made.reserve("a", FACTS, bound(6)), Refused)
            assert await made.reserve("a", FACTS, bound(5)) is None

    asyncio.run(play())


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heart, "BEAT", 0.02)
    monkeypatch.setattr(heart, "RETRY", 0.02)


async def leased(counters: MemoryCounters) -> None:
    """Wait until half a dollar is leased."""

    async def found() -> bool:
        return (await stands(counters, USD))[1] >= NANO_PER_USD // 2

    await until(found)


@pytest.mark.usefixtures("fast")
def test_while_the_counters_are_lost_a_lease_is_spent_and_no_more() -> None:
    async def play() -> None:
        counters = Shared()
        async with purse(USD, SLOTS, REQUESTS, counters=counters) as made:
            assert await made.reserve("first", FACTS, bound(1)) is None
            await made.settle("first", spend(1))
            await leased(counters)
            counters.away = True
            assert await made.reserve("a", FACTS, bound(0.3)) is None
            assert made.lost
            assert await made.reserve("b", FACTS, bound(0.2)) is None
            refused = await made.reserve("c", FACTS, bound(0.001))
            assert refused is not None
            assert (refused.cause, refused.used) == ("lost", None)
            await made.settle("a", spend(0.1))
            assert await made.reserve("d", FACTS, bound(0.2)) is None
            assert await made.open("slot", FACTS) is not None
            counters.away = False
            await until(lambda: back(made))
            await until(lambda: stand(counters, spent=1.1, held=0.4 + 0.5))
            await made.settle("b", spend(0.2))
            await made.release("d")
            await until(lambda: stand(counters, spent=1.3, held=0.5))

    asyncio.run(play())


async def back(made: Purse) -> bool:
    return not made.lost


async def stand(counters: MemoryCounters, *, spent: float, held: float) -> bool:
    return await stands(counters, USD) == (round(spent * NANO_PER_USD), round(held * NANO_PER_USD))


@pytest.mark.usefixtures("fast")
def test_an_open_limit_is_counted_here_while_the_counters_are_lost_up_to_this_process_s_share() -> None:
    async def play() -> None:
        counters = Shared()
        async with purse(REQUESTS, counters=counters, replicas=1) as made:
            counters.away = True
            answers = [await made.open(f"{number}", FACTS) for number in range(12)]
            assert [each is None for each in answers] == [True] * 10 + [False] * 2
            counters.away = False
            await until(lambda: back(made))
            assert isinstance(await made.open("more", FACTS), Refused)

    asyncio.run(play())


@pytest.mark.usefixtures("fast")
def test_counters_that_were_flushed_are_filled_from_the_ledger_and_from_what_is_under_way() -> None:
    async def play() -> None:
        counters = Shared()
        rows = [ledger_row(id="over", exchange_id="x-over", created=time.time(), key="k", cost=7 * NANO_PER_USD)]
        async with purse(USD, counters=counters, rows=rows) as made:
            assert await made.reserve("a", FACTS, bound(20)) is None
            rows.append(ledger_row(id="a", exchange_id="x-a", created=time.time(), key="k", cost=5 * NANO_PER_USD))
            counters.flush()
            assert await made.reserve("b", FACTS, bound(60)) is not None
            await until(lambda: back(made))
            await until(lambda: stand(counters, spent=7, held=20))
            await made.settle("a", spend(5))
            await until(lambda: stand(counters, spent=12, held=0))

    asyncio.run(play())


@pytest.mark.usefixtures("fast")
def test_what_is_under_way_beats_and_what_the_counters_forgot_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heart, "TTL", 0.2)
    monkeypatch.setattr("gearshift.purse.purse.TTL", 0.2)

    async def play() -> None:
        counters = Shared()
        async with purse(SLOTS, counters=counters) as made:
            assert await made.open("x", FACTS) is None
            ends = time.monotonic() + 0.5
            while time.monotonic() < ends:
                assert await made.open("y", FACTS) is not None
                await asyncio.sleep(0.02)
            await made.close("x")
            assert await made.open("y", FACTS) is None
            await made.close("y")

    asyncio.run(play())


class Slow(Shared):
    """Be counters that answer, once what was asked is cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = asyncio.Event()

    async def reserve(self, call: str, holds: Sequence[Hold], ttl: Seconds) -> Refused | Stale | tuple[Tally, ...]:
        found = await super().reserve(call, holds, ttl)
        await self.waits.wait()
        return found

    async def beat(self, ids: Collection[str], ttl: Seconds) -> frozenset[str]:
        return await super().beat(ids, ttl)


@pytest.mark.usefixtures("fast")
def test_who_leaves_while_the_counters_are_asked_holds_nothing() -> None:
    async def play() -> None:
        counters = Slow()
        async with purse(USD, counters=counters) as made:
            task = asyncio.ensure_future(made.reserve("a", FACTS, bound(60)))
            await until(lambda: stand(counters, spent=0, held=60))
            task.cancel()
            await until(lambda: stand(counters, spent=0, held=0))

    asyncio.run(play())
