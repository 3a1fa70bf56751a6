"""Own the statements of the log and of the ledger: what is written in a batch, and what is asked of it.

Invariants: writing the same entries twice is the same as once, but that an attempt which was unknown may become known;
what is read a page at a time is never held as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import structs

from gearshift.storage.database import Database, Session, Value
from gearshift.storage.store import Row
from gearshift.storage.tail import Entry
from gearshift.types.catalog import Seconds
from gearshift.types.ledger import LedgerRow
from gearshift.types.record import Feedback, Spending

PAGE: Final = 500
"""Exchanges that are read at a time."""
_FLAGS: Final = ("stream", "usage_estimated")
_COLUMNS: Final = tuple(each.name for each in structs.fields(Row))
_LEDGER: Final = tuple(each.name for each in structs.fields(LedgerRow))
_FEEDBACK: Final = ("created", "score", "exchange_id", "session_id", "label", "comment")


def _insert(table: str, columns: Sequence[str], conflict: str) -> str:
    places = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places}) {conflict}".strip()  # noqa: S608 - our names


_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM exchanges"  # noqa: S608 - our names
_EXCHANGE: Final = _insert("exchanges", _COLUMNS, "ON CONFLICT (id) DO NOTHING")
_ATTEMPT: Final = _insert(
    "ledger",
    _LEDGER,
    f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _LEDGER[1:])} "
    "WHERE ledger.state = 'unknown'",
)
_JUDGEMENT: Final = _insert("feedback", _FEEDBACK, "")
_BY_ID: Final = f"{_SELECT} WHERE id = ?"
_BY_RESPONSE: Final = f"{_SELECT} WHERE response_id = ? ORDER BY created DESC LIMIT 1"
_PAGE: Final = f"{_SELECT} WHERE created >= ? AND (created > ? OR id > ?) ORDER BY created, id LIMIT {PAGE}"
_SCORES: Final = """
SELECT id, avg(score) FROM (
  SELECT exchange_id AS id, score FROM feedback WHERE exchange_id IS NOT NULL
  UNION ALL
  SELECT e.id, f.score FROM feedback f JOIN exchanges e ON e.session = f.session_id WHERE f.exchange_id IS NULL) found
GROUP BY id
"""
_SPENT: Final = """
SELECT CAST(sum(coalesce(cost, baseline_cost)) AS BIGINT),
  sum(CASE WHEN cost IS NULL AND baseline_cost IS NULL THEN 1 ELSE 0 END)
FROM exchanges WHERE router = ? AND created >= ?
"""
_RECENT: Final = "SELECT count(*) FROM exchanges WHERE router = ? AND created >= ?"
_KNOWN: Final = "SELECT 1 FROM exchanges WHERE id = ? OR session = ? LIMIT 1"


class Log:
    """Keep exchanges, attempts and feedback in a database."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def write(self, entries: Sequence[Entry]) -> None:
        """Make entries durable, all or none; raise StoreUnavailable or RowRefused."""
        with self._database.writing() as session:
            _write(session, entries)

    def exchange(self, key: str) -> Row | None:
        """Give the exchange with this id, or else the latest whose upstream response id this is."""
        with self._database.reading() as session:
            found = session.run(_BY_ID, (key,)) or session.run(_BY_RESPONSE, (key,))
        return row_of(found[0]) if found else None

    def exchanges(self, since: float = 0.0) -> Iterator[Row]:
        """Give the exchanges created at or after `since`, oldest first."""
        created, last = since, ""
        while True:
            with self._database.reading() as session:
                found = session.run(_PAGE, (created, created, last))
            yield from map(row_of, found)
            if len(found) < PAGE:
                return
            newest = row_of(found[-1])
            created, last = newest.created, newest.id

    def knows(self, *, exchange_id: str | None, session_id: str | None) -> bool:
        """Tell whether an exchange of this id, or of this session, is in the log."""
        with self._database.reading() as session:
            return bool(session.run(_KNOWN, (exchange_id, session_id)))

    def scores(self) -> dict[str, float]:
        """Give the mean score of each exchange with feedback."""
        with self._database.reading() as session:
            return {str(name): float(score or 0) for name, score in session.run(_SCORES)}

    def spending(self, router: str, since: Seconds, lately: Seconds) -> Spending:
        """Give what `router` has spent since `since`, and how many exchanges it had since `lately`."""
        with self._database.reading() as session:
            ((spent, unknown),) = session.run(_SPENT, (router, since))
            ((recent,),) = session.run(_RECENT, (router, lately))
        return Spending(spent=int(spent or 0), unknown=int(unknown or 0), recent=int(recent or 0))

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()


def _write(session: Session, entries: Sequence[Entry]) -> None:
    rows: dict[str, list[tuple[Value, ...]]] = {_EXCHANGE: [], _ATTEMPT: [], _JUDGEMENT: []}
    for entry in entries:
        match entry:
            case Row():
                rows[_EXCHANGE].append(_flat(structs.astuple(entry)))
            case LedgerRow():
                rows[_ATTEMPT].append(_flat(structs.astuple(entry)))
            case Feedback():
                rows[_JUDGEMENT].append(tuple(getattr(entry, name) for name in _FEEDBACK))
    for statement, values in rows.items():
        if values:
            session.run_many(statement, values)


def _flat(values: tuple[Any, ...]) -> tuple[Value, ...]:
    """Write truth as a number: the same in every database."""
    return tuple(int(each) if isinstance(each, bool) else each for each in values)


def row_of(values: tuple[Any, ...]) -> Row:
    """Give the exchange whose columns these are, in the order of `Row`."""
    fields = dict(zip(_COLUMNS, values, strict=True))
    for name in _FLAGS:
        fields[name] = None if fields[name] is None else bool(fields[name])
    return Row(**fields)
