from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from gearshift.catalog import pricefile
from gearshift.catalog.pricebook import shipped
from gearshift.errors import ConfigError

PAYLOAD = json.dumps(
    [
        {
            "id": "acme",
            "name": "Acme",
            "api_pattern": "https://acme",
            "models": [{"id": "m", "match": {"equals": "m"}, "prices": {"input_mtok": 1, "output_mtok": 2}}],
        }
    ]
).encode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "prices.json"


def wrote(path: Path, **changes: object) -> None:
    pricefile.write(path, PAYLOAD, source="https://prices.example/data.json", date="2026-11-27")
    if changes:
        file = msgspec.json.decode(path.read_bytes(), type=pricefile.PriceFile)
        path.write_bytes(msgspec.json.encode({**msgspec.structs.asdict(file), **changes}))


def test_what_was_written_is_read_back(path: Path) -> None:
    wrote(path)
    book = pricefile.load(path)
    assert (book.source, book.date, book.models) == ("https://prices.example/data.json", "2026-11-27", 1)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_without_a_file_the_shipped_prices_hold(path: Path) -> None:
    assert pricefile.load(path) is shipped()


def test_a_later_version_of_the_package_has_later_prices(path: Path) -> None:
    wrote(path, beside="genai-prices 0.1.0")
    assert pricefile.load(path) is shipped()


@pytest.mark.parametrize("changes", [{"form": 2}, {"sha256": "0"}, {"prices": []}, {"date": 7}, {"prices": None}])
def test_a_file_that_was_changed_is_refused(path: Path, changes: dict[str, object]) -> None:
    wrote(path, **changes)
    with pytest.raises(ConfigError, match="gearshift catalog update") as caught:
        pricefile.load(path)
    assert caught.value.faults[0].startswith(f"catalog: {path} cannot be used: ")


@pytest.mark.parametrize("content", [b"", b"garbage", b"[" * 100_000])
def test_a_broken_file_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="found no file of prices"):
        pricefile.load(path)


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "prices.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        wrote(tmp_path / "prices.json")
    assert [each.name for each in tmp_path.iterdir()] == ["prices.json"]
