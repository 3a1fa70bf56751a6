"""What is SQLite's own; what every store must do is in `tests/contract/test_store.py`."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gearshift.errors import ConfigError, StoreUnavailable
from gearshift.storage import sqlite
from gearshift.storage.sqlite import SQLiteStore, unusable
from gearshift.types.chat import Usage
from gearshift.types.record import Feedback
from tests.fakes.nouns import attempt, exchange


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gearshift.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    made = SQLiteStore(path)
    yield made
    made.close()


class Disk:
    """Be a disk that can fail: `broken` makes every write fail as a full one does."""

    def __init__(self, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
        self.broken = True
        self.tries = 0
        commit = store._commit  # noqa: SLF001 - the one place where the disk is touched

        def committing(entries: list[sqlite.Entry]) -> None:
            self.tries += 1
            if self.broken and entries:
                raise sqlite3.OperationalError("database or disk is full")
            commit(entries)

        monkeypatch.setattr(store, "_commit", committing)


def until(true: Callable[[], bool]) -> None:
    """Wait for the writer, at most five seconds."""
    end = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_it_is_in_wal_mode(store: SQLiteStore, path: Path) -> None:
    del store
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("PRAGMA user_version").fetchone() == (sqlite.SCHEMA_VERSION,)


def test_rows_are_written_without_anybody_asking(store: SQLiteStore) -> None:
    store.append(exchange("x"))
    until(lambda: store.exchange("x") is not None)


def test_appending_never_waits_for_the_disk(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(store, "_commit", lambda _entries: gate.wait(5))
    began = time.monotonic()
    for number in range(1000):
        store.append(exchange(f"x{number}"))
    assert time.monotonic() - began < 1
    assert not store.flush(0.1)
    gate.set()


def test_a_failing_disk_keeps_the_rows_and_they_are_written_later(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="gearshift.storage")
    disk = Disk(store, monkeypatch)
    store.append(exchange("a"))
    assert not store.flush(0.1)
    assert store.failing
    store.append(exchange("b"))
    store.feedback(Feedback(created=1.0, score=1.0, exchange_id="a"))
    until(lambda: disk.tries > 2)
    assert store.exchange("a") is None
    disk.broken = False
    assert store.flush(5)
    assert not store.failing
    assert [row.id for row in store.exchanges()] == ["a", "b"]
    assert store.scores() == {"a": 1.0}
    assert store.given_up == 0
    assert [record.getMessage() for record in caplog.records] == ["store_failing", "store_recovered"]


def test_a_flush_that_waits_returns_when_the_disk_is_back(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(store, monkeypatch)
    store.append(exchange("a"))
    done: list[bool] = []
    waiter = threading.Thread(target=lambda: done.append(store.flush()))
    waiter.start()
    until(lambda: disk.tries > 1)
    assert done == []
    disk.broken = False
    waiter.join(5)
    assert done == [True]


def test_when_too_many_rows_wait_the_oldest_are_given_up_and_counted(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "MAX_QUEUED", 10)
    disk = Disk(store, monkeypatch)
    for number in range(25):
        store.append(exchange(f"x{number:02}"))
    until(lambda: store.given_up == 15)
    disk.broken = False
    assert store.flush(5)
    assert [row.id for row in store.exchanges()] == [f"x{number:02}" for number in range(15, 25)]


@pytest.mark.parametrize("poison", [{"requested_model": "\ud800"}, {"session": "\ud800"}, {"cost": 10**30}])
def test_a_row_that_no_disk_can_hold_does_not_stop_the_others(store: SQLiteStore, poison: dict[str, object]) -> None:
    store.append(exchange("a"))
    store.append(exchange("poison", None, **poison))
    store.append(exchange("b"))
    assert store.flush(5)
    assert [row.id for row in store.exchanges()] == ["a", "b"]
    assert store.given_up == 1
    assert not store.failing


def test_a_number_that_an_upstream_made_up_does_not_stop_the_writer(store: SQLiteStore) -> None:
    store.append(exchange("huge", [attempt(usage=Usage(input_tokens=10**40))]))
    assert store.flush(5)
    store.append(exchange("a"))
    assert store.flush(5)
    assert store.exchange("a") is not None


def test_closing_on_a_broken_disk_ends_and_says_what_was_lost(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = SQLiteStore(path)
    Disk(store, monkeypatch)
    store.append(exchange("a"))
    store.close()
    assert store.given_up == 1
    assert "store_rows_given_up" in [record.getMessage() for record in caplog.records]
    assert not store.flush(5)


def test_a_log_line_holds_no_content(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Disk(store, monkeypatch)
    store.append(exchange("a", prompt="a secret prompt"))
    store.flush(0.1)
    assert caplog.records
    assert all("secret prompt" not in str(vars(record)) for record in caplog.records)


def test_another_writer_s_lock_is_waited_for(store: SQLiteStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        store.append(exchange("a"))
        assert not store.flush(0.1)
        other.rollback()
    assert store.flush(5)
    assert store.exchange("a") is not None


def test_a_file_of_a_newer_schema_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version=99")
    with pytest.raises(ConfigError, match="schema version 99"):
        SQLiteStore(path)


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_text("this is no database" * 1000)
    with pytest.raises(ConfigError, match="cannot open"):
        SQLiteStore(path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="writable"):
        SQLiteStore(tmp_path / "nowhere" / "gearshift.db")


def test_a_log_that_cannot_be_read_is_unavailable_not_empty(store: SQLiteStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE exchanges")
        database.execute("DROP TABLE feedback")
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        store.exchange("x")
    with pytest.raises(StoreUnavailable):
        store.knows(exchange_id="x", session_id=None)
    with pytest.raises(StoreUnavailable):
        store.scores()


def test_a_file_may_be_opened_by_many_at_once(path: Path) -> None:
    stores: list[SQLiteStore] = []
    openers = [threading.Thread(target=lambda: stores.append(SQLiteStore(path))) for _ in range(8)]
    for opener in openers:
        opener.start()
    for opener in openers:
        opener.join(20)
    assert len(stores) == 8
    for store in stores:
        store.close()


def test_a_place_for_a_store_is_looked_at_and_left_alone(tmp_path: Path) -> None:
    fresh, folder, text = tmp_path / "new.db", tmp_path / "folder", tmp_path / "text.db"
    folder.mkdir()
    text.write_text("no database at all, and long enough to be read as a header" * 20)
    made = SQLiteStore(tmp_path / "made.db")
    made.close()
    newer = sqlite3.connect(tmp_path / "newer.db")
    newer.execute("PRAGMA user_version=99")
    newer.close()
    assert unusable(fresh) == unusable(tmp_path / "made.db") == ""
    assert not fresh.exists()
    assert unusable(tmp_path / "nowhere" / "x.db").startswith(f"store: found no folder {tmp_path / 'nowhere'}")
    for path in (folder, text):
        assert unusable(path).startswith(f"store: cannot open {path} (")
    assert "has schema version 99, expected" in unusable(tmp_path / "newer.db")
