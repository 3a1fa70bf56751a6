"""Own counters for tests: each kind of store, new and empty, for as many clients as who asks wants."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias

import pytest

from gearshift import budgeting
from gearshift.storage.counters import Counters
from gearshift.storage.counters_memory import MemoryCounters
from gearshift.storage.counters_postgres import PostgresCounters
from gearshift.storage.counters_valkey import ValkeyCounters
from gearshift.types.budget import Budget, Hold, Scope, Tally, Unit, Window
from tests.fakes import postgres, valkey

Make: TypeAlias = Callable[[], Counters]
KINDS = ("memory", "valkey", "postgresql")
PATIENCE = 20.0
"""Seconds that a call may take on a machine that is busy with other tests."""
MONTH = Window("month")


def maker(kind: str, request: pytest.FixtureRequest) -> Make:
    """Give what makes clients of one new and empty store; they must be made, and used, in one loop."""
    if kind == "memory":
        made = MemoryCounters(time.time)
        return lambda: made
    if kind == "valkey":
        server: valkey.Server = request.getfixturevalue("valkey")
        tag = server.fresh()
        return lambda: ValkeyCounters(server.url, tag=tag, timeout=PATIENCE)
    database: postgres.Server = request.getfixturevalue("postgres")
    url = database.fresh()
    return lambda: PostgresCounters(url, timeout=PATIENCE)


@asynccontextmanager
async def opened(make: Make, totals: Sequence[Hold] = ()) -> AsyncIterator[Counters]:
    """Give a client of a store that is filled with `totals`."""
    counters = make()
    try:
        await counters.attach()
        await counters.renew(None)
        await counters.attach()
        await counters.restore(totals)
        yield counters
    finally:
        await counters.close()


def budget(limit: int = 100, unit: Unit = "usd", *, window: Window | None = MONTH, name: str = "b") -> Budget:
    """Make a budget of a key's."""
    return Budget(id=name, scope=Scope("key", "k"), unit=unit, limit=limit, window=window)


def held(amount: int, of: Budget | None = None, *, now: float | None = None) -> Hold:
    """Hold an amount of a budget in the window that it is now."""
    given = of or budget()
    return budgeting.hold(given, given.scope, amount, time.time() if now is None else now)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 10.0) -> None:
    """Wait until something is so."""
    ends = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < ends, "it never came to be so"
        await asyncio.sleep(0.01)


async def stands(counters: Counters, of: Budget | None = None) -> tuple[int, int]:
    """Give what is used and held of a budget."""
    (tally,) = await counters.standing([held(0, of)])
    assert isinstance(tally, Tally)
    return tally.used, tally.held
