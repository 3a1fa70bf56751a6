"""Own the way from the write-ahead log into the store: in batches, again and again, until it is there.

    our own folder ──────────────┐
    folders whose writers died ──┴─> read ─> `Sink.write` ─> advance
                                      │ the store is away: the same batch again, the rest waits on the disk

Invariants: a batch is given to the store at least once, and what it names can be written twice without harm; nothing is
held in memory but the present batch; the request path never waits for the store. A row that the store can never take is
given up alone, counted and said.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from gearshift.errors import RowRefused, StoreUnavailable
from gearshift.storage.tail import Batch, Entry, Tail
from gearshift.storage.wal import Position, abandoned
from gearshift.types.catalog import Seconds

PAUSE: Final[Seconds] = 0.25
"""Between two batches, so that each is worth its transaction."""
AWAY: Final[Seconds] = 1.0
"""Between two attempts at a store that is away."""
ADOPT: Final[Seconds] = 5.0
"""Between two looks for folders whose writers died."""

_log = logging.getLogger("gearshift.storage")


class Sink(Protocol):
    """Be where the log goes to."""

    def write(self, entries: Sequence[Entry]) -> None:
        """Make entries durable, all or none; those that are there already stay as they are.

        Raises StoreUnavailable when that cannot be done at present, RowRefused when one of them can never be written.
        """
        ...


class Shipper:
    """Ship the log of this process, and of those that died."""

    def __init__(self, root: Path, own: Path, sink: Sink, clock: Callable[[], Seconds] = time.monotonic) -> None:
        """Take the folder of all logs, our own among them, and where they go to."""
        self.failing = False
        self.given_up = 0
        self._root = root
        self._sink = sink
        self._clock = clock
        self._tail = Tail(own)
        self._adopted_at = -ADOPT
        self._stop = False
        self._wake = threading.Event()
        """There is something to ship."""
        self._hurry = threading.Event()
        """Somebody waits for it."""
        self._moved = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="ledger-shipper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Say that there is something to ship."""
        self._wake.set()

    def wait(self, until: Position, timeout: Seconds | None) -> bool:
        """Wait until everything before `until` is in the store, at most `timeout` seconds; say whether it is."""
        self._hurry.set()
        self._wake.set()
        with self._moved:
            self._moved.wait_for(lambda: self._tail.shipped >= until or not self._thread.is_alive(), timeout)
        return self._tail.shipped >= until

    def close(self, end: Position) -> bool:
        """Ship the rest up to `end`, once, and end; say whether all of it is in the store."""
        self._stop = True
        self._hurry.set()
        self._wake.set()
        self._thread.join()
        if self._tail.shipped < end:
            return False
        self._tail.bury()
        return True

    def _run(self) -> None:
        stopping = False
        while not stopping:
            if not self._stop:
                self._wake.wait(ADOPT)
            self._wake.clear()
            stopping = self._stop
            try:
                self._round()
            except Exception:  # noqa: BLE001 - our own bug: what is not shipped stays on the disk, and is tried again
                self.failing = True
                _log.exception("shipping_failed")
            self._rest()

    def _rest(self) -> None:
        """Let a batch gather, unless somebody waits for it to be shipped or we stop."""
        if not self._stop:
            self._hurry.wait(AWAY if self.failing else PAUSE)
        self._hurry.clear()

    def _round(self) -> None:
        self._ship(self._tail)
        if not self.failing and self._clock() - self._adopted_at >= ADOPT:
            self._adopted_at = self._clock()
            for folder, lock in abandoned(self._root):
                try:
                    self._adopt(folder)
                finally:
                    os.close(lock)

    def _adopt(self, folder: Path) -> None:
        """Ship what a dead process left behind; what cannot be shipped now is found again later."""
        try:
            tail = Tail(folder)
        except FileNotFoundError:  # another process was sooner
            return
        if tail.empty:
            tail.bury()
            return
        if not self._ship(tail):
            return
        words = tail.last_words()
        if self._write(words):
            tail.bury()
            _log.warning("wal_adopted", extra={"fields": {"folder": folder.name, "unknown": len(words)}})

    def _ship(self, tail: Tail) -> bool:
        """Ship all that is there; say whether that was done."""
        while True:
            before, batch = tail.shipped, tail.read()
            if not self._persist(batch):
                return False
            tail.advance(batch)
            with self._moved:
                self._moved.notify_all()
            if batch.end == before:
                return True

    def _persist(self, batch: Batch) -> bool:
        """Write a batch, the same again and again while the store is away, until we stop."""
        while not self._write(batch.entries):
            if self._stop:
                return False
            self._hurry.wait(AWAY)
            self._hurry.clear()
        return True

    def _write(self, entries: Sequence[Entry]) -> bool:
        if not entries:
            return True
        try:
            try:
                self._sink.write(entries)
            except RowRefused:
                self._write_singly(entries)
        except StoreUnavailable as error:
            if not self.failing:
                _log.error("store_failing", extra={"fields": {"rows": len(entries), "cause": error.message}})
            self.failing = True
            return False
        if self.failing:
            _log.warning("store_recovered", extra={"fields": {"rows": len(entries)}})
        self.failing = False
        return True

    def _write_singly(self, entries: Sequence[Entry]) -> None:
        """Write entry by entry, giving up those that the store can never take."""
        for entry in entries:
            try:
                self._sink.write([entry])
            except RowRefused as error:
                self.given_up += 1
                name = getattr(entry, "id", None)
                _log.error("store_row_given_up", extra={"fields": {"id": name, "cause": error.message}})
