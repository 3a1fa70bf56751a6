"""A store's URL means a database, or a fault that says what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gearshift.errors import ConfigError, DataError
from gearshift.storage.opening import open_database, open_log, unusable
from tests.fakes.postgres import Server


def test_each_kind_is_opened(tmp_path: Path, postgres: Server) -> None:
    for url, dialect in ((f"sqlite:///{tmp_path / 'x.db'}", "sqlite"), (postgres.fresh(), "postgresql")):
        assert unusable(url) == ""
        database = open_database(url)
        assert database.dialect == dialect
        database.close()
        open_log(url).close()


def test_a_log_that_nobody_has_written_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected that of a gateway that has served"):
        open_log(f"sqlite:///{tmp_path / 'x.db'}")
    assert list(tmp_path.iterdir()) == []


def test_without_the_driver_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gearshift.storage.postgres", None)
    assert "gearshift[postgres]" in unusable("postgresql://gearshift@db/gearshift")
    with pytest.raises(ConfigError, match=r"gearshift\[postgres\]"):
        open_database("postgresql://gearshift@db/gearshift")
