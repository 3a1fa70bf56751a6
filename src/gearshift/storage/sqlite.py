"""Own the SQLite store: one file, WAL mode, one writer thread that commits in batches.

Source: https://www.sqlite.org/wal.html. In WAL mode with `synchronous=NORMAL` a commit survives the death of the
process; a power cut may lose the last batch (at most `BATCH_SECONDS` of rows).
Invariants: only the writer thread writes; what a failing disk refuses is kept in memory and tried again, until
`MAX_QUEUED` rows wait: then the oldest are given up. A row that no disk could hold (a number beyond 64 bits) is given
up alone. Both are counted and logged; so is each change between a working and a failing disk.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, TypeAlias

from msgspec import structs

from gearshift.errors import ConfigError, StoreUnavailable
from gearshift.storage.store import Row, row
from gearshift.types.catalog import Seconds
from gearshift.types.record import Exchange, Feedback, Spending

Entry: TypeAlias = Exchange | Feedback

BATCH_SECONDS: Final[Seconds] = 0.25
BUSY_SECONDS: Final[Seconds] = 10.0
"""How long to wait for another process that writes the same file."""
_PRIMARY: Final = 0xFF  # of a result code of SQLite; the rest tells variants apart
MAX_QUEUED: Final = 200_000
SCHEMA_VERSION: Final = 1

_log = logging.getLogger("gearshift.storage")
_COLUMNS = tuple(field.name for field in structs.fields(Row))
_TYPES = {"created": "REAL", "duration": "REAL", "first_token": "REAL", "overhead": "REAL", "quality": "REAL"}
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS exchanges ({", ".join(f"{name} {_TYPES.get(name, '')}".strip() for name in _COLUMNS)},
  UNIQUE (id));
CREATE INDEX IF NOT EXISTS exchanges_created ON exchanges (created);
CREATE INDEX IF NOT EXISTS exchanges_response ON exchanges (response_id) WHERE response_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS exchanges_session ON exchanges (session) WHERE session IS NOT NULL;
CREATE INDEX IF NOT EXISTS exchanges_spending ON exchanges (router, created, cost, baseline_cost);
CREATE TABLE IF NOT EXISTS feedback
  (created REAL NOT NULL, score REAL NOT NULL, exchange_id, session_id, label, comment);
"""
_INSERT = f"INSERT OR IGNORE INTO exchanges VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - only our names
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM exchanges"  # noqa: S608 - only our names
_FIND = f"{_SELECT} WHERE id = ?1 OR response_id = ?1 ORDER BY id = ?1 DESC, created DESC LIMIT 1"
_SCORES = """
SELECT id, avg(score) FROM (
  SELECT exchange_id AS id, score FROM feedback WHERE exchange_id IS NOT NULL
  UNION ALL
  SELECT e.id, f.score FROM feedback f JOIN exchanges e ON e.session = f.session_id WHERE f.exchange_id IS NULL)
GROUP BY id
"""
_SPENT = """
SELECT sum(coalesce(cost, baseline_cost)), sum(cost IS NULL AND baseline_cost IS NULL)
FROM exchanges WHERE router = ? AND created >= ?
"""
_RECENT = "SELECT count(*) FROM exchanges WHERE router = ? AND created >= ?"
_UNWRITABLE: Final = (ValueError, OverflowError, sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError)
"""A row's own fault: text that is not Unicode, a number or a text too large."""


def unusable(path: Path) -> str:
    """Say, without making or changing anything, why a store could not be kept at `path`; "" when it could."""
    expected = "expected a writable SQLite file or a place for one"
    if not path.exists():
        folder = path.parent
        if not folder.is_dir():
            return f"store: found no folder {folder}, {expected}; make it"
        return (
            "" if os.access(folder, os.W_OK) else f"store: found a folder {folder} that cannot be written, {expected}"
        )
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)
        ) as database:
            database.execute("BEGIN IMMEDIATE")
            database.rollback()
            return _newer(path, database)
    except sqlite3.Error as error:
        return f"store: cannot open {path} ({error}); {expected}"


def _newer(path: Path, database: sqlite3.Connection) -> str:
    """Say that a file is of another schema than ours, "" when it is not."""
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version in {0, SCHEMA_VERSION}:
        return ""
    found = f"store: {path} has schema version {version}, expected {SCHEMA_VERSION}"
    return f"{found}; use the gearshift that wrote it, or another file"


