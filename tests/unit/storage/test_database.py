"""Both databases are behind the one door."""

from __future__ import annotations

from pathlib import Path

from gearshift.storage.database import Database
from gearshift.storage.postgres import Postgres
from gearshift.storage.sqlite import SQLite
from tests.fakes.postgres import Server


def test_the_same_statements_are_understood_behind_it(tmp_path: Path, postgres: Server) -> None:
    doors: list[Database] = [SQLite(tmp_path / "x.db"), Postgres(postgres.fresh())]
    for door in doors:
        with door.writing() as session:
            session.run("INSERT INTO settings (name, value, revision) VALUES (?, ?, ?)", ("a", "b", 3))
        with door.reading() as session:
            assert session.run("SELECT name, value, revision FROM settings WHERE name = ?", ("a",)) == [("a", "b", 3)]
        assert "@" not in door.place
        door.close()
