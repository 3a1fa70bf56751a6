"""An old store is brought to our version and loses nothing; a new one is the same as an old one brought there."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, inspect

from gearshift.storage import sqlite
from gearshift.storage.log import Log
from gearshift.storage.opening import open_database
from gearshift.storage.schema import metadata
from gearshift.storage.versions import VERSION, statements, upgrade, verdict
from tests.fakes.postgres import Server
from tools.build_schema import statements as built

OLD = Path(__file__).parent / "version_1.sql"
"""A file of version 1 as the gateway of that time wrote it (`.dump` of two exchanges and a judgement)."""


def old_file(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(OLD.read_text(encoding="utf-8"))
        database.execute("PRAGMA user_version=1")


def shape(url: str) -> dict[str, object]:
    """Give what a database looks like: tables, their columns and indexes."""
    engine = create_engine(url)
    found = inspect(engine)
    made = {
        table: (
            sorted(str(column["name"]) for column in found.get_columns(table)),
            sorted(str(index["name"]) for index in found.get_indexes(table) if not index.get("duplicates_constraint")),
        )
        for table in found.get_table_names()
        if table != "alembic_version"
    }
    engine.dispose()
    return dict(made)


def test_a_file_of_version_1_is_brought_up_to_date_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "gearshift.db"
    old_file(path)
    log = Log(open_database(f"sqlite:///{path}"))
    rows = list(log.exchanges())
    assert [row.id for row in rows] == ["old-1", "old-2"]
    assert (rows[0].prompt, rows[0].cost, rows[1].outcome) == ("a prompt", 20_000, "failed")
    assert json.loads(rows[0].attempts)[0]["id"] == "x-1"
    assert log.scores() == {"old-1": 0.5}
    log.close()
    assert sqlite.unusable(path) == ""


def test_an_old_file_brought_up_to_date_is_as_a_new_one(tmp_path: Path) -> None:
    old_file(tmp_path / "old.db")
    for name in ("old", "new"):
        open_database(f"sqlite:///{tmp_path / name}.db").close()
    assert shape(f"sqlite:///{tmp_path / 'old.db'}") == shape(f"sqlite:///{tmp_path / 'new.db'}")


def test_the_migrations_lead_to_the_schema_on_postgresql_too(postgres: Server) -> None:
    migrated, fresh = postgres.fresh(), postgres.fresh()
    open_database(fresh).close()
    with psycopg.connect(migrated) as connection:
        for each in built("postgresql").split(";"):
            if " exchanges " in each.split("(")[0] or " feedback " in each.split("(")[0]:
                if "team TEXT" in each:  # as version 1 had it
                    each = each[: each.index("  team TEXT")] + "  UNIQUE (id)\n)"  # noqa: PLW2901
                if "feedback_exchange" not in each:
                    connection.execute(each)
    upgrade(migrated.replace("postgresql://", "postgresql+psycopg://"), 1)
    urls = [each.replace("postgresql://", "postgresql+psycopg://") for each in (migrated, fresh)]
    assert shape(urls[0]) == shape(urls[1])


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_what_makes_a_new_store_is_written_from_the_schema(dialect: str) -> None:
    made = "\n".join(statements(dialect))  # type: ignore[arg-type]
    for table in metadata.tables:
        assert f"CREATE TABLE {table} (" in made
    assert f"VALUES ({VERSION}, " in made


def test_who_may_work_on_which_version() -> None:
    assert verdict("here", None) == ""
    assert verdict("here", (1, 1)) == ""
    assert verdict("here", (VERSION + 3, VERSION)) == ""
    assert "use the gearshift that wrote it" in verdict("here", (VERSION + 3, VERSION + 1))
