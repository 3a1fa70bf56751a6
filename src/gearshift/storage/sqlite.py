"""Own SQLite: one file in WAL mode, made or brought up to date as it is opened.

Source: https://www.sqlite.org/wal.html. With `synchronous=FULL` a commit survives a power cut. Invariants: one
connection writes, one transaction at a time, and stays open as long as the database: whenever the last one closes,
SQLite folds the whole WAL into the file, and with a connection for each batch that was half the cost of writing.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from gearshift.errors import ConfigError, RowRefused, StoreUnavailable
from gearshift.storage.database import Dialect, Value, Values
from gearshift.storage.versions import VERSION, statements, upgrade, verdict
from gearshift.types.catalog import Seconds

BUSY_SECONDS: Final[Seconds] = 10.0
"""How long to wait for another process that writes the same file."""
_PRIMARY: Final = 0xFF  # of a result code of SQLite; the rest tells variants apart
_EXPECTED: Final = "expected a writable SQLite file or a place for one"
_UNWRITABLE: Final = (ValueError, OverflowError, sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError)
"""A row's own fault: text that is not Unicode, a number or a text too large."""


def unusable(path: Path) -> str:
    """Say, without making or changing anything, why a store could not be kept at `path`; "" when it could."""
    if not path.exists():
        folder = path.parent
        if not folder.is_dir():
            return f"store: found no folder {folder}, {_EXPECTED}; make it"
        return (
            "" if os.access(folder, os.W_OK) else f"store: found a folder {folder} that cannot be written, {_EXPECTED}"
        )
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)
        ) as database:
            database.execute("BEGIN IMMEDIATE")
            database.rollback()
            return verdict(str(path), _version(database))
    except sqlite3.Error as error:
        return _cannot(path, error)


def _cannot(path: Path, error: sqlite3.Error) -> str:
    fault = f"store: cannot open {path} ({error}); {_EXPECTED}"
    if getattr(error, "sqlite_errorcode", 0) & _PRIMARY in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        fault += f'; what is readable of it can be had by: sqlite3 "{path}" .recover'
    return fault


class SQLiteSession:
    """Run statements on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take the connection."""
        self._connection = connection

    def run(self, statement: str, values: Values = ()) -> list[tuple[Value, ...]]:
        """Run a statement; give its rows."""
        return self._connection.execute(statement, values).fetchall()

    def run_many(self, statement: str, rows: Sequence[Values]) -> None:
        """Run a statement for each row of values."""
        self._connection.executemany(statement, rows)


class SQLite:
    """Keep a database in one SQLite file."""

    dialect: Dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        """Open or create the file; raise ConfigError when that cannot be done or its schema is newer than ours."""
        self._path = path
        self._guard = threading.Lock()
        self.place = str(path)
        try:
            self._keeper = self._keep()
        except sqlite3.Error as error:
            raise ConfigError([_cannot(path, error)], source=str(path)) from error

    @contextmanager
    def reading(self) -> Iterator[SQLiteSession]:
        """Open a session that reads; raise StoreUnavailable when the file cannot be read."""
        try:
            with closing(self._connect()) as connection:
                yield SQLiteSession(connection)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the log cannot be read ({type(error).__name__}); check the disk") from error

    @contextmanager
    def writing(self) -> Iterator[SQLiteSession]:
        """Open a session that is one transaction; raise StoreUnavailable or RowRefused, and keep nothing of it."""
        try:
            with self._guard, self._keeper as connection:
                connection.execute("BEGIN IMMEDIATE")
                yield SQLiteSession(connection)
        except _UNWRITABLE as error:
            raise RowRefused(f"found a value that SQLite cannot hold ({type(error).__name__})") from error
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the log cannot be written ({type(error).__name__}: {error})") from error

    def close(self) -> None:
        """Let go of the file."""
        self._keeper.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, check_same_thread=False)
        try:
            connection.execute("PRAGMA synchronous=FULL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _keep(self) -> sqlite3.Connection:
        """Open the connection that stays, on a file with our tables."""
        keeper = self._connect()
        try:
            self._prepare(keeper)
        except BaseException:
            keeper.close()
            raise
        return keeper

    def _prepare(self, keeper: sqlite3.Connection) -> None:
        """Make the tables, waiting for others that do: SQLite itself does not wait while a new file turns to WAL."""
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
        with keeper:
            keeper.execute("BEGIN IMMEDIATE")  # one process makes the tables, the others wait here
            found = _version(keeper)
            if fault := verdict(self.place, found):
                raise ConfigError([fault], source=self.place)
            if found is None:
                for statement in statements("sqlite"):
                    keeper.execute(statement)
                keeper.execute(f"PRAGMA user_version={VERSION}")
        if found is not None and found[0] < VERSION:
            upgrade(f"sqlite:///{self._path.absolute()}", found[0])
            keeper.execute(f"PRAGMA user_version={VERSION}")


def _version(database: sqlite3.Connection) -> tuple[int, int] | None:
    """Give the schema of a file, and the oldest that may still work on it; None: it is empty."""
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "schema_version" in tables:
        version, oldest = database.execute("SELECT version, oldest FROM schema_version").fetchone()
        return version, oldest
    version = database.execute("PRAGMA user_version").fetchone()[0]
    return (version or 1, version or 1) if "exchanges" in tables else (None if not version else (version, version))
