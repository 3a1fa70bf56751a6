"""What is PostgreSQL's own; what every store must do is in `tests/contract/test_store.py`."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from gearshift.errors import ConfigError, RowRefused, StoreUnavailable
from gearshift.storage.postgres import Postgres, unusable
from tests.fakes.postgres import Server
from tests.fakes.upstream import closed_port

INSERT = "INSERT INTO teams (id, name, created, revision) VALUES (?, ?, 1, ?)"


@pytest.fixture
def url(postgres: Server) -> str:
    return postgres.fresh()


@pytest.fixture
def database(url: str) -> Iterator[Postgres]:
    made = Postgres(url)
    yield made
    made.close()


def test_what_fails_in_the_middle_is_not_kept(database: Postgres) -> None:
    with pytest.raises(RowRefused, match="PostgreSQL cannot hold"), database.writing() as session:
        session.run_many(INSERT, [("a", "A", 1), ("b", "B", 2**70)])
    with database.reading() as session:
        assert session.run("SELECT id FROM teams") == []


def test_a_percent_sign_and_a_null_character_are_text(database: Postgres) -> None:
    with database.writing() as session:
        session.run_many(INSERT, [("a", "100 %s", 1), ("b", "a\x00b", 1)])
        assert session.run("SELECT name FROM teams WHERE name LIKE '%s'") == [("100 %s",)]
        assert session.run("SELECT name FROM teams WHERE id = ?", ("b",)) == [("a\ufffdb",)]


def test_connections_that_the_server_closed_are_not_used_again(database: Postgres, url: str) -> None:
    with database.writing() as session:
        session.run(INSERT, ("a", "A", 1))
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gearshift'")
    with pytest.raises(StoreUnavailable, match="cannot be read"), database.reading() as session:
        session.run("SELECT 1")
    with database.reading() as session:
        assert session.run("SELECT id FROM teams") == [("a",)]


def test_a_statement_that_hangs_ends(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gearshift.storage.postgres.STATEMENT_SECONDS", 0.05)
    database = Postgres(url)
    with pytest.raises(StoreUnavailable, match="QueryCanceled"), database.reading() as session:
        session.run("SELECT pg_sleep(10)")
    database.close()


def test_a_server_that_does_not_know_us_is_a_fault_told_without_a_secret(url: str) -> None:
    nowhere = url.replace("/made_", "/nowhere_").replace("postgres@", "postgres:hunter2@")
    with pytest.raises(ConfigError, match=r"cannot use PostgreSQL at .*/nowhere_\d+ \(.*does not exist") as caught:
        Postgres(nowhere)
    assert "expected a PostgreSQL server" in unusable(nowhere)
    assert "hunter2" not in str(caught.value) + unusable(nowhere)


def test_a_server_that_is_away_is_come_back_to(caplog: pytest.LogCaptureFixture) -> None:
    database = Postgres(f"postgresql://someone:hunter2@127.0.0.1:{closed_port()}/gearshift")
    with pytest.raises(StoreUnavailable, match="cannot be read"), database.reading() as session:
        session.run("SELECT 1")
    with pytest.raises(StoreUnavailable, match="cannot be written"), database.writing() as session:
        session.run("SELECT 1")
    assert "store_away" in caplog.text
    assert "hunter2" not in str([vars(each) for each in caplog.records])
    database.close()
