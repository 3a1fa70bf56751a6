"""Own PostgreSQL: a few connections, kept open, to a database that is made or brought up to date as it is opened.

Invariants: every statement has an end (`STATEMENT_SECONDS`), so a server that hangs is one that is away; a connection
that failed is not used again; text that PostgreSQL cannot hold (NUL) is kept as U+FFFD.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, cast

import psycopg
from psycopg.conninfo import conninfo_to_dict

from gearshift.errors import ConfigError, RowRefused, StoreUnavailable
from gearshift.storage.database import Dialect, Value, Values
from gearshift.storage.versions import VERSION, statements, upgrade, verdict
from gearshift.types.catalog import Seconds

CONNECT_SECONDS: Final = 5
STATEMENT_SECONDS: Final[Seconds] = 30.0
KEPT: Final = 8
"""Connections that are kept open when nobody uses them."""
_PASSING: Final = (
    "connection refused",
    "no such file or directory",  # its socket
    "timeout",
    "timed out",
    "starting up",
    "shutting down",
    "too many clients",
    "closed the connection",
)
"""What libpq and the server say of a trouble that passes."""
_MAKING: Final = 7_211_991
"""The advisory lock of who makes the tables."""
_UNWRITABLE: Final = (psycopg.DataError, psycopg.IntegrityError, UnicodeEncodeError, OverflowError)

_log = logging.getLogger("gearshift.storage")


class PostgresSession:
    """Run statements on one connection."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        """Take the connection."""
        self._connection = connection

    def run(self, statement: str, values: Values = ()) -> list[tuple[Value, ...]]:
        """Run a statement; give its rows."""
        cursor = self._connection.execute(_spelled(statement), _storable(values))
        return cast("list[tuple[Value, ...]]", cursor.fetchall()) if cursor.description else []

    def run_many(self, statement: str, rows: Sequence[Values]) -> None:
        """Run a statement for each row of values."""
        with self._connection.cursor() as cursor:
            cursor.executemany(_spelled(statement), [_storable(row) for row in rows])


class Postgres:
    """Keep a database on a PostgreSQL server."""

    dialect: Dialect = "postgresql"

    def __init__(self, url: str) -> None:
        """Connect, and make or update the tables; raise ConfigError when that can never be done.

        A server that is away at present is come back to: the gateway answers without it, and its rows wait.
        """
        self._url = url
        self.place = _place(url)
        self._idle: list[psycopg.Connection[tuple[Any, ...]]] = []
        self._guard = threading.Lock()
        self._closed = False
        self._made = False
        try:
            self._make_tables()
        except psycopg.Error as error:
            if not _passes(error):
                raise ConfigError([_unreachable(url, error)], source=self.place) from error
            _log.error("store_away", extra={"fields": {"store": self.place, "cause": _cause(error)}})

    @contextmanager
    def reading(self) -> Iterator[PostgresSession]:
        """Open a session that reads; raise StoreUnavailable when the server cannot be asked."""
        try:
            with self._connection() as connection:
                yield PostgresSession(connection)
        except psycopg.Error as error:
            raise StoreUnavailable(f"the log cannot be read ({type(error).__name__}); check {self.place}") from error

    @contextmanager
    def writing(self) -> Iterator[PostgresSession]:
        """Open a session that is one transaction; raise StoreUnavailable or RowRefused, and keep nothing of it."""
        try:
            with self._connection() as connection:
                yield PostgresSession(connection)
        except _UNWRITABLE as error:
            raise RowRefused(f"found a value that PostgreSQL cannot hold ({type(error).__name__})") from error
        except psycopg.Error as error:
            raise StoreUnavailable(f"the log cannot be written ({type(error).__name__}); check {self.place}") from error

    def close(self) -> None:
        """Let go of all connections."""
        self._closed = True
        with self._guard:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """Lend a connection for one transaction."""
        if not self._made:
            self._make_tables()
        with self._guard:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = _connect(self._url)
        try:
            with connection.transaction():
                yield connection
        except BaseException:
            connection.close()
            raise
        with self._guard:
            if not self._closed and len(self._idle) < KEPT:
                self._idle.append(connection)
                return
        connection.close()

    def _make_tables(self) -> None:
        with _connect(self._url) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_MAKING])
            found = _version(connection)
            if fault := verdict(self.place, found):
                raise ConfigError([fault], source=self.place)
            if found is None:
                for statement in statements("postgresql"):
                    connection.execute(cast("Any", statement))
        if found is not None and found[0] < VERSION:
            upgrade(f"postgresql+psycopg://{self._url.split('://', 1)[1]}", found[0])
        self._made = True


def unusable(url: str) -> str:
    """Say, without making or changing anything, why a store could not be kept there; "" when it could."""
    try:
        with _connect(url) as connection:
            return verdict(_place(url), _version(connection))
    except psycopg.Error as error:
        return _unreachable(url, error)


def _unreachable(url: str, error: psycopg.Error) -> str:
    expected = "expected a PostgreSQL server that lets us in and a database in which we may make tables"
    return f"store: cannot use {_place(url)} ({_cause(error)}); {expected}"


def _cause(error: psycopg.Error) -> str:
    told = str(error).strip().splitlines()
    return told[0] if told else type(error).__name__


def _passes(error: psycopg.Error) -> bool:
    """Tell whether a server that cannot be used now may be later: it does not listen, or it is starting or full."""
    told = str(error).lower()
    return isinstance(error, psycopg.OperationalError) and any(each in told for each in _PASSING)


def _connect(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    options = f"-c statement_timeout={int(STATEMENT_SECONDS * 1000)}"
    connection = psycopg.connect(url, connect_timeout=CONNECT_SECONDS, options=options, application_name="gearshift")
    connection.prepare_threshold = None  # poolers such as PgBouncer hand a connection to somebody else in between
    return connection


def _version(connection: psycopg.Connection[tuple[Any, ...]]) -> tuple[int, int] | None:
    (there,) = connection.execute("SELECT to_regclass('schema_version') IS NOT NULL").fetchone() or (False,)
    if not there:
        return None
    version, oldest = connection.execute("SELECT version, oldest FROM schema_version").fetchone() or (0, 0)
    return int(version), int(oldest)


def _place(url: str) -> str:
    """Name a database without what proves who we are."""
    told = conninfo_to_dict(url)
    where = told.get("host") or "the local socket"
    return f"PostgreSQL at {where}{':' + str(told['port']) if told.get('port') else ''}/{told.get('dbname') or ''}"


@cache
def _spelled(statement: str) -> Any:  # noqa: ANN401 - psycopg asks for a literal
    """Write a statement's places as psycopg does."""
    return statement.replace("%", "%%").replace("?", "%s")


def _storable(values: Values) -> list[Value]:
    return [each.replace("\x00", "\ufffd") if isinstance(each, str) else each for each in values]
