"""Own what is known of requests that carry an `Idempotency-Key`: who asked what under which key, and what was answered.

    claim ─> no such key         a new Recording, under way: whoever claimed it makes the exchange
          ─> one under way       that one: join it, from its first byte
          ─> one that is kept    that one: replay it
          ─> other words         KeyReused: one key names one request, the path and every byte of the body
    settle ─> kept for a while, or forgotten

Invariants: callers never share a key (it is looked up together with theirs); what is kept began and ended here, whole.
Bounds: `Bounds`; the oldest is forgotten first. A recording that outgrows its share is `partial`: those who listen get
its rest, nobody can join it any more, and it is not kept. Pure: time is an argument.
Sources: draft-ietf-httpapi-idempotency-key-header-07 (409 and 422); Stripe, "Idempotent requests" (255 characters,
parameters compared, what never began to be executed is not kept); both read 2026-11.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Final, TypeAlias

from msgspec import Struct

from gearshift.errors import KeyInUse, KeyReused
from gearshift.types.catalog import Seconds
from gearshift.types.inbound import Inbound
from gearshift.types.record import Exchange

MIB: Final = 1024 * 1024
_REPEATABLE: Final = frozenset({408, 409, 425, 429, 499})
"""Statuses of the 4xx that speak of a moment, not of the request."""

Name: TypeAlias = tuple[str | None, str]
"""Whose key it is (the id of the virtual key), and the key."""
Head: TypeAlias = tuple[int, list[tuple[bytes, bytes]]]


class Bounds(Struct, frozen=True, kw_only=True):
    """Hold how much is remembered: recordings by number, bytes of all of them, and bytes of one."""

    recordings: int = 10_000
    total: int = 64 * MIB
    each: int = MIB


class Recording:
    """Hold an answer as it comes: its head, and its pieces in order; the first ones may be gone where it is partial."""

    __slots__ = ("ended", "expires", "fingerprint", "first", "head", "partial", "pieces", "size")

    def __init__(self, fingerprint: bytes) -> None:
        """Begin; `fingerprint` is that of the request."""
        self.fingerprint = fingerprint
        self.head: Head | None = None
        self.pieces: deque[bytes] = deque()
        self.first = 0
        """The number of the oldest piece that is held."""
        self.size = 0
        """Bytes held."""
        self.ended = False
        """Whether the last piece has come."""
        self.partial = False
        self.expires: Seconds = 0.0
        """When it is forgotten, once it is kept."""

    @property
    def count(self) -> int:
        """Give how many pieces have come."""
        return self.first + len(self.pieces)


class Register:
    """Remember requests by their keys."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        """Begin with nothing."""
        self.bounds = bounds or Bounds()
        self.held = 0
        """Bytes of all recordings that can be joined or replayed."""
        self._under_way: dict[Name, Recording] = {}
        self._kept: OrderedDict[Name, Recording] = OrderedDict()  # the first is the oldest, and is found at once

    def __len__(self) -> int:
        """Give how many recordings there are."""
        return len(self._under_way) + len(self._kept)

    def claim(self, name: Name, fingerprint: bytes, now: Seconds) -> tuple[Recording, bool]:
        """Give the recording of this request, and whether it is a new one.

        Raises KeyReused where the key names another request, KeyInUse where its answer can no longer be joined.
        """
        self._forget_old(now)
        if name in self._kept and self._kept[name].expires <= now:  # kept for less long than an older one
            self._forget(name)
        found = self._under_way.get(name) or self._kept.get(name)
        if found is None:
            self._make_room()
            self._under_way[name] = made = Recording(fingerprint)
            return made, True
        if found.fingerprint != fingerprint:
            raise KeyReused(
                "header idempotency-key: found another request than the one that this key was first used for, expected "
                "the same path and body, byte for byte; use a new key for a new request"
            )
        if found.partial:
            raise KeyInUse(
                f"header idempotency-key: found the first request of this key still being answered, and its answer "
                f"already longer than {self.bounds.each} bytes, which is too long to join; wait for it where you asked"
            )
        return found, False

    def __contains__(self, name: Name) -> bool:
        """Say whether an answer is kept under this name."""
        return name in self._kept

    @property
    def recordings(self) -> Iterable[Recording]:
        """Give all that are kept."""
        return self._kept.values()

    def forget(self, name: Name) -> None:
        """Forget the answer that is kept under this name, if one is."""
        if name in self._kept:
            self._forget(name)

    def add(self, recording: Recording, piece: bytes) -> None:
        """Take the next piece of an answer under way."""
        recording.pieces.append(piece)
        recording.size += len(piece)
        if recording.partial:
            return
        self.held += len(piece)
        while self.held > self.bounds.total and self._kept:
            self._forget_oldest()
        if recording.size > self.bounds.each or self.held > self.bounds.total:
            recording.partial = True
            self.held -= recording.size

    def trim(self, recording: Recording, furthest: int) -> None:
        """Let go of the oldest pieces of a partial recording, beyond what one may hold, that somebody has had."""
        pieces = recording.pieces
        while recording.partial and recording.first < furthest and recording.size > self.bounds.each:
            recording.size -= len(pieces.popleft())
            recording.first += 1

    def settle(self, name: Name, recording: Recording, expires: Seconds | None) -> None:
        """Keep an answer that has ended until `expires`, or, with None, forget it; a second time does nothing."""
        if self._under_way.get(name) is not recording:
            return
        del self._under_way[name]
        if recording.partial:
            return
        if expires is None or not recording.ended:
            self.held -= recording.size
            return
        recording.expires = expires
        self._kept[name] = recording

    def _make_room(self) -> None:
        while len(self) >= self.bounds.recordings and self._kept:
            self._forget_oldest()

    def _forget_old(self, now: Seconds) -> None:
        while self._kept and next(iter(self._kept.values())).expires <= now:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        self._forget(next(iter(self._kept)))

    def _forget(self, name: Name) -> None:
        self.held -= self._kept.pop(name).size


def fingerprint(inbound: Inbound) -> bytes:
    """Give the digest of what makes a request the same: its path and its body."""
    digest = hashlib.sha256(inbound.path.encode("utf-8", "surrogateescape"))
    digest.update(b"\0")
    digest.update(inbound.body)
    return digest.digest()


def is_final(exchange: Exchange) -> bool:
    """Tell whether asking again could only give the same: an answer, or an upstream's no to the request itself.

    What failed for a reason that may pass (5xx, 429, a break in the middle) is to be tried again, that is what a retry
    is for; what we refused before anybody was asked has cost nothing, and a changed config may allow it.
    """
    if exchange.outcome != "failed":  # a caller who left before the end left no whole recording
        return True
    is_fault = 400 <= exchange.status < 500 and exchange.status not in _REPEATABLE  # noqa: PLR2004
    return is_fault and bool(exchange.attempts)
