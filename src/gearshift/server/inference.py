"""Own the inference route: the door check, and the hand-over to the gateway."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec
from msgspec import Struct

from gearshift.caching import wanted
from gearshift.errors import CallerError, KeyInUse, KeyReused
from gearshift.execution.outlet import Outlet
from gearshift.gateway import Gateway
from gearshift.protocols.voice import Voice
from gearshift.server.asgi import ASGIOutlet, CallerWatch, Receive, Scope, Send, read_body
from gearshift.server.auth import Keys
from gearshift.server.cache import AnswerCache
from gearshift.server.connection import ABORT
from gearshift.server.framing import framed
from gearshift.server.gate import ARRIVED
from gearshift.server.repeats import Repeats
from gearshift.server.steering import steer
from gearshift.types.catalog import Seconds
from gearshift.types.inbound import CacheWish, Inbound


class Inference(Struct, frozen=True, kw_only=True):
    """Serve one protocol's inference route; `clock` is monotonic, in seconds.

    `kept_for`: how long an answer whose request had an `Idempotency-Key` can be had again. `cache_ttl`: how long others
    can, None: they cannot.
    """

    gateway: Gateway
    codec: Voice
    keys: Keys
    max_body: int
    repeats: Repeats
    kept_for: Seconds
    cache: AnswerCache
    cache_ttl: Seconds | None
    clock: Callable[[], float]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        inbound = Inbound(path=scope["path"], body=b"", began=scope.get(ARRIVED) or self.clock())
        caller = ASGIOutlet(send, scope.get("extensions", {}).get(ABORT, {}).get("call"))
        outlet: Outlet = caller
        try:
            outlet = framed(scope, caller)
            inbound = self._heard(steer(scope, inbound, self.keys.check(scope)))
            if told := _told(scope, self.codec):
                inbound = msgspec.structs.replace(inbound, passed_on=told)
            body = await read_body(scope, receive, self.max_body)
        except CallerError as error:
            await self.gateway.turn_away(self.codec, inbound, error, outlet)
            return
        inbound = msgspec.structs.replace(inbound, body=body)
        with CallerWatch(scope, caller):
            if inbound.idempotency is not None:
                await self._once(inbound, outlet)
            elif (wish := wanted(inbound, on=self.cache_ttl is not None)) is None:
                await self.gateway.answer(self.codec, inbound, outlet)
            else:
                await self._cached(inbound, wish, outlet)

    def _heard(self, inbound: Inbound) -> Inbound:
        """Name the wish of a cache that is off."""
        if self.cache_ttl is not None or inbound.cache is None or not inbound.cache.ttl:
            return inbound
        return msgspec.structs.replace(inbound, dropped=("cf-aig-cache-ttl", *inbound.dropped))

    async def _cached(self, inbound: Inbound, wish: CacheWish, outlet: Outlet) -> None:
        """Answer a request whose answer may be there."""
        missed = msgspec.structs.replace(inbound, cached="miss")
        run = partial(self.gateway.answer, self.codec, missed)
        hit = partial(self.gateway.remember, self.codec)
        policy = self.gateway.world.version, self.cache_ttl or 0.0, hit
        if not await self.cache.answer(inbound, wish, run, outlet, policy):
            await self.gateway.answer(self.codec, inbound, outlet)

    async def _once(self, inbound: Inbound, outlet: Outlet) -> None:
        """Answer a request that may be sent again."""
        try:
            run = partial(self.gateway.answer, self.codec, inbound)
            await self.repeats.answer(inbound, run, outlet, self.kept_for)
        except (KeyReused, KeyInUse) as error:
            await self.gateway.turn_away(self.codec, inbound, error, outlet)


def _told(scope: Scope, codec: Voice) -> dict[str, str]:
    """Give the headers that an upstream of the caller's own protocol is told too."""
    if not codec.passed_on:
        return {}
    return {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in codec.passed_on}
