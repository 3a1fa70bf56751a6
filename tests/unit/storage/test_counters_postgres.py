"""What is PostgreSQL's own: its tables are made once, and a server that does not answer is not waited for."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from gearshift.errors import CountersAway, CountersLost
from gearshift.storage.counters_postgres import PostgresCounters
from tests.fakes.counters import PATIENCE, held, opened, stands
from tests.fakes.postgres import Server


def test_a_server_that_is_not_there_is_away() -> None:
    async def play() -> None:
        counters = PostgresCounters("postgresql://postgres:secret@127.0.0.1:1/none")
        with pytest.raises(CountersAway) as away:
            await counters.attach()
        assert not isinstance(away.value, CountersLost)
        assert "secret" not in away.value.message
        await counters.close()

    asyncio.run(play())


def test_many_who_come_at_once_make_the_tables_once(postgres: Server) -> None:
    url = postgres.fresh()

    async def play() -> None:
        made = [PostgresCounters(url, timeout=PATIENCE) for _ in range(6)]
        epochs = await asyncio.gather(*(each.attach() for each in made))
        assert [each.name for each in epochs] == [None] * 6
        await asyncio.gather(*(each.renew(None) for each in made))
        assert len({each.name for each in await asyncio.gather(*(each.attach() for each in made))}) == 1
        await asyncio.gather(*(each.close() for each in made))

    asyncio.run(play())


def test_who_waits_for_a_lock_for_too_long_is_told_and_holds_nothing(postgres: Server) -> None:
    url = postgres.fresh()

    async def play() -> None:
        counters = PostgresCounters(url, timeout=PATIENCE)
        async with opened(lambda: counters):
            with psycopg.connect(url) as other:
                other.execute("LOCK TABLE counter_reservations IN ACCESS EXCLUSIVE MODE")
                counters._timeout = 0.05  # noqa: SLF001 - patient until here, for the machine may be busy
                with pytest.raises(CountersAway, match="did not answer"):
                    await counters.reserve("a", [held(60)], 30.0)
                other.rollback()
            counters._timeout = PATIENCE  # noqa: SLF001 - as above
            await counters.release("a")
            assert await stands(counters) == (0, 0)

    asyncio.run(play())


def test_counters_outlive_the_clients_that_count(postgres: Server) -> None:
    url = postgres.fresh()

    async def first() -> None:
        async with opened(lambda: PostgresCounters(url, timeout=PATIENCE)) as counters:
            await counters.settle("a", [held(60)])

    async def second() -> None:
        counters = PostgresCounters(url, timeout=PATIENCE)
        assert (await counters.attach()).ready
        assert await stands(counters) == (60, 0)
        await counters.close()

    asyncio.run(first())
    asyncio.run(second())
