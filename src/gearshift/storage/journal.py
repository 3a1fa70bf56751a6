"""Own what the gateway writes down, so that no call is ever forgotten: the write-ahead log's front.

    started   before a call ──> in the log before it is made; a log that cannot be written refuses the call
    finished  before the answer's last bytes ──> in the log
    append    an exchange that has ended, feedback ──> taken; in the log within `GROUP`, encoded aside
                                   log ─ `shipper` ──> the store

Invariants: `started` and `finished` are in the kernel's hands when they return, so `kill -9` loses neither; a power cut
may take what is younger than `GROUP`. `finished` and `append` never raise: what the disk refuses waits in memory, up to
`MAX_QUEUED`, and is written when it can be.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from pathlib import Path
from typing import Final

from gearshift.errors import LedgerUnavailable
from gearshift.storage.shipper import Shipper, Sink
from gearshift.storage.store import row
from gearshift.storage.tail import EXCHANGE, FEEDBACK, FINISHED, STARTED, record
from gearshift.storage.wal import Wal
from gearshift.types.catalog import Seconds
from gearshift.types.ledger import LedgerRow, WhenFull
from gearshift.types.record import Exchange, Feedback

GROUP: Final[Seconds] = 0.02
RETRY: Final[Seconds] = 0.5
"""Between two attempts at a disk that takes nothing."""
MAX_QUEUED: Final = 50_000

_log = logging.getLogger("gearshift.storage")


class Journal:
    """Write down what happens."""

    def __init__(self, root: Path, sink: Sink, *, when_full: WhenFull = "refuse") -> None:
        """Begin a log under `root`, shipped to `sink`; raise OSError where there cannot be one.

        `when_full`: whether calls are refused while the log cannot be written, or made and counted.
        """
        self._wal = Wal(root)
        self._when_full = when_full
        self._shipper = Shipper(root, self._wal.folder, sink)
        self._queue: deque[Exchange | Feedback | bytes] = deque()
        self._unwritable = False
        self._lost = 0
        self.unrecorded = 0
        """Calls that were made though the log could not be written."""
        self._dirty = threading.Event()
        self._said = threading.Condition()
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()
        self._shipper.start()

    @property
    def failing(self) -> bool:
        """Say whether the store, or the disk of the log, takes nothing at present."""
        return self._unwritable or self._shipper.failing

    @property
    def given_up(self) -> int:
        """Give how many rows were lost: the disk failed for too long, or the store can never take them."""
        return self._lost + self._shipper.given_up

    def started(self, entry: LedgerRow) -> None:
        """Write down that a call is about to be made; raise LedgerUnavailable where that cannot be done."""
        try:
            self._wal.write(record(STARTED, entry))
        except OSError as error:
            self._fails(error)
            if self._when_full == "refuse":
                todo = "no call is made that could not be counted; free space on its disk"
                raise LedgerUnavailable(f"the ledger cannot be written ({error.strerror}): {todo}") from error
            self.unrecorded += 1
        self._call()

    def finished(self, entry: LedgerRow) -> None:
        """Write down what became of a call."""
        data = record(FINISHED, entry)
        try:
            self._wal.write(data)
        except OSError as error:
            self._fails(error)
            self._queue.append(data)
        self._call()

    def append(self, exchange: Exchange) -> None:
        """Take an exchange that has ended."""
        self._queue.append(exchange)
        self._call()

    def feedback(self, feedback: Feedback) -> None:
        """Take a judgement."""
        self._queue.append(feedback)
        self._call()

    def flush(self, timeout: Seconds | None = None) -> bool:
        """Wait until all that was taken so far is in the store, at most `timeout` seconds, and tell whether it is.

        Blocks, so call it off the event loop; None: as long as it takes.
        """
        end = None if timeout is None else time.monotonic() + timeout
        self._dirty.set()
        with self._said:
            if not self._said.wait_for(lambda: not self._queue, timeout):
                return False
        return self._shipper.wait(self._wal.end, None if end is None else max(0.0, end - time.monotonic()))

    def close(self) -> None:
        """Write down and ship what is left; what the store does not take stays for the next process."""
        if self._stop:
            return
        self._stop = True
        self._dirty.set()
        self._thread.join()
        if not self._shipper.close(self._wal.end):
            _log.warning("wal_left", extra={"fields": {"folder": self._wal.folder.name}})
        self._wal.close()

    def _call(self) -> None:
        """Call the thread, which may have been called already: to look costs a tenth of saying it again."""
        if not self._dirty.is_set():
            self._dirty.set()

    def _run(self) -> None:
        """Write and sync in groups; a group gathers while the one before it is synced."""
        while not self._stop or self._queue:
            self._dirty.wait(RETRY if self._unwritable else None)
            self._dirty.clear()
            if not self._write() and self._stop:
                break
            self._shipper.wake()
            if not self._stop:
                time.sleep(GROUP)

    def _write(self) -> bool:
        """Write what is queued and sync all; say whether that was done."""
        try:
            while self._queue:
                self._wal.write(self._encoded(self._queue[0]))
                self._queue.popleft()
            self._wal.sync()
        except OSError as error:
            self._fails(error)
            self._bound()
            return False
        if self._unwritable:
            self._unwritable = False
            _log.warning("wal_recovered")
        with self._said:
            self._said.notify_all()
        return True

    def _fails(self, error: OSError) -> None:
        if not self._unwritable:
            _log.error("wal_failing", extra={"fields": {"cause": error.strerror}})
        self._unwritable = True

    def _bound(self) -> None:
        """Let go of the oldest entries beyond what may wait in memory."""
        while len(self._queue) > MAX_QUEUED:
            self._queue.popleft()
            self._lost += 1

    def _encoded(self, entry: Exchange | Feedback | bytes) -> bytes:
        """Give an entry as it is written, nothing for one that cannot be: it is given up alone."""
        try:
            match entry:
                case Exchange():
                    return record(EXCHANGE, row(entry))
                case Feedback():
                    return record(FEEDBACK, entry)
                case _:
                    return entry
        except (ValueError, OverflowError) as fault:  # text that is not Unicode, a number beyond 64 bits, 64 MB of text
            self._lost += 1
            name = entry.id if isinstance(entry, Exchange) else None
            _log.error("store_row_given_up", extra={"fields": {"id": name, "cause": type(fault).__name__}})
            return b""
