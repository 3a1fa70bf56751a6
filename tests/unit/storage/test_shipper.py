"""What is in the log gets into the store, whatever happens in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from gearshift.storage.shipper import Shipper
from gearshift.storage.store import row
from gearshift.storage.tail import EXCHANGE, FINISHED, STARTED, record
from gearshift.storage.wal import Wal
from tests.fakes.nouns import exchange, ledger_row, under_way
from tests.fakes.sink import MemorySink


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PAUSE", "AWAY"):
        monkeypatch.setattr(f"gearshift.storage.shipper.{name}", 0.005)
    monkeypatch.setattr("gearshift.storage.shipper.ADOPT", 0.05)


def test_what_is_written_is_shipped_and_can_be_waited_for(tmp_path: Path) -> None:
    wal, sink = Wal(tmp_path), MemorySink()
    shipper = Shipper(tmp_path, wal.folder, sink)
    shipper.start()
    for number in range(100):
        wal.write(record(FINISHED, ledger_row(number)))
    assert shipper.wait(wal.end, 5)
    assert len(sink.ledger) == 100
    assert shipper.close(wal.end)
    wal.close()
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_away_loses_nothing_and_is_not_waited_for_for_ever(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wal, sink = Wal(tmp_path), MemorySink()
    sink.away = True
    shipper = Shipper(tmp_path, wal.folder, sink)
    shipper.start()
    wal.write(record(FINISHED, ledger_row()))
    assert not shipper.wait(wal.end, 0.1)
    assert shipper.failing
    wal.write(record(EXCHANGE, row(exchange())))
    sink.away = False
    assert shipper.wait(wal.end, 5)
    assert not shipper.failing
    assert (set(sink.ledger), set(sink.exchanges)) == ({"x-1"}, {"x"})
    assert [each.getMessage() for each in caplog.records if each.name == "gearshift.storage"] == [
        "store_failing",
        "store_recovered",
    ]
    shipper.close(wal.end)
    wal.close()


def test_a_row_that_no_store_can_hold_is_given_up_alone(tmp_path: Path) -> None:
    wal, sink = Wal(tmp_path), MemorySink()
    sink.refused = {"x-2"}
    wal.write(b"".join(record(FINISHED, ledger_row(number)) for number in (1, 2, 3)))
    shipper = Shipper(tmp_path, wal.folder, sink)
    shipper.start()
    assert shipper.wait(wal.end, 5)
    assert (set(sink.ledger), shipper.given_up) == ({"x-1", "x-3"}, 1)
    shipper.close(wal.end)
    wal.close()


def test_what_a_dead_process_left_is_adopted_once(tmp_path: Path) -> None:
    dead = Wal(tmp_path)
    dead.write(record(STARTED, under_way(1)) + record(FINISHED, ledger_row(1)) + record(STARTED, under_way(2)))
    dead.close()
    wal, sink = Wal(tmp_path), MemorySink()
    shipper = Shipper(tmp_path, wal.folder, sink)
    shipper.start()
    while dead.folder.exists():
        shipper.wait(wal.end, 0.01)
    assert {each.id: each.state for each in sink.ledger.values()} == {"x-1": "finished", "x-2": "unknown"}
    assert sink.ledger["x-2"].bound == 50_000
    assert sink.exchanges["x"].outcome == "unknown"
    shipper.close(wal.end)
    wal.close()


def test_what_the_store_does_not_take_before_we_end_is_left_for_the_next(tmp_path: Path) -> None:
    wal, sink = Wal(tmp_path), MemorySink()
    sink.away = True
    wal.write(record(FINISHED, ledger_row()))
    shipper = Shipper(tmp_path, wal.folder, sink)
    shipper.start()
    assert not shipper.wait(wal.end, 0.05)
    assert not shipper.close(wal.end)
    wal.close()
    sink.away = False
    after = Wal(tmp_path)
    again = Shipper(tmp_path, after.folder, sink)
    again.start()
    while wal.folder.exists():
        again.wait(after.end, 0.01)
    assert set(sink.ledger) == {"x-1"}
    again.close(after.end)
    after.close()


def test_a_fault_of_our_own_ends_a_round_not_the_shipping(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wal, sink = Wal(tmp_path), MemorySink()
    write = sink.write
    broken = [True]

    def fail(entries: object) -> None:
        if broken.pop() if broken else False:
            raise KeyError("a bug")
        write(entries)  # type: ignore[arg-type]

    sink.write = fail  # type: ignore[method-assign]
    shipper = Shipper(tmp_path, wal.folder, sink)
    shipper.start()
    wal.write(record(FINISHED, ledger_row()))
    assert shipper.wait(wal.end, 5)
    assert set(sink.ledger) == {"x-1"}
    assert "shipping_failed" in caplog.text
    shipper.close(wal.end)
    wal.close()
