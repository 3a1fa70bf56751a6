from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gearshift.learning import metrics
from gearshift.learning.metrics import Hull, bootstrap, hull

UNIT = st.floats(0, 1)
POINTS = st.lists(st.tuples(st.floats(0.001, 10), UNIT), min_size=1, max_size=12)


def mean(sample: NDArray[np.float64], rows: NDArray[np.intp]) -> float:
    return float(sample[rows].mean())


def test_the_hull_drops_what_mixing_beats() -> None:
    found = hull(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.2, 0.3, 0.8, 0.7]))
    assert found.cost.tolist() == [1, 3]
    assert found.quality.tolist() == [0.2, 0.8]
    assert found.at(np.array([0.5, 2.0, 9.0])).tolist() == [0.2, 0.5, 0.8]
    assert found.cost_of(0.5) == pytest.approx(2.0)
    assert found.cost_of(0.81) is None


@given(POINTS)
def test_the_hull_is_above_every_point_and_concave(points: list[tuple[float, float]]) -> None:
    cost, quality = np.array(points).T
    found = hull(cost, quality)
    assert (found.at(cost) >= quality - 1e-9).all()
    assert (np.diff(found.cost) > 0).all()
    assert (np.diff(found.quality) > 0).all()
    slopes = np.diff(found.quality) / np.diff(found.cost)
    assert (np.diff(slopes) <= 1e-6 * np.abs(slopes[:-1])).all()


@given(POINTS)
def test_the_single_models_gain_nothing_over_themselves(points: list[tuple[float, float]]) -> None:
    found = hull(*np.array(points).T)
    assert metrics.gain(found, found) == 0


def test_gain_counts_every_factor_of_cost_alike() -> None:
    singles = Hull(np.array([1.0, 100.0]), np.array([0.5, 0.9]))
    router = Hull(np.array([1.0, 10.0, 100.0]), np.array([0.5, 0.9, 0.9]))
    assert 0.15 < metrics.gain(router, singles) < 0.3


def test_aiq_is_the_area_over_the_largest_cost() -> None:
    router = Hull(np.array([1.0, 2.0]), np.array([0.5, 1.0]))
    assert metrics.aiq(router, 4.0) == pytest.approx((0.75 + 2.0) / 4)


def test_apgr_is_half_for_chance_and_more_for_insight() -> None:
    rng = np.random.default_rng(0)
    weak, strong = (rng.random(20_000) < 0.4).astype(float), (rng.random(20_000) < 0.8).astype(float)
    assert metrics.apgr(rng.random(20_000), strong, weak) == pytest.approx(0.5, abs=0.02)
    assert metrics.apgr(strong - weak + rng.random(20_000), strong, weak) > 0.8
    assert metrics.cpt(rng.random(20_000), strong, weak, 0.5) == pytest.approx(0.5, abs=0.03)


def test_apgr_and_cpt_by_hand() -> None:
    # Ten prompts; thresholds at the deciles; the strong model is right everywhere, the weak one on the last five.
    win = np.arange(10.0)[::-1]
    strong, weak = np.ones(10), np.repeat([0.0, 1.0], 5)
    # shares 0, .1, .. 1 (the first threshold takes all, the last one is strict); score 0.5 + share up to one half
    assert metrics.cpt(win, strong, weak, 0.8) == pytest.approx(0.4)
    assert metrics.apgr(win, strong, weak) == pytest.approx(0.75)


def test_apgr_of_equals_is_not_defined() -> None:
    assert np.isnan(metrics.apgr(np.arange(4.0), np.ones(4), np.ones(4)))


def test_ece_is_the_distance_from_the_diagonal() -> None:
    assert metrics.ece(np.array([0.8] * 5), np.array([1, 1, 1, 1, 0.0])) == pytest.approx(0)
    assert metrics.ece(np.array([1.0, 0.0]), np.array([0.0, 0.0])) == pytest.approx(0.5)


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(60):
        found = bootstrap(partial(mean, rng.normal(1.0, 1.0, 80)), 80, rounds=200)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 1.0 <= found.high
    assert hits >= 52


