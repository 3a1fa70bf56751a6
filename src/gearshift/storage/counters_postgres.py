"""Own counters in PostgreSQL: one server function for each call, so each is one transaction.

Invariants: no call waits longer than its time (`TIMEOUT`); a connection whose call did not end is not used again; what
fails comes out as CountersAway, and nothing is sent twice by itself.
Source: `counters.sql`, whose tables and functions are made where the database does not have them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Coroutine, Sequence
from importlib import resources
from typing import Any, Final, LiteralString, TypeAlias, TypeVar, cast
from uuid import uuid4

import psycopg

from gearshift.errors import CountersAway, CountersLost
from gearshift.storage.counters import SWEPT, Epoch, refused, tallies, told
from gearshift.types.budget import Hold, Refused, Stale, Tally
from gearshift.types.catalog import Seconds

TIMEOUT: Final[Seconds] = 0.25
REFILL_TIMEOUT: Final[Seconds] = 30.0
"""What making tables and filling an epoch may take: no request waits for it."""
CONNECTIONS: Final = 8
_MAKING: Final = 7_211_995
"""The advisory lock of who makes the tables."""

Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]
Reply: TypeAlias = list[str | int | float]
Argument: TypeAlias = str | int | float | list[str]
T = TypeVar("T")


class PostgresCounters:
    """Count for all processes that share a database."""

    shared: Final = True

    def __init__(self, url: str, *, timeout: Seconds = TIMEOUT) -> None:
        """Take the database's URL; connect when first asked."""
        self._url = url
        self._timeout = timeout
        self._epoch = ""
        self._made = False
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._idle: list[Connection] = []
        self._given_up: set[asyncio.Future[object]] = set()

    async def reserve(self, call: str, holds: Sequence[Hold], ttl: Seconds) -> Refused | Stale | tuple[Tally, ...]:
        """Hold all of `holds`, or nothing and say why."""
        status, *rest = await self._call("reserve(%s, %s, %s, %s)", call, ttl, _flat(holds))
        if status == "STALE":
            return Stale(float(rest[0]))
        numbers = cast("list[int]", rest)
        return _refused(holds, numbers) if status == "REFUSED" else tallies(numbers)

    async def extend(self, call: str, holds: Sequence[Hold], ttl: Seconds) -> Refused | None:
        """Raise what is held to these amounts, all or nothing."""
        status, *rest = await self._call("extend(%s, %s, %s, %s)", call, ttl, _flat(holds))
        return _refused(holds, cast("list[int]", rest)) if status == "REFUSED" else None

    async def adopt(self, call: str, holds: Sequence[Hold], ttl: Seconds) -> None:
        """Hold for a call that is under way already, whatever the limits are."""
        await self._call("adopt(%s, %s, %s, %s)", call, ttl, _flat(holds))

    async def beat(self, ids: Collection[str], ttl: Seconds) -> frozenset[str]:
        """Say that calls are still under way; give the ids that are not known."""
        return _texts(await self._call("beat(%s, %s, %s)", ttl, list(ids)))

    async def settle(self, call: str, holds: Sequence[Hold]) -> None:
        """Count these amounts as used in place of what was held."""
        await self._call("settle(%s, %s, %s)", call, _flat(holds))

    async def release(self, call: str) -> None:
        """Free what was held by a call that was surely not sent."""
        await self._call("release(%s, %s)", call)

    async def expire(self) -> tuple[str, ...]:
        """Count holds, whose owner was not heard of for their ttl, as used."""
        return tuple(_texts(await self._call("expire(%s, %s)", SWEPT)))

    async def standing(self, holds: Sequence[Hold]) -> tuple[Tally, ...]:
        """Give what counts against each hold's limit now."""
        return tallies(cast("list[int]", (await self._call("standing(%s, %s)", _flat(holds)))[1:]))

    async def attach(self) -> Epoch:
        """Give what the counters are, and count with these from now on."""
        if not self._made:
            await self._bounded(self._make(), REFILL_TIMEOUT)
        _, name, ready, lost, age = await self._send("attach()", self._timeout)
        self._epoch = str(name)
        return Epoch(self._epoch or None, ready=ready == 1, lost=lost == 1, age=float(age))

    async def renew(self, lost: str | None) -> None:
        """Open an empty epoch, where there still is `lost`."""
        await self._send("renew(%s, %s)", REFILL_TIMEOUT, lost or "", uuid4().hex)

    async def adopted(self) -> frozenset[str]:
        """Give the ids that this epoch counts by itself."""
        return _texts(await self._call("adopted(%s)", within=REFILL_TIMEOUT))

    async def restore(self, totals: Sequence[Hold]) -> bool:
        """Add what the ledger says was used, and let calls reserve."""
        return (await self._call("restore(%s, %s)", _flat(totals), within=REFILL_TIMEOUT))[1] == 1

    async def close(self) -> None:
        """Let go of connections."""
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()

    async def _call(self, function: LiteralString, *arguments: Argument, within: Seconds | None = None) -> Reply:
        reply = await self._send(function, within or self._timeout, self._epoch, *arguments)
        if reply[0] == "LOST":
            raise CountersLost(str(reply[1]) or None, ready=reply[2] == 1)
        return reply

    async def _send(self, function: LiteralString, within: Seconds, *arguments: Argument) -> Reply:
        async with self._turns:
            return await self._bounded(self._ask("SELECT gearshift_1_" + function, arguments), within)

    async def _ask(self, statement: LiteralString, arguments: Sequence[Argument]) -> Reply:
        connection = self._idle.pop() if self._idle else await self._connect()
        try:
            cursor = await connection.execute(statement, arguments)
            (reply,) = await cursor.fetchone() or (["LOST", "", 0],)
        except BaseException:
            connection.pgconn.finish()  # at once: what it was asked may still be under way
            raise
        self._idle.append(connection)
        return cast("Reply", reply)

    async def _connect(self) -> Connection:
        connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, application_name="gearshift")
        connection.prepare_threshold = None  # poolers such as PgBouncer hand a connection to somebody else in between
        return connection

    async def _make(self) -> None:
        async with await self._connect() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_MAKING])
            there = await connection.execute("SELECT to_regproc('gearshift_1_restore') IS NOT NULL")
            if await there.fetchone() == (False,):
                script = resources.files("gearshift.storage").joinpath("counters.sql").read_text(encoding="utf-8")
                await connection.execute(script.encode())
        self._made = True

    async def _bounded(self, work: Coroutine[object, object, T], within: Seconds) -> T:
        """Wait for work for its time only: a driver that cancels a statement may wait for its server itself."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task}, timeout=within)
        finally:
            if not task.done():
                self._give_up(task)
        if not task.done():
            raise CountersAway(f"the counters did not answer within {within} s")
        try:
            return task.result()
        except (psycopg.Error, OSError) as error:
            raise CountersAway(f"the counters cannot be reached ({type(error).__name__})") from error

    def _give_up(self, task: asyncio.Future[T]) -> None:
        given_up = cast("asyncio.Future[object]", task)
        self._given_up.add(given_up)
        given_up.add_done_callback(self._ended)
        given_up.cancel()

    def _ended(self, task: asyncio.Future[object]) -> None:
        self._given_up.discard(task)
        if not task.cancelled():
            task.exception()  # seen


def _flat(holds: Sequence[Hold]) -> str:
    return json.dumps([told(hold) for hold in holds])


def _refused(holds: Sequence[Hold], numbers: Sequence[int]) -> Refused:
    return refused(holds, numbers[0], tallies(numbers[1:])[0])


def _texts(reply: Reply) -> frozenset[str]:
    return frozenset(str(each) for each in reply[1:])
