"""What is Valkey's own: it loads its functions, it may freeze, lose everything, or come back as another."""

from __future__ import annotations

import asyncio
import time

import pytest

from gearshift.errors import CountersAway, CountersLost
from gearshift.purse import Purse
from gearshift.storage.counters_valkey import TIMEOUT, ValkeyCounters
from gearshift.types.budget import Amounts, Bound, Budget, Facts, Scope, Window
from gearshift.types.catalog import Seconds
from gearshift.types.ledger import LedgerRow
from tests.fakes.counters import held, opened
from tests.fakes.valkey import Server, running


async def nothing(_since: Seconds) -> list[LedgerRow]:
    return []


def test_a_server_that_is_not_there_is_away() -> None:
    async def play() -> None:
        counters = ValkeyCounters("valkey://127.0.0.1:1")
        with pytest.raises(CountersAway) as away:
            await counters.attach()
        assert not isinstance(away.value, CountersLost)
        assert "127.0.0.1" not in away.value.message
        await counters.close()

    asyncio.run(play())


def test_deployments_with_tags_of_their_own_do_not_see_each_other(valkey: Server) -> None:
    async def play() -> None:
        first = ValkeyCounters(valkey.url, tag=valkey.fresh(), timeout=20.0)
        other = ValkeyCounters(valkey.url, tag=valkey.fresh(), timeout=20.0)
        async with opened(lambda: first), opened(lambda: other):
            assert isinstance(await first.reserve("a", [held(100)], 30.0), tuple)
            assert isinstance(await other.reserve("a", [held(100)], 30.0), tuple)

    asyncio.run(play())


def test_functions_that_are_gone_are_loaded_again_but_what_they_saw_is_lost(valkey: Server) -> None:
    async def play() -> None:
        counters = ValkeyCounters(valkey.url, tag=valkey.fresh(), timeout=20.0)
        async with opened(lambda: counters):
            await counters._client.execute_command("FUNCTION", "FLUSH")  # type: ignore[no-untyped-call]  # noqa: SLF001
            with pytest.raises(CountersLost):
                await counters.reserve("a", [held(1)], 30.0)
            epoch = await counters.attach()
            assert epoch.lost
            assert not epoch.ready
            await counters.renew(epoch.name)
            assert not (await counters.attach()).lost

    asyncio.run(play())


def test_a_server_that_was_restarted_has_nothing_that_is_counted_on() -> None:
    async def play(server: Server) -> None:
        counters = ValkeyCounters(server.url, timeout=20.0)
        async with opened(lambda: counters):
            await counters.reserve("a", [held(60)], 30.0)
            server.stop()
            with pytest.raises(CountersAway):
                await counters.standing([held(0)])
            server.start()
            with pytest.raises(CountersLost) as lost:
                await counters.settle("a", [held(60)])
            assert lost.value.epoch is None

    with running() as server:
        asyncio.run(play(server))


def test_a_server_that_freezes_costs_its_callers_one_wait_and_then_nothing() -> None:
    budget = Budget(id="b", scope=Scope("all"), unit="usd", limit=10**12, window=Window("month"), on_loss="open")

    async def play(server: Server) -> None:
        counters = ValkeyCounters(server.url, timeout=20.0)
        purse = Purse([budget], counters, clock=time.time, ledger=nothing)
        await purse.start()
        bound = Bound(most=Amounts(usd=1))
        assert await purse.reserve("warm", Facts(), bound) is None
        counters._timeout = TIMEOUT  # noqa: SLF001 - patient until here, for the machine may be busy
        server.freeze()
        began = time.monotonic()
        answers = await asyncio.gather(*(purse.reserve(f"{n}", Facts(), bound) for n in range(100)))
        waited = time.monotonic() - began
        assert answers == [None] * 100
        assert purse.lost
        sent: list[str] = []
        counters.reserve = lambda call, *_: sent.append(call)  # type: ignore[method-assign,assignment]
        assert [await purse.reserve(f"later {n}", Facts(), bound) for n in range(100)] == [None] * 100
        assert sent == []
        server.thaw()
        await purse.stop()
        await counters.close()
        assert waited < 100 * TIMEOUT / 4, "they wait side by side, not one after the other"

    with running() as server:
        asyncio.run(play(server))