class SQLiteStore:
    """Keep exchanges and feedback in one SQLite file."""

    def __init__(self, path: Path) -> None:
        """Open or create the file; raise ConfigError when that cannot be done or its schema is newer than ours."""
        self._path = path
        self._queue: deque[Entry | threading.Event] = deque()
        self._pending: list[Entry] = []
        self._wake = threading.Event()
        self._closing = False
        self.failing = False
        self.given_up = 0
        try:
            self._keeper = self._keep()
        except sqlite3.Error as error:
            fault = f"store: cannot open {path} ({error}); expected a writable SQLite file or a place for one"
            raise ConfigError([fault], source=str(path)) from error
        self._thread = threading.Thread(target=self._write_forever, name="store-writer", daemon=True)
        self._thread.start()

    def _keep(self) -> sqlite3.Connection:
        """Open the connection that stays, on a file with its tables."""
        keeper = self._connect()
        try:
            self._prepare(keeper)
        except BaseException:
            keeper.close()
            raise
        return keeper

    def _prepare(self, keeper: sqlite3.Connection) -> None:
        """Make the tables, waiting for others that do: SQLite itself does not wait while a new file turns to WAL.

        `keeper` stays open as long as the store: whenever the last connection closes, SQLite folds the whole WAL into
        the file, and with a connection per batch that was half the cost of writing.
        """
        end = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                return self._make_tables(keeper)
            except sqlite3.OperationalError as error:
                keeper.rollback()
                if error.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                    raise
            time.sleep(0.01)

    def _make_tables(self, keeper: sqlite3.Connection) -> None:
        keeper.execute("PRAGMA journal_mode=WAL")
        if fault := _newer(self._path, keeper):
            raise ConfigError([fault], source=str(self._path))
        keeper.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;")

    def append(self, exchange: Exchange) -> None:
        """Queue an exchange for writing."""
        self._queue.append(exchange)

    def feedback(self, feedback: Feedback) -> None:
        """Queue a judgement for writing."""
        self._queue.append(feedback)

    def flush(self, timeout: Seconds | None = None) -> bool:
        """Wait until everything queued so far is durable, at most `timeout` seconds, and tell whether it is."""
        done = threading.Event()
        self._queue.append(done)
        self._wake.set()
        end = None if timeout is None else time.monotonic() + timeout
        while not done.wait(BATCH_SECONDS):
            if not self._thread.is_alive() or (end is not None and time.monotonic() >= end):
                break
        return done.is_set()

    def exchange(self, key: str) -> Row | None:
        """Give the exchange with this id, or else the latest whose upstream response id this is."""
        return next(self._rows(_FIND, (key,)), None)

    def exchanges(self, since: float = 0.0) -> Iterator[Row]:
        """Give the exchanges created at or after `since`, oldest first."""
        return self._rows(f"{_SELECT} WHERE created >= ? ORDER BY created, id", (since,))

    def knows(self, *, exchange_id: str | None, session_id: str | None) -> bool:
        """Tell whether an exchange of this id, or of this session, is in the log."""
        query = "SELECT 1 FROM exchanges WHERE id = ? OR session = ? LIMIT 1"
        with self._reading() as database:
            return database.execute(query, (exchange_id, session_id)).fetchone() is not None

    def scores(self) -> dict[str, float]:
        """Give the mean score of each exchange with feedback."""
        with self._reading() as database:
            return dict(database.execute(_SCORES))

    def spending(self, router: str, since: Seconds, lately: Seconds) -> Spending:
        """Give what `router` has spent since `since`, and how many exchanges it had since `lately`."""
        with self._reading() as database:
            spent, unknown = database.execute(_SPENT, (router, since)).fetchone()
            (recent,) = database.execute(_RECENT, (router, lately)).fetchone()
        return Spending(spent=spent or 0, unknown=unknown or 0, recent=recent)

    def close(self) -> None:
        """Write what is queued and end the writer."""
        self._closing = True
        self._wake.set()
        self._thread.join()
        self._keeper.close()

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=BUSY_SECONDS, check_same_thread=False)
        try:
            database.execute("PRAGMA synchronous=NORMAL")
        except sqlite3.Error:
            database.close()
            raise
        return database

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Open the file for reading; raise StoreUnavailable when it cannot be read."""
        try:
            with closing(self._connect()) as database:
                yield database
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the log cannot be read ({type(error).__name__}); check the disk") from error

    def _rows(self, query: str, values: tuple[str | float, ...]) -> Iterator[Row]:
        with self._reading() as database:
            for found in database.execute(query, values):
                fields = dict(zip(_COLUMNS, found, strict=True))
                for name in ("stream", "usage_estimated"):
                    fields[name] = None if fields[name] is None else bool(fields[name])
                yield Row(**fields)

    def _write_forever(self) -> None:
        """Write a batch every `BATCH_SECONDS`, or when woken; tell those who wait for it."""
        waiting: list[threading.Event] = []
        closing_down = False
        while not closing_down:
            self._wake.wait(BATCH_SECONDS)
            self._wake.clear()
            closing_down = self._closing
            while self._queue:
                item = self._queue.popleft()
                if isinstance(item, threading.Event):
                    waiting.append(item)
                else:
                    self._pending.append(item)
            if self._write():
                for event in waiting:
                    event.set()
                waiting.clear()
            else:
                self._give_up(len(self._pending) - (0 if closing_down else MAX_QUEUED))

    def _write(self) -> bool:
        """Commit what is pending; give False when the disk fails: what it refused stays pending."""
        rows = len(self._pending)
        try:
            try:
                self._commit(self._pending)
                self._pending.clear()
            except _UNWRITABLE:
                self._write_singly()
        except sqlite3.Error as error:
            if not self.failing:
                _log.error("store_failing", extra={"fields": {"rows": rows, "cause": type(error).__name__}})
            self.failing = True
            return False
        if self.failing:
            _log.warning("store_recovered", extra={"fields": {"rows": rows}})
        self.failing = False
        return True

    def _write_singly(self) -> None:
        """Commit row by row, giving up those that cannot be written at all."""
        while self._pending:
            try:
                self._commit(self._pending[:1])
                del self._pending[0]
            except _UNWRITABLE:
                self._give_up(1)

    def _commit(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        rows = [structs.astuple(row(entry)) for entry in entries if isinstance(entry, Exchange)]
        judgements = [
            (entry.created, entry.score, entry.exchange_id, entry.session_id, entry.label, entry.comment)
            for entry in entries
            if isinstance(entry, Feedback)
        ]
        with closing(self._connect()) as database, database:
            database.executemany(_INSERT, rows)
            database.executemany("INSERT INTO feedback VALUES (?, ?, ?, ?, ?, ?)", judgements)

    def _give_up(self, count: int) -> None:
        """Let go of the `count` oldest rows."""
        if count > 0:
            del self._pending[:count]
            self.given_up += count
            _log.error("store_rows_given_up", extra={"fields": {"rows": count}})
