from __future__ import annotations

import pytest

from gearshift.learning.manifest import Charge


def test_a_charge_becomes_a_price_for_forecasts() -> None:
    price = Charge(input_price=0.5, output_price=1.5, cost_usd=0.01).price()
    assert price is not None
    assert (price.rates.input, price.rates.output) == (500_000_000, 1_500_000_000)


def test_a_mean_cost_alone_is_the_price_of_an_answer() -> None:
    price = Charge(cost_usd=0.00256).price()
    assert price is not None
    assert price.rates.input == 0
    assert price.rates.output == pytest.approx(10_000_000_000)


def test_nothing_known_is_no_price() -> None:
    assert Charge().price() is None
    assert Charge(input_price=1.0).price() is None
