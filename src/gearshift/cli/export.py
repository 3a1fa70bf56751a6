"""Own `gearshift export`: the log as outcome data, Parquet or JSON lines by the file's ending."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from gearshift import documents
from gearshift.cli import stretch
from gearshift.cli.inspect import find_config
from gearshift.errors import DataError

if TYPE_CHECKING:
    from gearshift.storage.store import LogReader, Row

_BATCH: Final = 10_000
COLUMNS: Final = {
    "prompt_id": "text",
    "prompt": "text",
    "model": "text",
    "score": "number",
    "dataset": "text",
    "task": "text",
    "cost_usd": "number",
    "input_tokens": "whole",
    "output_tokens": "whole",
    "latency_s": "number",
    "created": "number",
    "deployment": "text",
    "propensity": "number",
    "reason": "text",
    "outcome": "text",
    "status": "whole",
    "session_id": "text",
    "predicted_quality": "number",
    "baseline_cost_usd": "number",
    "decision": "text",
    "attempts": "text",
}
"""Every column of the export and its kind."""


def export(
    out: Annotated[Path, typer.Option(help="File to write: .parquet or .jsonl.")],
    since: Annotated[str | None, typer.Option(help="Only the last stretch of time, such as 7d or 12h.")] = None,
    config: Annotated[Path | None, typer.Option(help="Config file; default: as serve.")] = None,
    scored: Annotated[bool, typer.Option("--scored", help="Only what has feedback: what `train` learns from.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Write the answered exchanges of the log, one row each, as `gearshift train` reads them, with all else beside."""
    from gearshift.storage.opening import open_log

    if out.suffix not in _WRITERS:
        raise DataError(f"--out: found the ending {out.suffix!r}, expected {' or '.join(_WRITERS)}")
    start = time.time() - stretch.seconds(since, "--since") if since else 0.0
    store = open_log(find_config(config).store)
    try:
        count = _WRITERS[out.suffix](out, outcomes(store, start, scored=scored))
        unanswered = sum(row.model is None for row in store.exchanges(start))
    finally:
        store.close()
    summary = {"rows": count, "file": str(out), "unanswered": unanswered}
    left_out = f"; left out {unanswered} exchanges that no model answered" if unanswered else ""
    typer.echo(msgspec.json.encode(summary).decode() if as_json else f"wrote {count} rows to {out}{left_out}")


def outcomes(store: LogReader, since: float, *, scored: bool = False) -> Iterator[dict[str, Any]]:
    """Give the answered exchanges as outcome rows; `score` needs feedback, `prompt` content logging; else None.

    `scored`: those with a score only.
    """
    scores = store.scores()
    for row in store.exchanges(since):
        if row.model is not None and (row.id in scores or not scored):
            yield _outcome(row, scores.get(row.id))


def _outcome(row: Row, score: float | None) -> dict[str, Any]:
    return {
        "prompt_id": row.id,
        "prompt": row.prompt,
        "model": row.model,
        "score": score,
        "dataset": "gearshift-log",
        "task": row.router,
        "cost_usd": documents.usd(row.cost),
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "latency_s": row.duration,
        "created": row.created,
        "deployment": row.deployment,
        "propensity": row.propensity,
        "reason": row.reason,
        "outcome": row.outcome,
        "status": row.status,
        "session_id": row.session,
        "predicted_quality": row.quality,
        "baseline_cost_usd": documents.usd(row.baseline_cost),
        "decision": row.decision,
        "attempts": row.attempts,
    }


def _write_jsonl(out: Path, rows: Iterable[dict[str, Any]]) -> int:
    count = 0
    with out.open("wb") as file:
        for row in rows:
            file.write(msgspec.json.encode(row) + b"\n")
            count += 1
    return count


def _write_parquet(out: Path, rows: Iterable[dict[str, Any]]) -> int:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise DataError("Parquet needs pyarrow: pip install 'gearshift[train]', or write .jsonl") from error
    kinds = {"text": pa.string(), "number": pa.float64(), "whole": pa.int64()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    count = 0
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        batch: list[dict[str, Any]] = []
        for row in rows:
            batch.append(row)
            count += 1
            if len(batch) == _BATCH:
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))
                batch = []
        writer.write_table(pa.Table.from_pylist(batch, schema=schema))
    return count


_WRITERS: Final = {".parquet": _write_parquet, ".jsonl": _write_jsonl}