def test_an_undefined_figure_has_no_upper_end() -> None:
    found = bootstrap(lambda rows: None if rows.sum() % 2 else 1.0, 10)
    assert (found.low, found.high) == (1.0, None)
    assert bootstrap(lambda _: None, 10).low is None


def test_margin_is_what_mixing_does_not_reach() -> None:
    singles = Hull(np.array([1.0, 3.0]), np.array([0.4, 0.8]))
    found = metrics.margin(np.array([1.0, 2.0, 9.0]), np.array([0.4, 0.5, 0.9]), singles)
    assert found.tolist() == pytest.approx([0.0, -0.1, 0.1])


def test_llmrouterbench_figures_by_hand() -> None:
    cost, quality = np.array([1.0, 2.0, 4.0]), np.array([0.5, 0.8, 0.88])
    assert metrics.perf_gain(quality, 0.8) == pytest.approx(0.1)
    assert metrics.cost_save(cost, quality, (4.0, 0.8)) == pytest.approx(0.5)
    assert metrics.cost_save(cost, quality, (1.0, 0.8)) == pytest.approx(-1.0)
    assert metrics.cost_save(cost, quality, (4.0, 0.9)) is None
    assert metrics.cost_save(cost, quality, (0.0, 0.8)) is None
    assert metrics.oracle_gap(quality, 1.1) == pytest.approx(0.2)
    assert metrics.perf_gain(quality, 0.0) is None
    assert metrics.oracle_gap(quality, 0.0) is None


def test_rounding_does_not_lose_the_best_models_own_score() -> None:
    assert metrics.cost_save(np.array([1.0]), np.array([0.7 - 1e-12]), (1.0, 0.7)) == pytest.approx(0)
    assert Hull(np.array([1.0]), np.array([0.7 - 1e-12])).cost_of(0.7) == 1.0


def test_the_arena_score_is_the_published_one() -> None:
    # RouterArena's table: accuracy 0.7640 at $0.18 per 1,000 is 75.27 (rounded inputs give 75.25).
    assert metrics.arena(np.array([0.18e-3]), np.array([0.7640])) == pytest.approx(75.25, abs=0.01)
    assert metrics.arena(np.array([0.0]), np.array([0.7])) is None
    best = metrics.arena(np.array([0.18e-3, 1.0]), np.array([0.7640, 0.1]))
    assert best == metrics.arena(np.array([0.18e-3]), np.array([0.7640]))


def test_reliability_counts_every_outcome_once() -> None:
    forecast, score = np.array([0.05, 0.05, 0.95, 1.0]), np.array([0.0, 1.0, 1.0, 1.0])
    low, high = metrics.reliability(forecast, score)
    assert low.forecast == pytest.approx(0.05)
    assert (low.count, low.score) == (2, 0.5)
    assert (high.count, high.score) == (2, 1.0)


def test_coverage_is_in_standard_deviations_of_the_mean() -> None:
    forecast, std = np.full((50, 2), 0.5), np.full((50, 2), 0.1)
    score = np.tile([0.6, 0.8], (50, 1))
    found = metrics.coverage(forecast, std, score)
    assert found.z == pytest.approx(2.0)
    assert found.within == pytest.approx(0.5)
    assert metrics.coverage(forecast, np.zeros_like(std), score) == metrics.Coverage(z=None, within=None)


def test_resamples_are_those_of_the_bootstrap() -> None:
    sample = np.random.default_rng(1).random(40)
    weights = metrics.resamples(40)
    assert weights.sum(axis=1) == pytest.approx(np.ones(len(weights)))
    by_product = metrics.interval_of((weights @ sample).tolist())
    by_rows = bootstrap(partial(mean, sample), 40)
    for one, other in zip((by_product.value, by_product.low), (by_rows.value, by_rows.low), strict=True):
        assert one == pytest.approx(other)


@given(POINTS, POINTS)
def test_nothing_saves_more_than_everything(
    router: list[tuple[float, float]], singles: list[tuple[float, float]]
) -> None:
    cost, quality = np.array(router).T
    best = max(singles, key=lambda point: point[1])
    found = metrics.cost_save(cost, quality, best)
    assert found is None or found < 1
    costs, qualities = np.array(singles).T
    alone = metrics.cost_save(costs, qualities, best)
    assert alone is not None
    assert alone >= -1e-9
