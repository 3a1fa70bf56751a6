from __future__ import annotations

from math import inf, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.learning.estimators import Array
from gearshift.learning.guarantee import accepted, needed, p_values, upper_bounds, wilson

CONFIDENCE = 0.95


def losses(rng: np.random.Generator, shape: tuple[int, int], worse: float, better: float) -> Array:
    """Draw losses of 1 with probability `worse`, of -1 with `better`, else 0."""
    draw = rng.random(shape)
    return np.where(draw < worse, 1.0, np.where(draw < worse + better, -1.0, 0.0))


@pytest.mark.parametrize(("n", "worse", "better"), [(200, 0.05, 0.0), (500, 0.2, 0.15), (2000, 0.3, 0.25)])
def test_a_mean_at_the_limit_passes_at_most_as_often_as_promised(n: int, worse: float, better: float) -> None:
    drawn = losses(np.random.default_rng(1), (n, 2000), worse, better)
    assert (p_values(drawn, 0.05, CONFIDENCE) <= 1 - CONFIDENCE).mean() <= 1 - CONFIDENCE


def test_a_skewed_loss_passes_at_most_as_often_as_promised() -> None:
    rare = losses(np.random.default_rng(2), (300, 2000), 0.02, 0.0)
    assert (p_values(rare, 0.02, CONFIDENCE) <= 1 - CONFIDENCE).mean() <= 1 - CONFIDENCE


def test_a_mean_well_below_the_limit_passes() -> None:
    drawn = losses(np.random.default_rng(3), (2000, 200), 0.1, 0.12)
    assert (p_values(drawn, 0.02, CONFIDENCE) <= 1 - CONFIDENCE).mean() > 0.95


def test_without_any_loss_a_few_hundred_questions_are_enough_and_a_hundred_are_not() -> None:
    none = np.zeros((400, 1))
    assert needed(none, 0.02, CONFIDENCE)[0] == pytest.approx(log(20) / log(1 + 0.75 * 0.02 / 0.98), abs=1)
    assert p_values(none[:100], 0.02, CONFIDENCE)[0] > 0.05
    assert p_values(none, 0.02, CONFIDENCE)[0] < 0.05


@pytest.mark.parametrize("limit", [-0.05, 0.0, 0.03, 0.2, 1.0])
def test_the_bound_is_where_the_test_begins_to_pass(limit: float) -> None:
    drawn = losses(np.random.default_rng(4), (300, 50), 0.1, 0.15)
    passes = p_values(drawn, limit, CONFIDENCE) <= 1 - CONFIDENCE
    bounds = upper_bounds(drawn, CONFIDENCE)
    assert passes.tolist() == (bounds <= limit).tolist()
    assert (bounds > drawn.mean(axis=0)).all()


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30), st.floats(-1, 1), st.floats(0.5, 0.999))
def test_p_values_and_bounds_are_in_range_and_more_is_easier(found: list[float], limit: float, level: float) -> None:
    drawn = np.array(found)[:, None]
    p = p_values(drawn, limit, level)[0]
    assert 0 <= p <= 1
    assert p_values(drawn, min(1.0, limit + 0.1), level)[0] <= p + 1e-12
    assert -1 <= upper_bounds(drawn, level)[0] <= 1


def test_a_setting_after_one_that_fails_is_not_accepted() -> None:
    assert accepted(np.array([0.001, 0.05, 0.051, 0.0]), CONFIDENCE) == 2
    assert accepted(np.array([0.2, 0.0]), CONFIDENCE) == 0
    assert accepted(np.array([0.0, 0.0]), CONFIDENCE) == 2


def test_the_number_needed_is_about_what_it_takes() -> None:
    rng = np.random.default_rng(5)
    count = needed(losses(rng, (20_000, 1), 0.1, 0.1), 0.03, CONFIDENCE)[0]
    passing = p_values(losses(rng, (int(1.3 * count), 400), 0.1, 0.1), 0.03, CONFIDENCE) <= 0.05
    failing = p_values(losses(rng, (int(0.3 * count), 400), 0.1, 0.1), 0.03, CONFIDENCE) <= 0.05
    assert passing.mean() > 0.5 > failing.mean()


def test_no_number_is_enough_where_the_mean_is_above_the_limit() -> None:
    assert needed(np.array([[1.0, 0.0]] * 5), 0.02, CONFIDENCE).tolist()[0] == inf


def test_the_interval_of_a_share() -> None:
    assert wilson(0, 100) == pytest.approx((0.0, 0.0370), abs=1e-4)
    assert wilson(50, 1000) == pytest.approx((0.0381, 0.0653), abs=1e-4)
    assert wilson(7, 7)[1] == 1.0
