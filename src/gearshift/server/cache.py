"""Own the response cache: the same request again is given the answer that is there, or joins the one under way.

    miss   the request is answered as ever, and its answer is kept
    hit    the answer that is kept, byte for byte, with `age`; nobody is called, and its exchange has no attempts
    join   the answer that is under way for somebody else with the same key: from its first byte, as it comes

Invariant: what is given was given before, whole, to the same caller (`caching`). Where the first of several fails they
are told so together, and the next to ask makes it anew: what failed is not kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from gearshift.caching import kept_for, name_of
from gearshift.errors import CallerLeft
from gearshift.execution.outlet import Headers, Outlet
from gearshift.idempotency import Bounds, Name, Recording, Register
from gearshift.server.broadcast import REPLAYED, Broadcast, Run, Settle, replay
from gearshift.types.catalog import Seconds
from gearshift.types.inbound import CacheWish, Inbound
from gearshift.types.record import Exchange

Result: TypeAlias = Literal["hit", "miss", "joined"]
Told: TypeAlias = Callable[[Result], None]
Hit: TypeAlias = Callable[[Inbound, Exchange], None]
HIT: Final = (b"x-gearshift-cache", b"hit")
RECORDINGS: Final = 100_000
_OWN: Final = frozenset(
    {b"x-gearshift-cache", b"x-gearshift-cost-usd", b"x-gearshift-overhead-ms", b"x-gearshift-attempts", REPLAYED[0]}
)
"""Headers that speak of the exchange that made an answer, not of the one that is given it."""


class Kept(Struct):
    """Hold what is known of an answer beside its bytes."""

    at: Seconds
    exchange: Exchange


class AnswerCache:
    """Keep answers; `clock` is monotonic."""

    def __init__(self, clock: Callable[[], Seconds], told: Told) -> None:
        """Begin with nothing; every result is `told`."""
        self._clock = clock
        self._told = told
        self._register = Register(Bounds(recordings=RECORDINGS))
        self._under_way: dict[Recording, Broadcast] = {}
        self._kept: dict[Recording, Kept] = {}

    def bound(self, *, total: int, each: int) -> None:
        """Hold no more than so many bytes, of all answers and of one."""
        self._register.bounds = Bounds(recordings=RECORDINGS, total=total, each=each)

    def purge(self) -> int:
        """Forget all answers; give how many there were."""
        count, bounds = len(self._register), self._register.bounds
        self._register = Register(bounds)
        self._kept.clear()
        return count

    async def answer(
        self, inbound: Inbound, wish: CacheWish, run: Run, outlet: Outlet, policy: tuple[str, Seconds, Hit]
    ) -> bool:
        """Answer from the cache, or by `run`; False where the request has no name, and is to be answered as ever.

        `policy`: the config's version, how long answers are kept, and who is told of a hit.
        """
        version, ttl, hit = policy
        digest = name_of(inbound, version)
        if digest is None:
            return False
        name: Name = (inbound.key, digest)
        if not wish.read:
            self._register.forget(name)
        recording, is_new = self._register.claim(name, digest.encode(), self._clock())
        if is_new:
            self._told("miss")
            settle = self._settling(name, recording, wish, ttl)
            broadcast = self._under_way[recording] = Broadcast(self._register, recording, run, settle)
            await broadcast.listen(outlet)
        elif under_way := self._under_way.get(recording):
            self._told("joined")
            await under_way.listen(_Marked(outlet, None))
        else:
            self._told("hit")
            kept = self._kept[recording]
            hit(inbound, kept.exchange)
            await self._replay(recording, _Marked(outlet, self._clock() - kept.at))
        return True

    async def _replay(self, recording: Recording, outlet: Outlet) -> None:
        try:
            await replay(recording, outlet)
        except CallerLeft:
            return

    def _settling(self, name: Name, recording: Recording, wish: CacheWish, ttl: Seconds) -> Settle:
        register = self._register

        def settle(exchange: Exchange | None) -> None:
            self._under_way.pop(recording, None)
            seconds, now = kept_for(wish, ttl, exchange), self._clock()
            register.settle(name, recording, None if seconds is None else now + seconds)
            if seconds is not None and exchange is not None and register is self._register and name in register:
                self._kept[recording] = Kept(now, exchange)
                self._forget_gone()

        return settle

    def _forget_gone(self) -> None:
        """Let go of what is known of answers that are not there any more."""
        if len(self._kept) > 2 * len(self._register) + 100:
            there = set(self._register.recordings)
            self._kept = {recording: kept for recording, kept in self._kept.items() if recording in there}


class _Marked:
    """Be a caller's end that is told that its answer comes from the cache; `age` None: it is being made."""

    def __init__(self, outlet: Outlet, age: Seconds | None) -> None:
        self._outlet = outlet
        self._age = age

    @property
    def started(self) -> bool:
        """Say whether the head was sent."""
        return self._outlet.started

    @property
    def left(self) -> bool:
        """Say whether the caller has gone."""
        return self._outlet.left

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head, as that of a hit; what failed is nobody's hit."""
        if status == 200:  # noqa: PLR2004 - OK
            own = [(name, value) for name, value in headers if name not in _OWN]
            headers = [*own, HIT, (b"x-gearshift-cost-usd", b"0"), (b"x-gearshift-attempts", b"0")]
            if self._age is not None:
                headers.append((b"age", b"%d" % self._age))
        await self._outlet.start(status, headers)

    async def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        await self._outlet.write(data)

    async def finish(self, data: bytes) -> None:
        """Send the last piece of the body."""
        await self._outlet.finish(data)

    def abort(self) -> None:
        """Break the connection."""
        self._outlet.abort()
