"""Own who may call: virtual keys from the config, compared by digest.

Invariant: a key itself is held nowhere, only its SHA-256 (keys are long and random: a fast hash suffices).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from urllib.parse import parse_qs

from gearshift.errors import Unauthorized
from gearshift.server.asgi import Scope, header

KEY = "gearshift.key"
"""Where a scope says whose key was checked."""
_ID_DIGITS = 12


class Keys:
    """Check virtual keys."""

    def __init__(self, keys: Iterable[str]) -> None:
        """Take the accepted keys; none at all means that any key, or no key, is accepted."""
        self._ids = {_digest(key): _digest(key)[:_ID_DIGITS] for key in keys}

    def check(self, scope: Scope) -> str | None:
        """Give the id of the caller's key (not the key), None when no keys are configured; raise Unauthorized."""
        if not self._ids:
            return None
        presented = _presented(scope)
        if presented is None:
            raise Unauthorized("found no key, expected a virtual key in 'Authorization: Bearer ...'; ask your operator")
        key_id = self._ids.get(_digest(presented))
        if key_id is None:
            raise Unauthorized("found a key that this gateway does not know; check it with your operator")
        return key_id


def _presented(scope: Scope) -> str | None:
    """Find the key in any of the headers that the official clients use."""
    bearer = header(scope, b"authorization")
    if bearer is not None and bearer[:7].lower() == "bearer ":
        return bearer[7:].strip()
    given = header(scope, b"x-api-key") or header(scope, b"x-goog-api-key")
    if given is not None or b"key=" not in scope.get("query_string", b""):
        return given
    said: dict[str, list[str]] = parse_qs(scope["query_string"].decode("latin-1"))
    return next(iter(said.get("key", ())), None)  # as Google's own examples do


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
