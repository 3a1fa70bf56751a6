from __future__ import annotations

from pathlib import Path

import pytest

from gearshift.errors import InvalidRequest
from gearshift.storage.history import exchanges
from gearshift.storage.log import Log
from gearshift.storage.sqlite import SQLite
from gearshift.storage.store import row
from tests.fakes.nouns import exchange


def test_exchanges_are_listed_newest_first_by_what_they_are_of(tmp_path: Path) -> None:
    database = SQLite(tmp_path / "x.db")
    made = [exchange(f"x{number}", created=float(number), key="a" if number % 2 else "b") for number in range(10)]
    Log(database).write([row(each) for each in made])
    assert [each.id for each in exchanges(database, limit=3)] == ["x9", "x8", "x7"]
    assert [each.id for each in exchanges(database, before=7.0, limit=2)] == ["x6", "x5"]
    assert [each.id for each in exchanges(database, since=6.0, where={"key": "a"})] == ["x9", "x7"]
    assert exchanges(database, where={"key": "' OR 1=1 --"}) == []
    with pytest.raises(InvalidRequest, match="expected some of key"):
        exchanges(database, where={"prompt": "x"})
    database.close()
