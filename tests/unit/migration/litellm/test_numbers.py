from __future__ import annotations

from decimal import Decimal

import pytest

from gearshift.migration.litellm.numbers import number, plain, whole


@pytest.mark.parametrize(
    ("value", "found"),
    [(3, "3"), (1.5e-07, "1.5e-7"), ("6e-7", "6e-7"), (" 30 ", "30"), (-1, "-1"), (0.1, "0.1")],
)
def test_a_number_is_what_was_written(value: object, found: str) -> None:
    assert number(value) == Decimal(found)


@pytest.mark.parametrize(
    "value",
    [True, None, "", "x", "nan", float("nan"), float("inf"), [], {}, "1" * 41, 10**50, "1e999999999", "1e-99999"],
)
def test_what_is_none_or_too_long_to_count_is_refused(value: object) -> None:
    assert number(value) is None
    assert whole(value) is None


@pytest.mark.parametrize(
    ("value", "found"), [(7, 7), ("7", 7), (7.0, 7), (0, None), (-7, None), (7.5, None), (2**53, None)]
)
def test_whole_numbers_above_zero(value: object, found: int | None) -> None:
    assert whole(value) == found


def test_whole_ones_are_written_without_a_point() -> None:
    assert repr(plain(Decimal("2.0"))) == "2"
    assert repr(plain(Decimal("0.15"))) == "0.15"
