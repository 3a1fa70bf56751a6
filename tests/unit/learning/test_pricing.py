from __future__ import annotations

import numpy as np
import pytest

from gearshift.learning.data import table_of
from gearshift.learning.pricing import charges, price_prior


def test_list_prices_are_worked_out_from_costs() -> None:
    rng = np.random.default_rng(0)
    rows = [
        {
            "prompt": f"p{number}",
            "model": model,
            "score": 1.0,
            "input_tokens": (asked := int(rng.integers(10, 900))),
            "output_tokens": (said := int(rng.integers(10, 900))),
            "cost_usd": (asked * 0.15 + said * 0.6) / 1e6 if model == "priced" else None,
        }
        for number in range(30)
        for model in ("free?", "priced")
    ]
    unknown, known = charges(table_of(rows))
    assert unknown.price() is None
    assert known.input_price == pytest.approx(0.15)
    assert known.output_price == pytest.approx(0.6)
    price = known.price()
    assert price is not None
    assert (price.rates.input, price.rates.output) == (150_000_000, 600_000_000)


def test_a_price_never_falls_below_zero() -> None:
    rows = [
        {
            "prompt": f"p{n}",
            "model": "m",
            "score": 1.0,
            "input_tokens": n,
            "output_tokens": 1000 - n,
            "cost_usd": (1000 - n) * 1e-6,
        }
        for n in range(1, 40)
    ]
    (charge,) = charges(table_of(rows))
    assert charge.input_price == pytest.approx(0, abs=1e-9)
    assert charge.output_price == pytest.approx(1.0)


def test_a_cost_without_tokens_becomes_the_price_of_an_answer() -> None:
    (charge,) = charges(table_of([{"prompt": "p", "model": "m", "score": 1.0, "cost_usd": 0.0256}]))
    price = charge.price()
    assert price is not None
    assert price.rates.output == 100_000_000_000  # 256 tokens


def test_dear_models_are_expected_to_be_able() -> None:
    dollars = np.array([0.1, 0.2, 0.5, 1.0, 5.0, 20.0, np.nan])
    prior = price_prior(dollars, np.array([-0.2, -0.15, -0.05, 0.0, 0.15, 0.25, 0.9]))
    assert prior.slope > 0.05
    assert prior.intercept == pytest.approx(0, abs=0.05)


def test_prices_that_say_nothing_say_nothing() -> None:
    assert price_prior(np.array([1.0, 2.0]), np.array([0.1, 0.2])).slope == 0
    falling = price_prior(np.array([0.1, 0.3, 1, 3, 10, 30]), np.linspace(0.3, -0.3, 6))
    assert falling.slope == 0
    assert falling.std > 0.1
