from __future__ import annotations

import pytest

from gearshift.catalog.changes import changes
from gearshift.types.catalog import Price, Rates, Tier
from tests.fakes.nouns import deployment


def price(input_: int, output: int, cached: int | None = None, tier: int | None = None, source: str = "a") -> Price:
    tiers = () if tier is None else (Tier(above_input_tokens=100, rates=Rates(input=tier, output=tier)),)
    return Price(rates=Rates(input=input_, output=output, cache_read=cached), tiers=tiers, source=source)


@pytest.mark.parametrize(
    ("old", "new", "large"),
    [
        (price(10, 20), price(11, 20), False),
        (price(10, 20), price(100, 200), False),
        (price(10, 20), price(101, 20), True),
        (price(10, 20), price(10, 1), True),
        (price(10, 20), price(0, 20), True),
        (price(0, 0), price(0, 20), True),
        (price(10, 20), None, True),
        (None, price(10, 20), False),
        (price(10, 20, cached=1), price(10, 20), False),
        (price(10, 20, cached=1), price(11, 20), True),  # no cache rate: charged as input
        (price(10, 20, tier=20), price(10, 20, tier=300), True),
        (price(10, 20, tier=20), price(10, 20), False),
    ],
)
def test_a_change_is_large_beyond_ten_times_to_free_and_to_unknown(
    old: Price | None, new: Price | None, large: bool
) -> None:
    (found,) = changes([deployment(price=old)], [deployment(price=new)])
    assert (found.deployment, found.before, found.after, found.large) == ("lab/small", old, new, large)


@pytest.mark.parametrize("same", [None, price(1, 2), price(1, 2, tier=3)])
def test_what_charges_the_same_is_no_change_wherever_it_comes_from(same: Price | None) -> None:
    other = None if same is None else price(1, 2, tier=3 if same.tiers else None, source="b")
    assert changes([deployment(price=same)], [deployment(price=other)]) == ()


@pytest.mark.parametrize(
    ("before", "after", "large"), [(30, None, True), (None, 30, False), (30, 31, False), (1, 30, True)]
)
def test_the_rate_of_an_hour_is_not_known_where_only_it_is_not_said(
    before: int | None, after: int | None, large: bool
) -> None:
    old, new = (
        Price(rates=Rates(input=10, output=20, cache_write=12, cache_write_1h=hour), source="a")
        for hour in (before, after)
    )
    (found,) = changes([deployment(price=old)], [deployment(price=new)])
    assert found.large == large
