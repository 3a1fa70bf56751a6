"""Own the files that outcome data is kept in: rows out of Parquet, JSON lines or CSV, forecasts into Parquet.

Invariant: every fault is a `DataError` that names the file, the row (from 1) and the column.
pyarrow is imported here only, and only when a Parquet file is touched.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from gearshift.errors import DataError

JSON_LINES: Final = frozenset({".jsonl", ".ndjson"})
PARQUET: Final = ".parquet"
CSV: Final = ".csv"
_BATCH: Final = 8192
_MAX_LINE: Final = 64 * 2**20

Row = TypeVar("Row", bound=Struct)


def rows(path: Path, kind: type[Row]) -> Iterator[tuple[int, Row]]:
    """Read a file row by row, as structs of `kind`; columns that it does not have are ignored.

    Raises
    ------
    DataError
        Not a file, not readable, not of the format its name says, a required column missing, a value of a wrong type.
    """
    _check_file(path)
    if path.suffix in JSON_LINES:
        found = _json_lines(path)
    elif path.suffix == PARQUET:
        found = _parquet(path, {field.name: field.required for field in msgspec.structs.fields(kind)})
    else:
        raise DataError(
            f"{path}: found the ending {path.suffix or 'none'!r}; expected .parquet, {' or '.join(sorted(JSON_LINES))}"
        )
    for number, record in found:
        yield number, convert(record, kind, f"{path}: row {number}")


def records(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    """Read a file row by row with whatever columns it has; of CSV every value is text.

    Raises
    ------
    DataError
        Not a file, not readable, not of the format its name says.
    """
    _check_file(path)
    if path.suffix in JSON_LINES:
        found = _json_lines(path)
    elif path.suffix == PARQUET:
        found = _parquet(path, None)
    elif path.suffix == CSV:
        found = _csv(path)
    else:
        expected = f"{CSV}, {PARQUET}, {' or '.join(sorted(JSON_LINES))}"
        todo = "; pickles are never read: write it anew with pandas' to_parquet" if path.suffix == ".pkl" else ""
        raise DataError(f"{path}: found the ending {path.suffix or 'none'!r}; expected {expected}{todo}")
    for number, record in found:
        if not isinstance(record, dict):
            raise DataError(f"{path}: row {number}: found a {type(record).__name__}; expected an object")
        yield number, record


def convert(record: object, kind: type[Row], where: str) -> Row:
    """Check one record; raise DataError naming `where` and the column."""
    try:
        return msgspec.convert(record, kind)
    except msgspec.ValidationError as fault:
        raise DataError(f"{where}, {_column(fault)}") from fault


def write_parquet(path: Path, columns: Mapping[str, Sequence[object]]) -> None:
    """Write columns of equal length, whole or not at all."""
    arrow, parquet = _pyarrow(path)
    part = path.with_name(path.name + ".part")
    parquet.write_table(arrow.table(dict(columns)), part, compression="zstd")
    part.replace(path)


def _check_file(path: Path) -> None:
    if not path.is_file():
        found = "a directory" if path.is_dir() else "no file"
        raise DataError(f"{path}: found {found}; expected a Parquet (.parquet) or JSON lines (.jsonl) file")


def _column(fault: msgspec.ValidationError) -> str:
    """Say `column score: expected ...` for msgspec's `Expected ... - at `$.score``."""
    said, _, where = str(fault).partition(" - at `$")
    name = where.strip("`").lstrip(".")
    if name:
        return f"column {name}: {said[:1].lower()}{said[1:]}"
    return f"{said[:1].lower()}{said[1:]}"


def _json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    decoder = json.JSONDecoder(parse_constant=float)  # NaN and Infinity reach the checks of the values
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(_MAX_LINE), b""), start=1):
            try:
                text = line.decode()
                if text.strip():
                    yield number, decoder.decode(text.strip())
            except UnicodeDecodeError as fault:
                raise DataError(
                    f"{path}: row {number}: found byte 0x{line[fault.start]:02x} at position {fault.start}; "
                    "expected UTF-8"
                ) from fault
            except json.JSONDecodeError as fault:
                raise DataError(
                    f"{path}: row {number}: found no valid JSON ({fault.msg} at position {fault.pos}); "
                    "expected one JSON object per line"
                ) from fault


def _csv(path: Path) -> Iterator[tuple[int, Any]]:
    csv.field_size_limit(_MAX_LINE)  # 128 KiB by default, which a recorded answer may exceed
    number = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True)
            names = next(lines, [])
            if repeated := sorted({name for name in names if names.count(name) > 1}):
                raise DataError(f"{path}: found the column {repeated[0]} twice; expected each once")
            for number, values in enumerate(lines, start=1):
                if len(values) != len(names):
                    found = f"found {len(values)} values; expected {len(names)}, one for each column"
                    raise DataError(f"{path}: row {number}: {found}")
                yield number, dict(zip(names, values, strict=True))
    except (csv.Error, UnicodeDecodeError) as fault:
        raise DataError(
            f"{path}: row {number + 1}: found no valid CSV ({fault}); expected UTF-8 and RFC 4180"
        ) from fault


def _parquet(path: Path, fields: Mapping[str, bool] | None) -> Iterator[tuple[int, Any]]:
    """Read columns by name, each with whether it must be there; None: all that there are."""
    arrow, parquet = _pyarrow(path)
    try:
        file = parquet.ParquetFile(path)
        names = file.schema_arrow.names
        missing = [name for name, required in (fields or {}).items() if required and name not in names]
        if missing:
            raise DataError(f"{path}: found columns {', '.join(names)}; expected also {', '.join(missing)}")
        number = 0
        for batch in file.iter_batches(_BATCH, columns=[name for name in names if fields is None or name in fields]):
            for record in batch.to_pylist():
                number += 1
                yield number, record
    except (arrow.ArrowException, UnicodeDecodeError, OSError) as fault:
        raise DataError(f"{path}: found no readable Parquet file ({str(fault)[:200]})") from fault


def _pyarrow(path: Path) -> tuple[Any, Any]:
    """Import what the extra `train` brings."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - JSON lines do not need it
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as fault:
        raise DataError(f"{path}: found no pyarrow to handle Parquet; do: pip install 'gearshift[train]'") from fault
    return pa, pq
