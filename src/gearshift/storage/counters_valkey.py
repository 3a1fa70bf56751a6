"""Own counts of limits in Valkey (or Redis 7): one function call for a reservation, whoever else reserves meanwhile.

The functions are `counters.lua`; the version is in their names, so gateways of two versions can share a server.
Invariants: a call that takes longer than its `patience` has failed, and after it nobody asks for `REST` seconds: a
server that is frozen costs a gateway one such wait, not each of its requests. A server that has lost its counts (it
was restarted without its data) says so, and holds nothing until they are restored.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError, ResponseError

from gearshift.errors import StoreUnavailable
from gearshift.storage.counters import TTL
from gearshift.types.budget import Hold, Standing, Verdict
from gearshift.types.catalog import Seconds

TIMEOUT: Final[Seconds] = 0.05
CONNECT_TIMEOUT: Final[Seconds] = 1.0
"""The first call to a server makes the connection too."""
REST: Final[Seconds] = 1.0
CONNECTIONS: Final = 8
"""Calls that are under way at once; who comes later waits for its turn, which is no fault of the server's."""
VARIABLE: Final = "REDISCLI_AUTH"
"""The variable by which the servers' own client is told the password."""
_UNKNOWN: Final = "Function not found"
_json = msgspec.json.Encoder().encode


class ValkeyCounters:
    """Count in a server that gateways share; `clock` is monotonic."""

    def __init__(self, url: str, clock: Callable[[], Seconds], *, patience: Seconds = TIMEOUT) -> None:
        """Take the server's URL, and how long an answer may take; nothing is asked yet."""
        spelled = url.replace("valkeys://", "rediss://").replace("valkey://", "redis://")
        secret = os.environ.get(VARIABLE)
        self._pool: BlockingConnectionPool = BlockingConnectionPool.from_url(
            spelled,
            max_connections=CONNECTIONS,
            timeout=CONNECT_TIMEOUT,
            decode_responses=True,
            **({"password": secret} if secret else {}),
        )
        self._redis = Redis(connection_pool=self._pool)
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._clock = clock
        self._patience = patience
        self._rests_until: Seconds = 0.0
        self._greeted = False

    async def reserve(self, name: str, holds: Sequence[Hold], ttl: Seconds = TTL) -> Verdict:
        """Hold all of `holds` for a reservation, or nothing."""
        word, detail, told = await self._call("gs1_reserve", name, ttl, _json(holds))
        if word == "lost":
            return Verdict(lost=True)
        if word == "stale":
            return Verdict(now=float(detail))
        refused = holds[int(detail)].budget if word == "refused" else None
        return Verdict(standings=_standings(holds, told), refused=refused)

    async def settle(self, name: str, amounts: Mapping[str, int]) -> None:
        """Count what a reservation came to, by limit; what is not named counts as it was held."""
        await self._call("gs1_settle", name, _json(amounts))

    async def beat(self, names: Sequence[str], ttl: Seconds = TTL) -> None:
        """Keep reservations alive."""
        if names:
            await self._call("gs1_beat", ttl, *names)

    async def restore(self, counted: Mapping[str, tuple[int, Seconds]]) -> None:
        """Have counters be at least at these amounts."""
        told = [(name, amount, until) for name, (amount, until) in counted.items()]
        await self._call("gs1_restore", _json(told))

    async def standings(self, holds: Sequence[Hold]) -> tuple[Standing, ...]:
        """Say where limits stand."""
        return _standings(holds, await self._call("gs1_standings", _json(holds))) if holds else ()

    async def close(self) -> None:
        """Let go of connections."""
        await self._redis.aclose()
        await self._pool.disconnect()

    async def _call(self, function: str, *arguments: object) -> Any:  # noqa: ANN401 - as the function answers
        """Call a function, unless the server has just failed; raise StoreUnavailable where it does not answer."""
        async with self._turns:
            return await self._answered(function, arguments)

    async def _answered(self, function: str, arguments: tuple[object, ...]) -> Any:  # noqa: ANN401 - as above
        if self._clock() < self._rests_until:
            raise StoreUnavailable("the shared counters rest after a failure")
        try:
            async with asyncio.timeout(self._patience if self._greeted else max(self._patience, CONNECT_TIMEOUT)):
                found = await self._fcall(function, arguments)
        except (RedisError, OSError, TimeoutError) as error:
            self._rests_until = self._clock() + REST
            self._greeted = False
            raise StoreUnavailable(f"the shared counters do not answer ({type(error).__name__})") from error
        self._greeted = True
        return found

    async def _fcall(self, function: str, arguments: tuple[object, ...]) -> Any:  # noqa: ANN401 - as above
        try:
            return await self._redis.fcall(function, 0, *arguments)
        except ResponseError as error:
            if _UNKNOWN not in str(error):
                raise
        library = files("gearshift.storage").joinpath("counters.lua").read_text(encoding="utf-8")
        await self._redis.function_load(library, replace=True)
        return await self._redis.fcall(function, 0, *arguments)


def _standings(holds: Sequence[Hold], told: Sequence[str]) -> tuple[Standing, ...]:
    pairs = zip(holds, told[::2], told[1::2], strict=True)
    return tuple(
        Standing(budget=each.budget, used=int(used), held=int(held), limit=each.limit) for each, used, held in pairs
    )
