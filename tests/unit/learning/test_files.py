from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec import Struct

from gearshift.errors import DataError
from gearshift.learning.files import convert, records, rows, write_parquet


class Line(Struct):
    name: str
    size: float | None = None


def test_parquet_and_json_lines_give_the_same_rows(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", {"name": ["x", "y"], "size": [1.5, None], "more": [1, 2]})
    (tmp_path / "a.jsonl").write_text('{"name": "x", "size": 1.5}\n\n{"name": "y", "more": 2}\n')
    expected = [Line(name="x", size=1.5), Line(name="y")]
    assert [row for _, row in rows(tmp_path / "a.parquet", Line)] == expected
    assert [row for _, row in rows(tmp_path / "a.jsonl", Line)] == expected
    assert [number for number, _ in rows(tmp_path / "a.jsonl", Line)] == [1, 3]
    assert not list(tmp_path.glob("*.part"))


def failure(path: Path) -> str:
    with pytest.raises(DataError) as raised:
        list(rows(path, Line))
    assert str(path) in raised.value.message
    return raised.value.message


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    assert "found a directory" in failure(tmp_path)
    assert "found no file" in failure(tmp_path / "absent.parquet")
    (tmp_path / "a.csv").write_text("name\n")
    assert "found the ending '.csv'" in failure(tmp_path / "a.csv")


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"size": [1.0]}), tmp_path / "a.parquet")
    assert "found columns size; expected also name" in failure(tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text('{"size": 1}\n')
    assert "row 1, object missing required field `name`" in failure(tmp_path / "a.jsonl")


def test_broken_content_is_named_with_its_row(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"name": "x"}\n{"name": "\xff"}\n')
    assert "row 2: found byte 0xff at position 10; expected UTF-8" in failure(path)
    path.write_bytes(b'{"name": "x"}\n{"name": \n')
    assert "row 2: found no valid JSON" in failure(path)
    path.write_bytes(b"[1, 2]\n")
    assert "row 1, expected `object`" in failure(path)
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nothing of the kind")
    assert "found no readable Parquet file" in failure(tmp_path / "a.parquet")


def test_a_wrong_type_is_named_with_its_column(tmp_path: Path) -> None:
    pq.write_table(pa.table({"name": ["x", "y"], "size": ["1", "z"]}), tmp_path / "a.parquet")
    assert "row 1, column size: expected `float | null`, got `str`" in failure(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="here, column name: expected `str`, got `int`"):
        convert({"name": 1}, Line, "here")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", b"\xef\xbb\xbfx,y\r\n1,\r\n", [(1, {"x": "1", "y": ""})]),
        ("a.csv", b"", []),
        ("a.csv", b"x\n", []),
        ("a.jsonl", b'{"x": 1}\n\n{"y": [2]}\n', [(1, {"x": 1}), (3, {"y": [2]})]),
    ],
)
def test_records_have_whatever_columns_there_are(
    tmp_path: Path, name: str, content: bytes, expected: list[tuple[int, dict[str, object]]]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert list(records(path)) == expected


def test_records_of_parquet_have_all_columns(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", {"x": [1, None], "y|z": ["a", "b"]})
    assert list(records(tmp_path / "a.parquet")) == [(1, {"x": 1, "y|z": "a"}), (2, {"x": None, "y|z": "b"})]


def test_records_of_another_ending_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(DataError, match=r"found the ending '.txt'; expected .csv, .parquet, .jsonl or .ndjson$"):
        list(records(tmp_path / "a.txt"))
    with pytest.raises(DataError, match="found no file"):
        list(records(tmp_path / "b.csv"))
