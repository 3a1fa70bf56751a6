"""Own what is asked of the ledger: what was used and spent, by any dimension and stretch of time.

Invariant: a cost that is not known is counted apart (`unknown`), never as 0; names of columns come from a list of ours,
values are bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

from msgspec import Struct

from gearshift.errors import InvalidRequest
from gearshift.storage.database import Database, Dialect, Value
from gearshift.types.catalog import NanoUSD, Seconds

COLUMNS: Final[dict[str, str]] = {
    "key": "key",
    "team": "team",
    "user": "user_id",
    "router": "router",
    "model": "model",
    "provider": "provider",
    "deployment": "deployment",
    "purpose": "purpose",
    "status": "status",
    "billing": "billing",
}
PERIODS: Final[dict[str, dict[Dialect, str]]] = {
    name: {
        "sqlite": f"strftime('{lite}', created, 'unixepoch')",
        "postgresql": f"to_char(to_timestamp(created) AT TIME ZONE 'UTC', '{full}')",
    }
    for name, lite, full in (
        ("hour", "%Y-%m-%dT%H:00Z", 'YYYY-MM-DD"T"HH24:00"Z"'),
        ("day", "%Y-%m-%d", "YYYY-MM-DD"),
        ("month", "%Y-%m", "YYYY-MM"),
    )
}
_TAG: Final[dict[Dialect, str]] = {
    "sqlite": "EXISTS (SELECT 1 FROM json_each(coalesce(tags, '{}')) t WHERE t.key = ? AND t.value = ?)",
    "postgresql": "CAST(coalesce(tags, '{}') AS json) ->> CAST(? AS text) = ?",
}
"""Whether a row has a tag of this name and value."""
MAX_ROWS: Final = 10_000
_SUMS: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost")
_COST: Final = 2 + len(_SUMS)
"""The place of the cost behind the groups."""


class Usage(Struct, frozen=True, kw_only=True):
    """Hold what was used under one combination of dimensions; `cost` is nano-USD, of the attempts whose cost is known.

    `unknown` counts the others, `bound` is the most that these cost where that is known; `estimated` counts attempts
    whose tokens we counted.
    """

    group: dict[str, str | None]
    attempts: int
    exchanges: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost: NanoUSD
    estimated: int
    unknown: int
    bound: NanoUSD


def usage(
    database: Database,
    *,
    by: Sequence[str] = (),
    since: Seconds = 0.0,
    until: Seconds | None = None,
    where: Mapping[str, str] | None = None,
) -> list[Usage]:
    """Sum up the ledger, dearest first; times are seconds since the epoch, `until` is left out itself.

    Raises InvalidRequest for a dimension that there is not.
    """
    groups = [_column(each, database.dialect) for each in by]
    clauses, values = ["created >= ?"], cast("list[Value]", [since])
    if until is not None:
        clauses.append("created < ?")
        values.append(until)
    for name, wanted in (where or {}).items():
        if name == "tag":
            clauses.append(_TAG[database.dialect])
            values.extend(wanted.partition("=")[::2])
            continue
        clauses.append(f"{_column(name, database.dialect)} = ?")
        values.append(int(wanted) if name == "status" and wanted.isdecimal() else wanted)
    query = f"SELECT {_select(groups)} FROM ledger WHERE {' AND '.join(clauses)}"  # noqa: S608 - our names
    if groups:
        query += (
            f" GROUP BY {', '.join(str(number + 1) for number in range(len(groups)))} ORDER BY 8 DESC LIMIT {MAX_ROWS}"
        )
    query = query.replace("ORDER BY 8", f"ORDER BY {len(groups) + 8}")
    with database.reading() as session:
        rows = session.run(query, values)
    return [_usage(by, row) for row in rows]


def _column(name: str, dialect: Dialect) -> str:
    if name in COLUMNS:
        return COLUMNS[name]
    if name in PERIODS:
        return PERIODS[name][dialect]
    known = ", ".join((*COLUMNS, *PERIODS))
    raise InvalidRequest(f"by: found {name[:40]!r}, expected some of {known}", param="by")


def _select(groups: Sequence[str]) -> str:
    sums = [f"CAST(coalesce(sum({name}), 0) AS BIGINT)" for name in _SUMS]
    counts = [
        "CAST(coalesce(sum(CASE WHEN estimated = 1 THEN 1 ELSE 0 END), 0) AS BIGINT)",
        "CAST(coalesce(sum(CASE WHEN cost IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT)",
        "CAST(coalesce(sum(CASE WHEN cost IS NULL THEN bound ELSE 0 END), 0) AS BIGINT)",
    ]
    return ", ".join((*groups, "count(*)", "count(DISTINCT exchange_id)", *sums, *counts))


def _usage(by: Sequence[str], row: tuple[Value, ...]) -> Usage:
    names = ("attempts", "exchanges", *_SUMS, "estimated", "unknown", "bound")
    found = dict(zip(names, (int(each or 0) for each in row[len(by) :]), strict=True))
    group = {name: None if value is None else str(value) for name, value in zip(by, row, strict=False)}
    return Usage(group=group, **found)
