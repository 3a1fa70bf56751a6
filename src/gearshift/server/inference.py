"""Own the inference route: the door check, the headers that steer one request, and the hand-over to the gateway.

Headers are read as the public contract spells them; a bad value is a 400, never ignored.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

import msgspec
from msgspec import Struct

from gearshift.case import Inbound
from gearshift.errors import CallerError, InvalidRequest
from gearshift.gateway import Gateway
from gearshift.protocols.codec import Codec
from gearshift.server.asgi import ASGIOutlet, CallerWatch, Receive, Scope, Send, header, read_body
from gearshift.server.auth import Keys
from gearshift.server.connection import ABORT
from gearshift.types.catalog import NANO_PER_USD, NanoUSD, Seconds

MAX_SESSION = 256
"""Characters that a session id may have."""
MAX_DOLLARS = 1_000_000
"""Beyond it, a limit is a slip of the pen (and `1e999999` a number that takes minutes to write out)."""


class Inference(Struct, frozen=True, kw_only=True):
    """Serve one protocol's inference route; `clock` is monotonic, in seconds."""

    gateway: Gateway
    codec: Codec
    keys: Keys
    max_body: int
    clock: Callable[[], float]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        inbound = Inbound(path=scope["path"], body=b"", began=self.clock())
        outlet = ASGIOutlet(send, scope.get("extensions", {}).get(ABORT, {}).get("call"))
        try:
            inbound = steer(scope, inbound, self.keys.check(scope))
            body = await read_body(scope, receive, self.max_body)
        except CallerError as error:
            await self.gateway.turn_away(self.codec, inbound, error, outlet)
            return
        async with CallerWatch(receive, outlet):
            await self.gateway.answer(self.codec, msgspec.structs.replace(inbound, body=body), outlet)


def steer(scope: Scope, inbound: Inbound, key: str | None) -> Inbound:
    """Add to `inbound` what the headers of the public contract ask for; raise InvalidRequest on a bad value."""
    return msgspec.structs.replace(
        inbound,
        key=key,
        wants_metadata=_switch(scope, b"x-gearshift-metadata", on=("enabled",), off=("disabled",)),
        no_fallback=_switch(scope, b"x-gearshift-no-fallback", on=("true", "1", "yes"), off=("false", "0", "no")),
        deadline=_seconds(scope, b"x-gearshift-timeout-ms"),
        first_content=_seconds(scope, b"cf-aig-request-timeout"),
        max_cost=_max_cost(scope),
        session=_session(scope),
    )


def _switch(scope: Scope, name: bytes, *, on: tuple[str, ...], off: tuple[str, ...]) -> bool:
    text = header(scope, name)
    if text is None or text.lower() in on or text.lower() in off:
        return text is not None and text.lower() in on
    raise InvalidRequest(f"header {name.decode()}: found {text[:40]!r}, expected {on[0]} or {off[0]}")


def _seconds(scope: Scope, name: bytes) -> Seconds | None:
    text = header(scope, name)
    if text is None:
        return None
    milliseconds = float(text) if text.isascii() and text.replace(".", "", 1).isdigit() else math.nan
    if not milliseconds > 0:
        raise InvalidRequest(f"header {name.decode()}: found {text[:40]!r}, expected milliseconds above 0")
    return milliseconds / 1000


def _max_cost(scope: Scope) -> NanoUSD | None:
    text = header(scope, b"x-gearshift-max-cost-usd")
    if text is None:
        return None
    try:
        dollars = Decimal(text)
    except InvalidOperation:
        dollars = Decimal(-1)
    if not (dollars.is_finite() and 0 <= dollars <= MAX_DOLLARS):
        expected = f"expected US dollars, from 0 to {MAX_DOLLARS}"
        raise InvalidRequest(f"header x-gearshift-max-cost-usd: found {text[:40]!r}, {expected}")
    return int(dollars * NANO_PER_USD)


def _session(scope: Scope) -> str | None:
    text = header(scope, b"x-session-id")
    if text is not None and (not text.isprintable() or len(text) > MAX_SESSION):
        found = f"found {len(text)} characters" if len(text) > MAX_SESSION else "found control characters"
        raise InvalidRequest(f"header x-session-id: {found}, expected at most {MAX_SESSION} printable ones")
    return text or None
