"""The store as the gateway has it: what is written by the journal can be read from the log."""

from __future__ import annotations

from pathlib import Path

from gearshift.types.record import Feedback, Spending
from tests.fakes.house import open_store
from tests.fakes.nouns import exchange, ledger_row, under_way


def test_what_is_told_can_be_asked_for(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.started(under_way())
    store.finished(ledger_row())
    store.append(exchange("x", session="s", created=5.0))
    store.feedback(Feedback(created=6.0, score=0.5, exchange_id="x"))
    assert store.flush(5)
    row = store.exchange("x")
    assert row is not None
    assert [each.id for each in store.exchanges(5.0)] == ["x"]
    assert store.knows(exchange_id=None, session_id="s")
    assert store.scores() == {"x": 0.5}
    assert store.spending("auto", 0.0, 0.0) == Spending(spent=20_000, recent=1)
    store.close()
