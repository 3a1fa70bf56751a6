"""A segment is read whole and right, or ends."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.storage.segment import MAX_RECORD, Damaged, framed, needed, records

PAYLOADS = st.lists(st.binary(max_size=200), max_size=8)


@given(PAYLOADS, st.data())
def test_a_file_that_was_cut_anywhere_gives_the_records_before_the_cut(
    payloads: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(framed(b"S", each) for each in payloads)
    cut = data.draw(st.integers(0, len(whole)))
    found = list(records(whole[:cut], 16))
    assert [each.payload for each in found] == payloads[: len(found)]
    assert sum(len(framed(b"S", each)) for each in payloads[: len(found) + 1]) > cut or len(found) == len(payloads)
    assert all(each.kind == b"S" for each in found)


@given(PAYLOADS.filter(bool), st.data())
def test_no_flipped_bit_is_taken_for_a_record(payloads: list[bytes], data: st.DataObject) -> None:
    whole = bytearray(b"".join(framed(b"S", each) for each in payloads))
    at, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    whole[at] ^= 1 << bit
    found: list[bytes] = []
    with suppress(Damaged):
        found.extend(each.kind + each.payload for each in records(bytes(whole), 0))
    assert found == [b"S" + each for each in payloads[: len(found)]]
    assert len(found) < len(payloads)


def test_an_offset_counts_from_the_beginning_of_the_file() -> None:
    first, second = framed(b"S", b"ab"), framed(b"F", b"")
    assert [each.end for each in records(first + second, 16)] == [16 + len(first), 16 + len(first) + len(second)]


def test_a_length_beyond_all_bounds_is_damage() -> None:
    with pytest.raises(Damaged):
        list(records((MAX_RECORD + 1).to_bytes(4, "little") + b"\1" * 100, 0))
    with pytest.raises(ValueError, match="expected at most"):
        framed(b"S", bytes(MAX_RECORD + 1))


def test_how_much_a_record_needs_is_known_from_its_head() -> None:
    made = framed(b"S", bytes(100))
    assert needed(made[:20]) == len(made)
    assert needed(made[:5]) == 0
