"""What counts limits is exact: in this process and in Valkey alike (`storage.counters.Counters`)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import count

import pytest
from msgspec.structs import replace

from gearshift import budgeting
from gearshift.storage.counters import Counters
from gearshift.storage.counters_memory import MemoryCounters
from gearshift.storage.counters_valkey import ValkeyCounters
from gearshift.types.budget import Hold, Limit
from tests.fakes import valkey

KINDS = ["memory", "valkey"]
_names = count(1)


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Callable[[], Counters]:
    if request.param == "memory":
        return lambda: MemoryCounters(time.time)
    server: valkey.Server = request.getfixturevalue("valkey_server")
    return lambda: ValkeyCounters(server.url, time.monotonic, patience=30)


def limit(amount: int = 100, **changes: object) -> Limit:
    made = Limit(id=f"lim-{next(_names)}", kind="all", scope="", unit="usd", amount=amount, period="day")
    return replace(made, **changes)


def hold(of: Limit, amount: int) -> Hold:
    return budgeting.hold(of, amount, time.time())


def play(make: Callable[[], Counters], scene: Callable[[Counters], Awaitable[None]]) -> None:
    async def run() -> None:
        counters = make()
        await counters.restore({})
        try:
            await scene(counters)
        finally:
            await counters.close()

    asyncio.run(run())


def test_what_is_held_is_counted_at_its_end(make: Callable[[], Counters]) -> None:
    async def scene(counters: Counters) -> None:
        of = limit()
        verdict = await counters.reserve("a" + of.id, [hold(of, 30)])
        assert (verdict.refused, verdict.standings[0].held) == (None, 30)
        await counters.settle("a" + of.id, {of.id: 12})
        (standing,) = await counters.standings([hold(of, 0)])
        assert (standing.used, standing.held, standing.left) == (12, 0, 88)

    play(make, scene)


def test_a_limit_is_never_passed_and_a_refusal_uses_nothing(make: Callable[[], Counters]) -> None:
    async def scene(counters: Counters) -> None:
        of, other = limit(), limit(1000)
        assert (await counters.reserve("a" + of.id, [hold(of, 60)])).refused is None
        refused = await counters.reserve("b" + of.id, [hold(other, 1), hold(of, 41)])
        assert refused.refused == of.id
        assert [each.held for each in refused.standings] == [0, 60]
        assert (await counters.reserve("c" + of.id, [hold(other, 1), hold(of, 40)])).refused is None
        assert [each.held for each in await counters.standings([hold(other, 0), hold(of, 0)])] == [1, 100]

    play(make, scene)


def test_everything_is_done_once_for_a_name(make: Callable[[], Counters]) -> None:
    async def scene(counters: Counters) -> None:
        of = limit()
        for _ in range(3):
            assert (await counters.reserve("once" + of.id, [hold(of, 60)])).refused is None
        for _ in range(3):
            await counters.settle("once" + of.id, {of.id: 50})
        await counters.settle("never" + of.id, {of.id: 50})
        assert (await counters.reserve("once" + of.id, [hold(of, 60)])).refused is None
        (standing,) = await counters.standings([hold(of, 0)])
        assert (standing.used, standing.held) == (50, 0)

    play(make, scene)


def test_what_nobody_keeps_alive_counts_as_it_was_held_until_it_is_put_right(make: Callable[[], Counters]) -> None:
    async def scene(counters: Counters) -> None:
        of, slots = limit(), limit(5, unit="concurrent", period=None)
        name, other = f"old{of.id}", f"kept{of.id}"
        await counters.reserve(name, [hold(of, 60), hold(slots, 1)], ttl=0.05)
        await counters.reserve(other, [hold(of, 10), hold(slots, 1)], ttl=0.05)
        await counters.beat([other], ttl=30.0)
        await asyncio.sleep(1.2)
        held = await counters.standings([hold(of, 0), hold(slots, 0)])
        assert [(each.used, each.held) for each in held] == [(60, 10), (0, 1)]
        await counters.settle(name, {of.id: 7})
        await counters.settle(other, {of.id: 3})
        after = await counters.standings([hold(of, 0), hold(slots, 0)])
        assert [(each.used, each.held) for each in after] == [(10, 0), (0, 0)]

    play(make, scene)


def test_a_window_that_is_over_is_told_with_the_time_that_it_is(make: Callable[[], Counters]) -> None:
    async def scene(counters: Counters) -> None:
        of = limit(period="minute")
        stale = budgeting.hold(of, 1, time.time() - 3600)
        verdict = await counters.reserve("stale" + of.id, [stale])
        assert verdict.now is not None
        assert abs(verdict.now - time.time()) < 5
        assert (await counters.reserve("fresh" + of.id, [budgeting.hold(of, 1, verdict.now)])).refused is None

    play(make, scene)


def test_a_rolling_window_counts_what_is_behind_it(make: Callable[[], Counters]) -> None:
    async def scene(counters: Counters) -> None:
        of = limit(10, unit="requests", period="hour", calendar=False)
        now = budgeting.hold(of, 4, time.time())
        await counters.restore({now.counters[5]: (5, time.time() + 3600), now.counters[-1]: (1, time.time() + 3600)})
        assert (await counters.reserve("r" + of.id, [now])).refused is None
        assert (await counters.reserve("s" + of.id, [replace(now, amount=1)])).refused == of.id

    play(make, scene)


def test_counts_are_restored_but_never_lowered(make: Callable[[], Counters]) -> None:
    async def scene(counters: Counters) -> None:
        of = limit()
        await counters.reserve("a" + of.id, [hold(of, 50)])
        await counters.settle("a" + of.id, {})
        until = time.time() + 60
        await counters.restore({hold(of, 0).counter: (20, until)})
        assert (await counters.standings([hold(of, 0)]))[0].used == 50
        await counters.restore({hold(of, 0).counter: (80, until)})
        assert (await counters.standings([hold(of, 0)]))[0].used == 80

    play(make, scene)


def test_money_is_exact_where_floats_are_not(make: Callable[[], Counters]) -> None:
    async def scene(counters: Counters) -> None:
        of = limit(2**52)
        await counters.reserve("a" + of.id, [hold(of, 2**52 - 1)])
        await counters.settle("a" + of.id, {of.id: 2**52 - 1})
        assert (await counters.reserve("b" + of.id, [hold(of, 2)])).refused == of.id
        assert (await counters.reserve("c" + of.id, [hold(of, 1)])).refused is None
        (standing,) = await counters.standings([hold(of, 0)])
        assert standing.used + standing.held == 2**52

    play(make, scene)


def test_racing_callers_never_pass_a_limit_and_use_all_of_it(make: Callable[[], Counters]) -> None:
    async def scene(counters: Counters) -> None:
        of = limit(50, unit="requests")
        verdicts = await asyncio.gather(*(counters.reserve(f"{of.id}-{n}", [hold(of, 1)]) for n in range(200)))
        assert sum(each.refused is None for each in verdicts) == 50

    play(make, scene)


def test_counts_that_were_lost_are_told_not_taken_for_none(
    make: Callable[[], Counters], request: pytest.FixtureRequest
) -> None:
    if "valkey" in request.node.name:
        server: valkey.Server = request.getfixturevalue("valkey_server")
        server.flush()

    async def run() -> None:
        counters, of = make(), limit()
        assert (await counters.reserve("a" + of.id, [hold(of, 1)])).lost
        await counters.restore({hold(of, 0).counter: (100, time.time() + 60)})
        assert (await counters.reserve("a" + of.id, [hold(of, 1)])).refused == of.id
        await counters.close()

    asyncio.run(run())
