"""Own which requests are the same, whose answers may be kept, and for how long: the rules of the response cache.

Two requests are the same where one caller asks, by one path, for the same model, under the same config, with the same
body, however its JSON is written. What does not change an answer is left out: whose it is (`user`, `metadata`) and
whether a stream's last chunk has its usage.

Pure. Invariants: callers never share an answer, for the key is in the name; what is kept was answered whole, by a model
that said all it had to say.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from gearshift.types.catalog import Seconds
from gearshift.types.inbound import CacheWish, Inbound
from gearshift.types.record import Exchange

UNSAID: Final = ("metadata", "prompt_cache_key", "safety_identifier", "session_id", "store", "stream_options", "user")
"""Fields of a body that no answer depends on."""
WHOLE: Final = frozenset({"stop", "tool_calls"})
"""Ends of an answer by which its model has said all."""
_ok: Final = 200


def name_of(inbound: Inbound, version: str) -> str | None:
    """Name a request, None where it can have no name: what is no JSON object is for the codec to refuse."""
    try:
        said = msgspec.json.decode(inbound.body)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    asked = {name: value for name, value in said.items() if name not in UNSAID}
    limits = [inbound.max_cost, inbound.no_fallback]
    words = msgspec.json.encode([inbound.key, inbound.path, version, limits, asked], order="sorted")
    return hashlib.sha256(words).hexdigest()


def wanted(inbound: Inbound, *, on: bool) -> CacheWish | None:
    """Give what is wished of the cache; None: it is not asked. Who wants the decision shown wants it made."""
    wish = inbound.cache
    if inbound.wants_metadata or inbound.idempotency is not None:
        return None
    if wish is None:
        return CacheWish() if on else None
    return wish if on and (wish.read or wish.write) else None


def kept_for(wish: CacheWish, ttl: Seconds, exchange: Exchange | None) -> Seconds | None:
    """Say for how many seconds an answer is kept; None: not at all."""
    if exchange is None or not wish.write or not _is_whole(exchange):
        return None
    return ttl if wish.ttl is None else wish.ttl


def _is_whole(exchange: Exchange) -> bool:
    if exchange.outcome != "completed" or exchange.status != _ok or exchange.served is None:
        return False
    served = exchange.served
    vectors = exchange.protocol.endswith("_embeddings")
    return served.error is None and (vectors or served.finish_reason in WHOLE)
