"""Own who may call: keys from the config and from the store, compared by digest.

Invariants: a key itself is held nowhere, only its SHA-256 (keys are long and random: a fast hash suffices), and what is
stored of a key never opens anything. With no key anywhere, any key or none is accepted; once there is one, even if it
was revoked since, there is no way in without.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import parse_qs

from gearshift.access import check_route
from gearshift.errors import StoreUnavailable, Unauthorized
from gearshift.server.asgi import Scope, header
from gearshift.storage.secrets import is_misspelt
from gearshift.types.access import Caller
from gearshift.types.catalog import Seconds

CALLER = "gearshift.caller"
"""Where a scope says who was let in; None: nobody was asked."""
MAX_KEY = 512
"""Characters that a key may have: what is longer is none, and is not hashed."""
_ID_DIGITS = 12
_ASK = "ask your operator"


class Keys:
    """Check keys."""

    def __init__(
        self,
        keys: Iterable[str] = (),
        *,
        admin: str | None = None,
        wall_clock: Callable[[], Seconds] = time.time,
    ) -> None:
        """Take the config's keys, and the operator's."""
        self._own = {digest: Caller(id=digest[:_ID_DIGITS]) for digest in map(digest_of, keys)}
        if admin is not None:
            digest = digest_of(admin)
            self._own[digest] = Caller(id=digest[:_ID_DIGITS], name="admin key", role="admin")
        self._stored: Mapping[str, Caller] | None = {}
        self._wall_clock = wall_clock

    @property
    def required(self) -> bool:
        """Say whether a key must be shown."""
        return bool(self._own) or self._stored is None or bool(self._stored)

    def learn(self, stored: Mapping[str, Caller] | None) -> None:
        """Take what the store holds, by digest; None: that is not known yet."""
        self._stored = stored

    def check(self, scope: Scope) -> Caller | None:
        """Give who calls, None where nobody is asked; raise Unauthorized, or Forbidden for a path out of scope."""
        if not self._own and self._stored is not None and not self._stored:
            return None
        presented = _presented(scope)
        if presented is None:
            raise Unauthorized(f"found no key, expected a virtual key in 'Authorization: Bearer ...'; {_ASK}")
        found = self._find(presented)
        check_route(found, scope["path"])
        return found

    def _find(self, presented: str) -> Caller:
        if len(presented) > MAX_KEY:
            raise Unauthorized(f"found a key of {len(presented)} characters, expected at most {MAX_KEY}")
        digest = digest_of(presented)
        found = self._own.get(digest) or (self._stored or {}).get(digest)
        if found is None:
            if self._stored is None:
                raise StoreUnavailable("keys cannot be looked up: the store has not been reached yet; try again later")
            if is_misspelt(presented):
                raise Unauthorized("found a key that is misspelt or cut short: its checksum is wrong; copy it again")
            raise Unauthorized(f"found a key that this gateway does not know; {_ASK}")
        now = self._wall_clock()
        if found.revoked is not None and found.revoked <= now:
            raise Unauthorized(f"found a key that was revoked ({found.id}); {_ASK}")
        if found.expires is not None and found.expires <= now:
            raise Unauthorized(f"found a key that has expired ({found.id}); {_ASK}")
        return found


def digest_of(key: str) -> str:
    """Give what is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


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
