"""What is SQLite's own; what every store must do is in `tests/contract/test_store.py`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gearshift.errors import ConfigError, RowRefused, StoreUnavailable
from gearshift.storage.sqlite import SQLite, unusable
from gearshift.storage.versions import VERSION


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gearshift.db"


@pytest.fixture
def database(path: Path) -> Iterator[SQLite]:
    made = SQLite(path)
    yield made
    made.close()


def test_it_is_in_wal_mode_and_a_commit_survives_a_power_cut(database: SQLite, path: Path) -> None:
    with database.reading() as session:
        assert session.run("PRAGMA journal_mode") == [("wal",)]
        assert session.run("PRAGMA synchronous") == [(2,)]  # FULL
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_what_fails_in_the_middle_is_not_kept(database: SQLite) -> None:
    insert = "INSERT INTO teams (id, name, created, revision) VALUES (?, ?, ?, ?)"
    with pytest.raises(RowRefused), database.writing() as session:
        session.run_many(insert, [("a", "A", 1.0, 1), ("b", "B", 1.0, 2**70)])
    with database.reading() as session:
        assert session.run("SELECT id FROM teams") == []


@pytest.mark.parametrize("poison", ["\ud800", 2**70, "x" * 10])
def test_a_value_that_it_cannot_hold_is_the_row_s_own_fault(database: SQLite, poison: str | int) -> None:
    if poison == "x" * 10:  # a name that is there already
        with database.writing() as session:
            session.run("INSERT INTO teams (id, name, created, revision) VALUES (?, 'A', 1, 1)", (poison,))
    with pytest.raises(RowRefused, match="SQLite cannot hold"), database.writing() as session:
        session.run("INSERT INTO teams (id, name, created, revision) VALUES (?, 'A', 1, 1)", (poison,))


def test_a_disk_that_is_full_is_a_store_that_is_away(database: SQLite) -> None:
    with database.reading() as session:
        pages = session.run("PRAGMA page_count")[0][0]
        assert isinstance(pages, int)

    def fill() -> None:
        with database.writing() as session:
            session.run(f"PRAGMA max_page_count={pages}")
            session.run("INSERT INTO teams (id, name, created, revision) VALUES ('a', ?, 1, 1)", ("x" * 100_000,))

    with pytest.raises(StoreUnavailable, match="full"):
        fill()
    with database.writing() as session:
        session.run("INSERT INTO teams (id, name, created, revision) VALUES ('a', 'A', 1, 1)")


def test_another_writer_s_lock_is_waited_for_then_the_store_is_away(
    database: SQLite, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.close()
    monkeypatch.setattr("gearshift.storage.sqlite.BUSY_SECONDS", 0.05)
    database = SQLite(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"), database.writing() as session:
            session.run("DELETE FROM teams")
        other.rollback()
    with database.writing() as session:
        session.run("DELETE FROM teams")


def test_a_file_of_a_newer_schema_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version=99")
    with pytest.raises(ConfigError, match="schema version 99"):
        SQLite(path)


def test_a_file_that_is_no_database_or_is_broken_is_refused_and_the_way_to_save_it_is_said(path: Path) -> None:
    path.write_text("this is no database" * 1000)
    with pytest.raises(ConfigError, match=r"cannot open .*sqlite3 .* \.recover"):
        SQLite(path)
    assert ".recover" in unusable(path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="writable"):
        SQLite(tmp_path / "nowhere" / "gearshift.db")


def test_a_log_that_cannot_be_read_is_unavailable_not_empty(database: SQLite, path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE exchanges")
    with pytest.raises(StoreUnavailable, match="cannot be read"), database.reading() as session:
        session.run("SELECT 1 FROM exchanges")


def test_a_place_for_a_store_is_looked_at_and_left_alone(tmp_path: Path) -> None:
    fresh, folder, text = tmp_path / "new.db", tmp_path / "folder", tmp_path / "text.db"
    folder.mkdir()
    text.write_text("no database at all, and long enough to be read as a header" * 20)
    made = SQLite(tmp_path / "made.db")
    made.close()
    newer = sqlite3.connect(tmp_path / "newer.db")
    newer.execute("PRAGMA user_version=99")
    newer.close()
    assert unusable(fresh) == unusable(tmp_path / "made.db") == ""
    assert not fresh.exists()
    assert unusable(tmp_path / "nowhere" / "x.db").startswith(f"store: found no folder {tmp_path / 'nowhere'}")
    for path in (folder, text):
        assert unusable(path).startswith(f"store: cannot open {path} (")
    assert "has schema version 99, which" in unusable(tmp_path / "newer.db")
