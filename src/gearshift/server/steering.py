"""Own the headers that steer one request.

Headers are read as the public contract spells them, those of Cloudflare's AI Gateway as Cloudflare means them; a bad
value is a 400, never ignored, and so is a header said twice with two values.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from typing import Final, TypeAlias

import msgspec

from gearshift.errors import InvalidRequest
from gearshift.protocols.json_patch import JsonObject
from gearshift.server.asgi import Scope, sole_headers
from gearshift.types.access import Caller
from gearshift.types.catalog import NANO_PER_USD, NanoUSD, Seconds
from gearshift.types.inbound import CacheWish, Inbound

SESSIONS: Final = (b"x-session-id", b"x-claude-code-session-id", b"session-id", b"session_id", b"cf-aig-session-id")
"""Headers that name a session, the first one said counts: OpenRouter's (and ours), Claude Code's, Codex's of today and
of before 2026, Cloudflare's."""
NAMED: Final = frozenset(
    {
        b"cf-aig-allowed-models",
        b"cf-aig-allowed-providers",
        b"cf-aig-backoff",
        b"cf-aig-cache-key",
        b"cf-aig-collect-log",
        b"cf-aig-custom-cost",
        b"cf-aig-event-id",
        b"cf-aig-max-attempts",
        b"cf-aig-no-session-affinity",
        b"cf-aig-no-wholesale",
        b"cf-aig-retry-delay",
        b"cf-aig-turn-id",
    }
)
"""Cloudflare's other words for one request ("Header glossary" and "Request handling", read 2026-11-27): what they wish
for is the config's affair here, so they are named as not fulfilled."""
CLIENTS: Final = ("x-stainless-read-timeout", "x-stainless-timeout")
"""By which the clients of OpenAI and Anthropic tell, unasked, how many seconds they wait: for the next byte (Python) or
for the head (Node). A whole answer is both at once; between the pieces of a stream it binds nobody."""
HEADERS: Final = frozenset(
    {
        b"cf-aig-cache-ttl",
        b"cf-aig-metadata",
        b"cf-aig-request-timeout",
        b"cf-aig-skip-cache",
        b"idempotency-key",
        b"x-gearshift-cache",
        b"x-gearshift-max-cost-usd",
        b"x-gearshift-metadata",
        b"x-gearshift-no-fallback",
        b"x-gearshift-timeout-ms",
        b"x-server-timeout",
        *map(str.encode, CLIENTS),
        *NAMED,
        *SESSIONS,
    }
)
"""All that steer."""
MAX_KEY: Final = 255
"""Characters that an `Idempotency-Key` may have, as Stripe's."""
MARGIN: Final = 0.05
MAX_MARGIN: Final[Seconds] = 0.5
"""What a client's own timeout is shortened by, as a share and at most: so that it hears our error before it gives up,
for it retries what it gave up on."""
MAX_SESSION: Final = 256
"""Characters that a session id may have."""
MAX_DOLLARS: Final = 1_000_000
"""Beyond it, a limit is a slip of the pen (and `1e999999` a number that takes minutes to write out)."""
MAX_METADATA: Final = 5
"""Entries of `cf-aig-metadata` (Cloudflare, "Custom metadata", read 2026-11)."""
MAX_SECONDS: Final = 31 * 86_400
"""A month: the longest that `cf-aig-cache-ttl` may ask for."""

_UNASKED: Final = frozenset(CLIENTS)
_SECONDS: Final = re.compile("[0-9]{1,7}")
_Metadata = dict[str, str | int | float | bool]
Said: TypeAlias = dict[str, str]
"""The steering headers that a request has."""
_metadata = msgspec.json.Decoder(_Metadata)


def steer(scope: Scope, inbound: Inbound, caller: Caller | None) -> Inbound:
    """Add to `inbound` what the headers of the public contract ask for; raise InvalidRequest on a bad value."""
    said, key = sole_headers(scope, HEADERS), None if caller is None else caller.id
    if not said:
        return msgspec.structs.replace(inbound, key=key, caller=caller)
    if said.keys() <= _UNASKED:  # by far the most of those who say anything
        return msgspec.structs.replace(inbound, key=key, caller=caller, patience=_patience(said))
    return msgspec.structs.replace(
        inbound,
        key=key,
        caller=caller,
        wants_metadata=_switch(said, "x-gearshift-metadata", on=("enabled",), off=("disabled",)),
        no_fallback=_switch(said, "x-gearshift-no-fallback", on=("true", "1", "yes"), off=("false", "0", "no")),
        deadline=_deadline(said),
        patience=_patience(said),
        first_content=_seconds(said, "cf-aig-request-timeout"),
        max_cost=_max_cost(said),
        session=_session(said),
        idempotency=_idempotency(said),
        metadata=_tags(said),
        cache=_cache(said),
        dropped=tuple(sorted(name for name in map(bytes.decode, NAMED) if name in said)),
    )


