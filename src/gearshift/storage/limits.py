"""Own limits as they are kept: made, listed, ended; and what the ledger says was used of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from gearshift.errors import UnknownRecord
from gearshift.storage.database import Database, Value
from gearshift.storage.directory import changing, new_id
from gearshift.storage.usage import usage
from gearshift.types.budget import Limit
from gearshift.types.catalog import Seconds

_COLUMNS: Final = "id, scope_kind, scope_value, unit, amount, period, calendar, mode, on_loss, created"


class LimitBook:
    """Keep limits in a database; `wall_clock` is seconds since the epoch."""

    def __init__(self, database: Database, wall_clock: Callable[[], Seconds]) -> None:
        """Take the database."""
        self._database = database
        self._now = wall_clock

    def limits(self) -> list[Limit]:
        """List all that hold."""
        query = f"SELECT {_COLUMNS} FROM budgets WHERE deleted IS NULL ORDER BY id"  # noqa: S608 - our names
        with self._database.reading() as session:
            return [_limit(row) for row in session.run(query)]

    def make(self, actor: str, limit: Limit) -> Limit:
        """Make a limit as `limit` says, but for its id."""
        made = msgspec.structs.replace(limit, id=new_id("lim", self._now()), created=self._now())
        detail = {"kind": made.kind, "scope": made.scope, "unit": made.unit, "amount": made.amount}
        with changing(self._database, self._now(), (actor, "budget.create", made.id), detail) as (session, revision):
            session.run(
                f"INSERT INTO budgets ({_COLUMNS}, revision) VALUES ({', '.join('?' * 11)})",  # noqa: S608 - our names
                (*_flat(made), revision),
            )
        return made

    def change(self, actor: str, name: str, amount: int) -> Limit:
        """Raise or lower a limit; what was counted stays."""
        self.limit(name)
        with changing(self._database, self._now(), (actor, "budget.update", name), {"amount": amount}) as (session, n):
            session.run("UPDATE budgets SET amount = ?, revision = ? WHERE id = ?", (amount, n, name))
        return self.limit(name)

    def end(self, actor: str, name: str) -> None:
        """Let a limit hold no more."""
        self.limit(name)
        with changing(self._database, self._now(), (actor, "budget.delete", name), {}) as (session, revision):
            session.run("UPDATE budgets SET deleted = ?, revision = ? WHERE id = ?", (self._now(), revision, name))

    def limit(self, name: str) -> Limit:
        """Give a limit; raise UnknownRecord where there is none."""
        query = f"SELECT {_COLUMNS} FROM budgets WHERE id = ? AND deleted IS NULL"  # noqa: S608 - our names
        with self._database.reading() as session:
            found = session.run(query, (name,))
        if not found:
            raise UnknownRecord(f"found no budget {name[:100]!r}; list them to see which there are")
        return _limit(found[0])

    def spent(self, limit: Limit, since: Seconds) -> int:
        """Give what the ledger says was used of a limit; a cost that is not known counts as the most that it can be."""
        where: Mapping[str, str] = {} if limit.kind == "all" else {limit.kind: limit.scope}
        (found,) = usage(self._database, since=since, where=where)
        match limit.unit:
            case "usd":
                return found.cost + found.bound
            case "requests":
                return found.attempts if limit.kind in {"model", "provider"} else found.exchanges
            case "input_tokens":
                return found.input_tokens
            case "output_tokens":
                return found.output_tokens
            case "concurrent":
                return 0


def _flat(limit: Limit) -> tuple[Value, ...]:
    period: tuple[Value, ...] = (limit.period, int(limit.calendar))
    return (
        limit.id,
        limit.kind,
        limit.scope,
        limit.unit,
        limit.amount,
        *period,
        limit.mode,
        limit.on_loss,
        limit.created,
    )


def _limit(row: tuple[Value, ...]) -> Limit:
    fields = dict(zip(Limit.__struct_fields__, row, strict=True))
    return msgspec.convert({**fields, "calendar": bool(fields["calendar"])}, Limit)
