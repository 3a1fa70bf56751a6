"""A folder is read once, in order, while it grows and after its writer died."""

from __future__ import annotations

from pathlib import Path

import pytest

from gearshift.storage.segment import framed
from gearshift.storage.store import Row, row
from gearshift.storage.tail import EXCHANGE, FEEDBACK, FINISHED, STARTED, Entry, Tail, record
from gearshift.storage.wal import Wal, segment_path, segments
from gearshift.types.ledger import LedgerRow
from gearshift.types.record import Feedback
from tests.fakes.nouns import exchange, ledger_row, under_way


def drain(tail: Tail) -> list[Entry]:
    """Read all that is there, as if the store took it."""
    found: list[Entry] = []
    while True:
        before, batch = tail.shipped, tail.read()
        found += batch.entries
        tail.advance(batch)
        if batch.end == before:
            return found


def test_what_is_written_while_it_is_read_comes_out_once_and_in_order(tmp_path: Path) -> None:
    wal = Wal(tmp_path)
    tail = Tail(wal.folder)
    assert drain(tail) == []
    wal.write(record(STARTED, under_way()))
    assert drain(tail) == []
    wal.write(record(FINISHED, ledger_row()) + record(EXCHANGE, row(exchange())))
    assert drain(tail) == [ledger_row(), row(exchange())]
    given = Feedback(created=1.0, score=0.5, exchange_id="x")
    wal.write(record(FEEDBACK, given))
    assert drain(tail) == [given]
    assert tail.shipped == wal.end
    assert tail.last_words() == []
    wal.close()


def test_an_attempt_that_was_under_way_is_left_unknown_and_its_exchange_has_a_row(tmp_path: Path) -> None:
    wal = Wal(tmp_path)
    wal.write(record(STARTED, under_way(1)) + record(FINISHED, ledger_row(1)) + record(STARTED, under_way(2)))
    wal.write(record(STARTED, under_way(3, exchange_id="y")) + record(FINISHED, ledger_row(3, exchange_id="y")))
    wal.close()
    tail = Tail(wal.folder)
    assert drain(tail) == [ledger_row(1), ledger_row(3, exchange_id="y")]
    left = tail.last_words()
    assert [each for each in left if isinstance(each, LedgerRow)] == [under_way(2)]
    rows = {each.id: each for each in left if isinstance(each, Row)}
    assert rows["x"].cost is None
    assert rows["y"].cost == 20_000
    assert all((each.outcome, each.error) == ("unknown", "gateway_died") for each in rows.values())


def test_a_segment_stays_until_what_began_in_it_has_ended(tmp_path: Path) -> None:
    wal = Wal(tmp_path, segment_bytes=1)  # each record has one of its own, from the second on
    tail = Tail(wal.folder)
    wal.write(record(STARTED, under_way()))
    wal.write(record(FEEDBACK, Feedback(created=1.0, score=1.0)))
    drain(tail)
    assert segments(wal.folder) == [2, 3]
    wal.write(record(FINISHED, ledger_row()))
    drain(tail)
    assert segments(wal.folder) == [2, 3, 4]  # its exchange is not recorded yet
    wal.write(record(EXCHANGE, row(exchange())))
    drain(tail)
    assert segments(wal.folder) == [5]
    wal.close()


def test_a_torn_end_costs_only_what_was_being_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wal = Wal(tmp_path, segment_bytes=1)
    wal.write(record(FINISHED, ledger_row(1)) + record(FINISHED, ledger_row(2))[:-3])
    wal.write(record(FINISHED, ledger_row(3)))
    wal.close()
    tail = Tail(wal.folder)
    assert drain(tail) == [ledger_row(1), ledger_row(3)]
    assert "wal_torn" in caplog.text
    tail.bury()
    assert [each.name for each in wal.folder.glob("*.damaged")] == ["00000002.damaged"]


def test_damage_in_the_middle_loses_the_rest_of_that_segment_and_keeps_its_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wal = Wal(tmp_path)
    wal.write(record(FINISHED, ledger_row(1)) + record(FINISHED, ledger_row(2)) + record(FINISHED, ledger_row(3)))
    wal.close()
    path = segment_path(wal.folder, 1)
    data = bytearray(path.read_bytes())
    data[data.index(b"x-2")] ^= 1
    path.write_bytes(data)
    tail = Tail(wal.folder)
    assert drain(tail) == [ledger_row(1)]
    assert "wal_damaged" in caplog.text
    tail.bury()
    assert [each.name for each in wal.folder.iterdir()] == ["00000001.damaged"]


def test_a_record_longer_than_a_chunk_and_one_of_a_later_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gearshift.storage.tail.CHUNK", 64)
    wal = Wal(tmp_path)
    long = row(exchange(prompt="p" * 5000))
    wal.write(framed(b"Z", b"?") + record(EXCHANGE, long) + record(FINISHED, ledger_row()))
    assert drain(Tail(wal.folder)) == [long, ledger_row()]
    assert "wal_unknown_kind" in caplog.text
    wal.close()


def test_a_finished_folder_is_gone(tmp_path: Path) -> None:
    wal = Wal(tmp_path)
    wal.write(record(FINISHED, ledger_row()))
    wal.close()
    tail = Tail(wal.folder)
    drain(tail)
    tail.bury()
    assert list(tmp_path.iterdir()) == []
