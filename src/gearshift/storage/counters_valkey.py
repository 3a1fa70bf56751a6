"""Own counters in Valkey (or Redis 7): one server function for each call, so each is one atomic step.

Invariants: no call waits longer than its time (`TIMEOUT`), nor for another call of ours that does not end; what fails
comes out as CountersAway, and nothing is sent twice by itself. All keys share the hash slot of one tag.
Source: `counters.lua`, which is loaded where the server does not have it; its version is in its name, so an older
gateway beside a newer one keeps its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from functools import cache
from importlib import resources
from typing import Final, TypeAlias, cast
from uuid import uuid4

import redis.asyncio as driver
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from gearshift.errors import CountersAway, CountersLost
from gearshift.storage.counters import SWEPT, Epoch, refused, tallies, told
from gearshift.types.budget import Hold, Refused, Stale, Tally
from gearshift.types.catalog import Seconds

TIMEOUT: Final[Seconds] = 0.05
REFILL_TIMEOUT: Final[Seconds] = 10.0
"""What filling an epoch may take: no request waits for it."""
CONNECTIONS: Final = 32
TAG: Final = "{gearshift}"
_BEATS: Final = 500
"""Ids that one call tells of."""

Reply: TypeAlias = list[bytes | int]
Argument: TypeAlias = str | int


class ValkeyCounters:
    """Count for all processes that share a server."""

    shared: Final = True

    def __init__(self, url: str, *, tag: str = TAG, timeout: Seconds = TIMEOUT) -> None:
        """Take the server's URL (`valkey://`, `redis://`, their TLS forms or `unix://`); connect when first asked."""
        self._key = f"{tag}:epoch"
        self._timeout = timeout
        self._epoch = ""
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._client = driver.Redis.from_url(
            url.replace("valkey", "redis", 1) if url.startswith("valkey") else url,
            max_connections=2 * CONNECTIONS,
            retry=Retry(NoBackoff(), 0),
        )

    async def reserve(self, call: str, holds: Sequence[Hold], ttl: Seconds) -> Refused | Stale | tuple[Tally, ...]:
        """Hold all of `holds`, or nothing and say why."""
        status, *rest = await self._call("reserve", call, _ms(ttl), *_flat(holds))
        numbers = cast("list[int]", rest)
        if status == b"STALE":
            return Stale(numbers[0] / 1000)
        if status == b"REFUSED":
            return _refused(holds, numbers)
        return tallies(numbers)

    async def extend(self, call: str, holds: Sequence[Hold], ttl: Seconds) -> Refused | None:
        """Raise what is held to these amounts, all or nothing."""
        status, *rest = await self._call("extend", call, _ms(ttl), *_flat(holds))
        return _refused(holds, cast("list[int]", rest)) if status == b"REFUSED" else None

    async def adopt(self, call: str, holds: Sequence[Hold], ttl: Seconds) -> None:
        """Hold for a call that is under way already, whatever the limits are."""
        await self._call("adopt", call, _ms(ttl), *_flat(holds))

    async def beat(self, ids: Collection[str], ttl: Seconds) -> frozenset[str]:
        """Say that calls are still under way; give the ids that are not known."""
        known = list(ids)
        unknown: set[str] = set()
        for at in range(0, max(1, len(known)), _BEATS):
            unknown |= _texts(await self._call("beat", _ms(ttl), *known[at : at + _BEATS]))
        return frozenset(unknown)

    async def settle(self, call: str, holds: Sequence[Hold]) -> None:
        """Count these amounts as used in place of what was held."""
        await self._call("settle", call, *_flat(holds))

    async def release(self, call: str) -> None:
        """Free what was held by a call that was surely not sent."""
        await self._call("release", call)

    async def expire(self) -> tuple[str, ...]:
        """Count holds, whose owner was not heard of for their ttl, as used."""
        return tuple(_texts(await self._call("expire", SWEPT)))

    async def standing(self, holds: Sequence[Hold]) -> tuple[Tally, ...]:
        """Give what counts against each hold's limit now."""
        return tallies(cast("list[int]", (await self._call("standing", *_flat(holds)))[1:]))

    async def attach(self) -> Epoch:
        """Give what the counters are, and count with these from now on."""
        _, name, ready, lost, age = await self._send("attach", self._timeout)
        self._epoch = cast("bytes", name).decode()
        return Epoch(self._epoch or None, ready=ready == 1, lost=lost == 1, age=cast("int", age) / 1000)

    async def renew(self, lost: str | None) -> None:
        """Open an empty epoch, where there still is `lost`."""
        await self._send("renew", self._timeout, lost or "", uuid4().hex)

    async def adopted(self) -> frozenset[str]:
        """Give the ids that this epoch counts by itself."""
        return frozenset(_texts(await self._call("adopted", within=REFILL_TIMEOUT)))

    async def restore(self, totals: Sequence[Hold]) -> bool:
        """Add what the ledger says was used, and let calls reserve."""
        return (await self._call("restore", *_flat(totals), within=REFILL_TIMEOUT))[1] == 1

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()

    async def _call(self, name: str, *arguments: Argument, within: Seconds | None = None) -> Reply:
        reply = await self._send(name, within or self._timeout, self._epoch, *arguments)
        if reply[0] == b"LOST":
            raise CountersLost(cast("bytes", reply[1]).decode() or None, ready=reply[2] == 1)
        return reply

    async def _send(self, name: str, within: Seconds, *arguments: Argument) -> Reply:
        command = ("FCALL", f"gearshift_1_{name}", 1, self._key, *arguments)
        try:
            async with self._turns, asyncio.timeout(within):
                try:
                    return await self._ask(*command)
                except ResponseError as error:
                    if "function not found" not in str(error).lower():
                        raise
                    await self._load()
                    return await self._ask(*command)
        except (RedisError, OSError, TimeoutError) as error:
            raise CountersAway(f"the counters cannot be reached ({type(error).__name__})") from error

    async def _ask(self, *command: Argument) -> Reply:
        return cast("Reply", await self._client.execute_command(*command))  # type: ignore[no-untyped-call]

    async def _load(self) -> None:
        try:
            await self._ask("FUNCTION", "LOAD", _library())
        except ResponseError as error:
            if "already exists" not in str(error):
                raise


@cache
def _library() -> str:
    return resources.files("gearshift.storage").joinpath("counters.lua").read_text(encoding="utf-8")


def _ms(seconds: Seconds) -> int:
    return int(seconds * 1000)


def _flat(holds: Sequence[Hold]) -> list[Argument]:
    found: list[Argument] = []
    for hold in holds:
        counter, *numbers, kept = told(hold)
        found += (counter, *numbers, kept * 1000)
    return found


def _refused(holds: Sequence[Hold], numbers: Sequence[int]) -> Refused:
    return refused(holds, numbers[0], tallies(numbers[1:])[0])


def _texts(reply: Reply) -> set[str]:
    return {cast("bytes", each).decode() for each in reply[1:]}
