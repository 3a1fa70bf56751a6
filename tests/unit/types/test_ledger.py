"""The ledger's row is written as a list: its order is a form that other versions read."""

from __future__ import annotations

import msgspec

from gearshift.types.ledger import LedgerRow
from tests.fakes.nouns import ledger_row

FORM = (
    "id exchange_id created ended deployment model provider key team user_id router tags purpose state status error "
    "billing estimated input_tokens output_tokens cache_read_tokens cache_write_tokens reasoning_tokens cost bound"
)


def test_fields_are_only_ever_added_at_the_end() -> None:
    names = [each.name for each in msgspec.structs.fields(LedgerRow)]
    assert names[: len(FORM.split())] == FORM.split()


def test_what_a_later_version_adds_is_passed_over() -> None:
    later = msgspec.msgpack.encode([*msgspec.structs.astuple(ledger_row()), "something new"])
    assert msgspec.msgpack.decode(later, type=LedgerRow) == ledger_row()