def _switch(said: Said, name: str, *, on: tuple[str, ...], off: tuple[str, ...]) -> bool:
    text = said.get(name)
    if text is None or text.lower() in on or text.lower() in off:
        return text is not None and text.lower() in on
    raise InvalidRequest(f"header {name}: found {text[:40]!r}, expected {on[0]} or {off[0]}")


def _seconds(said: Said, name: str) -> Seconds | None:
    text = said.get(name)
    if text is None:
        return None
    milliseconds = float(text) if text.isascii() and text.replace(".", "", 1).isdigit() else math.nan
    if not milliseconds > 0:
        raise InvalidRequest(f"header {name}: found {text[:40]!r}, expected milliseconds above 0")
    return milliseconds / 1000


def _deadline(said: Said) -> Seconds | None:
    """Give the caller's own deadline: our header's, or that of Google's clients, whichever is sooner."""
    bounds = (_seconds(said, "x-gearshift-timeout-ms"), _client_seconds(said, "x-server-timeout"))
    return min((bound for bound in bounds if bound is not None), default=None)


def _patience(said: Said) -> Seconds | None:
    read, whole = (_client_seconds(said, name) if name in said else None for name in CLIENTS)
    return whole if read is None or (whole is not None and whole < read) else read


def _client_seconds(said: Said, name: str) -> Seconds | None:
    """Give how long a client waits, less the time that our answer needs to reach it while it still does.

    Clients send it unasked, so what is no time is no fault: `None`, `inf`, and `0` for less than a second.
    """
    text = said.get(name, "")
    seconds = float(text) if text.isascii() and text.replace(".", "", 1).isdigit() else 0.0
    return seconds - min(MAX_MARGIN, seconds * MARGIN) if 0 < seconds < math.inf else None


def _idempotency(said: Said) -> str | None:
    text = said.get("idempotency-key")
    if text is None or (0 < len(text) <= MAX_KEY and text.isascii() and text.isprintable()):
        return text
    found = f"found {len(text)} characters" if len(text) > MAX_KEY or not text else "found others than printable ASCII"
    raise InvalidRequest(f"header idempotency-key: {found}, expected 1 to {MAX_KEY} characters of printable ASCII")


def _max_cost(said: Said) -> NanoUSD | None:
    text = said.get("x-gearshift-max-cost-usd")
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


def _session(said: Said) -> str | None:
    name = next((name for name in map(bytes.decode, SESSIONS) if name in said), "x-session-id")
    text = said.get(name)
    if text is not None and (not text.isprintable() or len(text) > MAX_SESSION):
        found = f"found {len(text)} characters" if len(text) > MAX_SESSION else "found control characters"
        raise InvalidRequest(f"header {name}: {found}, expected at most {MAX_SESSION} printable ones")
    return text or None


def _tags(said: Said) -> _Metadata:
    text = said.get("cf-aig-metadata")
    if text is None:
        return {}
    name, body = "header cf-aig-metadata", text.encode("latin-1")
    try:
        found = _metadata.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        expected = 'expected a JSON object of strings, numbers or booleans, such as {"team": "search"}'
        raise InvalidRequest(f"{name}: found {text[:40]!r}, {expected}") from None
    if len(found) > MAX_METADATA:
        raise InvalidRequest(f"{name}: found {len(found)} entries, expected at most {MAX_METADATA}; leave some out")
    JsonObject(body, lambda problem: InvalidRequest(f"{name}: {problem}"))
    return found


def _cache(said: Said) -> CacheWish | None:
    """Give what is wished of the response cache: Cloudflare's `skip` is none of it, our `refresh` a new answer."""
    skip = _switch(said, "cf-aig-skip-cache", on=("true",), off=("false",))
    word = said.get("x-gearshift-cache")
    if word is not None and word.lower() not in {"off", "refresh"}:
        raise InvalidRequest(f"header x-gearshift-cache: found {word[:40]!r}, expected off or refresh")
    seconds = said.get("cf-aig-cache-ttl")
    if seconds is not None and not (_SECONDS.fullmatch(seconds) and int(seconds) <= MAX_SECONDS):
        expected = f"expected whole seconds, from 0 to {MAX_SECONDS}"
        raise InvalidRequest(f"header cf-aig-cache-ttl: found {seconds[:40]!r}, {expected}")
    ttl = None if seconds is None else float(seconds)
    if skip or ttl == 0 or (word is not None and word.lower() == "off"):
        return CacheWish(read=False, write=False)
    return None if word is None and ttl is None else CacheWish(read=word is None, ttl=ttl)
