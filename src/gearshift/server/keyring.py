"""Own how the keys of the store get to the door: read aside, twice a second whether there is something new.

    store ─ revision, another than the last? ─ all keys ─> `Keys.learn`

Invariants: nobody at the door waits for the store; a key that was revoked, here or by another gateway on the same
store, opens nothing a second later; while the store is away the keys that were known go on (`stale_since` says so), and
before it was ever reached nobody is let in by a key that only it could know.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from gearshift.errors import StoreUnavailable
from gearshift.server.auth import Keys
from gearshift.types.access import Caller
from gearshift.types.catalog import Seconds

LOOK: Final[Seconds] = 0.5

_log = logging.getLogger("gearshift.keys")


class Source(Protocol):
    """Be where keys are kept (`storage.directory.Directory`)."""

    def revision(self) -> int:
        """Give a number that every change raises."""
        ...

    def callers(self) -> dict[str, Caller]:
        """Give every key that was ever made, by its digest."""
        ...


class Keyring:
    """Keep the door's keys up to date."""

    def __init__(
        self, source: Source, clock: Callable[[], Seconds], changed: Callable[[], None] = lambda: None
    ) -> None:
        """Take where they are kept, a monotonic clock, and who else is told that something there has changed."""
        self._source = source
        self._changed = changed
        self._clock = clock
        self._keys: Keys | None = None
        self._known: Mapping[str, Caller] | None = None
        self._revision: int | None = None
        self._read_at: Seconds | None = None
        self._failing = False
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keyring", daemon=True)

    @property
    def stale_for(self) -> Seconds | None:
        """Give for how many seconds the store could not be asked; None: it was, just now."""
        if not self._failing:
            return None
        return self._clock() - self._read_at if self._read_at is not None else 0.0

    def adopt(self, keys: Keys) -> None:
        """Keep this door's keys up to date from now on."""
        self._keys = keys
        keys.learn(self._known)

    def start(self) -> None:
        """Read, and keep reading, aside."""
        self.refresh()
        self._thread.start()

    def close(self) -> None:
        """Read no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def refresh(self) -> None:
        """Look whether there is something new, and read it; blocks, so call it off the event loop."""
        with self._guard:
            try:
                revision = self._source.revision()
                if revision != self._revision:
                    self._known, self._revision = self._source.callers(), revision
                    if self._keys is not None:
                        self._keys.learn(self._known)
                    self._changed()
            except StoreUnavailable:
                if not self._failing:
                    _log.warning("keys_unread", extra={"fields": {"known": len(self._known or ())}})
                self._failing = True
                return
            self._failing, self._read_at = False, self._clock()

    def _run(self) -> None:
        while not self._stop.wait(LOOK):
            try:
                self.refresh()
            except Exception:  # noqa: BLE001 - our own bug: the keys that are known go on
                _log.exception("keys_failed")
