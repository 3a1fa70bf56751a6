"""Own the door to an SQL database: what the rooms behind it may ask, whichever database it is.

Statements are written once, in SQL that SQLite and PostgreSQL both understand, with `?` for each value; values are
always bound. A row is a tuple of text, numbers, bytes and None: truth is 0 or 1, a document is JSON text, money is
nano-USD, times are seconds since the epoch.

Invariants: `writing` is one transaction, kept as a whole or not at all; whatever a driver raises comes out as
StoreUnavailable (not now) or RowRefused (never, with these values).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol, TypeAlias

Value: TypeAlias = str | int | float | bytes | None
Values: TypeAlias = Sequence[Value]
Dialect: TypeAlias = Literal["sqlite", "postgresql"]


class Session(Protocol):
    """Be a connection in a transaction."""

    def run(self, statement: str, values: Values = ()) -> list[tuple[Value, ...]]:
        """Run a statement; give its rows."""
        ...

    def run_many(self, statement: str, rows: Sequence[Values]) -> None:
        """Run a statement for each row of values."""
        ...


class Database(Protocol):
    """Be a database whose tables are those of `schema`."""

    dialect: Dialect
    place: str
    """Where it is, in words that hold no secret."""

    def reading(self) -> AbstractContextManager[Session]:
        """Open a session that reads."""
        ...

    def writing(self) -> AbstractContextManager[Session]:
        """Open a session that is one transaction."""
        ...

    def close(self) -> None:
        """Let go of all connections."""
        ...
