"""The statements; what they do on each database is in `tests/contract/test_store.py`."""

from __future__ import annotations

from msgspec import structs

from gearshift.storage import log
from gearshift.storage.schema import exchanges, feedback, ledger
from gearshift.storage.store import Row
from gearshift.types.ledger import LedgerRow
from gearshift.types.record import Feedback


def test_every_field_has_its_column() -> None:
    for noun, table in ((Row, exchanges), (LedgerRow, ledger), (Feedback, feedback)):
        names = {each.name for each in structs.fields(noun)}
        assert names <= set(table.c.keys()), noun


def test_values_are_bound_never_written() -> None:
    assert log._EXCHANGE.count("?") == len(structs.fields(Row))  # noqa: SLF001
    assert log._ATTEMPT.count("?") == len(structs.fields(LedgerRow))  # noqa: SLF001
