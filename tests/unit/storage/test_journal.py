"""No call is made that is not written down, and nothing that was written is forgotten."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from gearshift.errors import LedgerUnavailable
from gearshift.storage.journal import Journal
from gearshift.storage.wal import Wal
from gearshift.types.record import Feedback
from tests.fakes.nouns import exchange, ledger_row, under_way
from tests.fakes.sink import MemorySink


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Give what says whether the disk is full."""
    write, said = Wal.write, [False]

    def maybe(wal: Wal, data: bytes) -> None:
        if said[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(wal, data)

    monkeypatch.setattr(Wal, "write", maybe)
    monkeypatch.setattr("gearshift.storage.journal.RETRY", 0.01)
    return said


def test_all_that_is_told_is_in_the_store_after_a_flush(tmp_path: Path) -> None:
    sink = MemorySink()
    journal = Journal(tmp_path, sink)
    journal.started(under_way())
    journal.finished(ledger_row())
    journal.append(exchange())
    journal.feedback(Feedback(created=1.0, score=0.5, exchange_id="x"))
    assert journal.flush(5)
    assert (sink.ledger["x-1"], set(sink.exchanges), len(sink.feedback)) == (ledger_row(), {"x"}, 1)
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_closing_writes_what_is_queued(tmp_path: Path) -> None:
    sink = MemorySink()
    journal = Journal(tmp_path, sink)
    for number in range(500):
        journal.append(exchange(f"x{number}"))
    journal.close()
    assert len(sink.exchanges) == 500


def test_a_full_disk_refuses_calls_and_forgets_none_that_was_made(tmp_path: Path, full: list[bool]) -> None:
    sink = MemorySink()
    journal = Journal(tmp_path, sink)
    journal.started(under_way(1))
    full[0] = True
    with pytest.raises(LedgerUnavailable, match="No space left on device"):
        journal.started(under_way(2))
    journal.finished(ledger_row(1))
    journal.append(exchange())
    assert not journal.flush(0.1)
    assert journal.failing
    full[0] = False
    assert journal.flush(5)
    assert not journal.failing
    assert (set(sink.ledger), set(sink.exchanges), journal.given_up) == ({"x-1"}, {"x"}, 0)
    journal.close()


def test_where_the_operator_prefers_it_calls_are_made_and_counted(tmp_path: Path, full: list[bool]) -> None:
    sink = MemorySink()
    journal = Journal(tmp_path, sink, when_full="count")
    full[0] = True
    journal.started(under_way())
    assert journal.unrecorded == 1
    journal.finished(ledger_row())
    full[0] = False
    assert journal.flush(5)
    assert set(sink.ledger) == {"x-1"}
    journal.close()


def test_what_waits_for_a_disk_is_bounded(tmp_path: Path, full: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gearshift.storage.journal.MAX_QUEUED", 10)
    sink = MemorySink()
    journal = Journal(tmp_path, sink)
    full[0] = True
    for number in range(30):
        journal.append(exchange(f"x{number}"))
    while journal.given_up < 20:
        journal.flush(0.02)
    full[0] = False
    assert journal.flush(5)
    assert set(sink.exchanges) == {f"x{number}" for number in range(20, 30)}
    journal.close()


def test_a_row_that_cannot_be_written_is_given_up_alone(tmp_path: Path) -> None:
    sink = MemorySink()
    journal = Journal(tmp_path, sink)
    journal.append(exchange("bad", cost=2**70))
    journal.append(exchange("good"))
    assert journal.flush(5)
    assert (set(sink.exchanges), journal.given_up) == ({"good"}, 1)
    journal.close()


def test_a_store_that_is_away_at_the_end_gets_it_from_the_next_process(tmp_path: Path) -> None:
    sink = MemorySink()
    sink.away = True
    journal = Journal(tmp_path, sink)
    journal.finished(ledger_row())
    journal.close()
    sink.away = False
    again = Journal(tmp_path, sink)
    while not sink.ledger:
        again.flush(0.05)
    again.close()
    assert set(sink.ledger) == {"x-1"}
