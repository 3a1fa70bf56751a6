"""Own what the server hands over: a request's body, and what its headers say."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from gearshift.errors import InvalidRequest
from gearshift.types.access import Caller
from gearshift.types.catalog import NanoUSD, Seconds
from gearshift.types.embedding import Asked

MAX_NAME: Final = 40
"""Characters of a name that an error repeats."""


class CacheWish(Struct, frozen=True, kw_only=True):
    """Hold what is wished of the response cache: an answer from it, that this one stays in it, and for how long."""

    read: bool = True
    write: bool = True
    ttl: Seconds | None = None


class Inbound(Struct, frozen=True, kw_only=True):
    """Hold a request as it came in.

    `began` is the monotonic clock when the request arrived. All in seconds: `deadline` is the caller's own,
    `first_content` its bound for each attempt to begin to answer (Cloudflare's `cf-aig-request-timeout`), `patience`
    how long its client bears to hear nothing. Under the key `idempotency` the same request is answered once.
    `caller` is all that is known of whose `key` it is. `cache`
    is what the headers wish of the response cache, `cached` what it had.
    `metadata` is what a header adds to the body's, `dropped` names the headers whose wish this version cannot fulfil,
    `passed_on` holds those that an upstream of the same protocol is told too.
    """

    path: str
    body: bytes
    began: float
    key: str | None = None
    caller: Caller | None = None
    wants_metadata: bool = False
    no_fallback: bool = False
    deadline: Seconds | None = None
    first_content: Seconds | None = None
    patience: Seconds | None = None
    max_cost: NanoUSD | None = None
    session: str | None = None
    idempotency: str | None = None
    cache: CacheWish | None = None
    cached: Literal["off", "miss"] = "off"
    metadata: dict[str, str | int | float | bool] = {}
    dropped: tuple[str, ...] = ()
    passed_on: dict[str, str] = {}

    def steer(self, request: Asked) -> Asked:
        """Add what the headers ask for to what the body asks; raise InvalidRequest where they contradict each other."""
        if self.max_cost is None and self.session is None and not self.metadata:
            return request
        asked, known = request.routing, request.metadata
        for name, value in self.metadata.items():
            if known.get(name, value) != value:
                found = f"metadata.{name[:MAX_NAME]}: the body and a header say different things; say it once"
                raise InvalidRequest(found, param="metadata")
        if self.session is not None and asked.session_id not in {None, self.session}:
            found = "session_id: the body and the header x-session-id say different things; say it once"
            raise InvalidRequest(found, param="session_id")
        routing = replace(
            asked,
            max_cost=asked.max_cost if self.max_cost is None else self.max_cost,
            session_id=self.session or asked.session_id,
        )
        return replace(request, routing=routing, metadata={**known, **self.metadata})
