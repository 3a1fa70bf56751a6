"""Own how the log is looked through: exchanges by what they are of, newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from msgspec import structs

from gearshift.errors import InvalidRequest
from gearshift.storage.database import Database, Value
from gearshift.storage.log import row_of
from gearshift.storage.store import Row
from gearshift.types.catalog import Seconds

FILTERS: Final = {
    "key": "key",
    "team": "team",
    "user": "user_id",
    "router": "router",
    "model": "model",
    "provider": "provider",
    "outcome": "outcome",
    "error": "error",
    "session": "session",
    "status": "status",
}
MAX_PAGE: Final = 200
_COLUMNS: Final = ", ".join(each.name for each in structs.fields(Row))


def exchanges(
    database: Database,
    *,
    since: Seconds = 0.0,
    before: Seconds | None = None,
    limit: int = 50,
    where: Mapping[str, str] | None = None,
) -> list[Row]:
    """List exchanges created at or after `since` and before `before`; raise InvalidRequest for an unknown filter."""
    clauses, values = ["created >= ?"], cast("list[Value]", [since])
    if before is not None:
        clauses.append("created < ?")
        values.append(before)
    for name, wanted in (where or {}).items():
        if name not in FILTERS:
            raise InvalidRequest(f"found the filter {name[:40]!r}, expected some of {', '.join(FILTERS)}", param=name)
        clauses.append(f"{FILTERS[name]} = ?")
        values.append(int(wanted) if name == "status" and wanted.isdecimal() else wanted)
    query = f"SELECT {_COLUMNS} FROM exchanges WHERE {' AND '.join(clauses)} ORDER BY created DESC LIMIT ?"  # noqa: S608
    with database.reading() as session:
        return [row_of(each) for each in session.run(query, (*values, min(limit, MAX_PAGE)))]
