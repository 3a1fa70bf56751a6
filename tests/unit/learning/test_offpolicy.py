from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.learning.estimators import Array
from gearshift.learning.offpolicy import (
    LoggedDecisions,
    Terms,
    estimates,
    importance,
    interval,
    less,
    on_policy,
    outcome_model,
)


def log(action: list[int], reward: list[float], pscore: list[float], block: list[int] | None = None) -> LoggedDecisions:
    return LoggedDecisions(
        action=np.array(action),
        reward=np.array(reward),
        pscore=np.array(pscore),
        block=np.arange(len(action)) if block is None else np.array(block),
    )


FOUR = log([0, 1, 0, 1], [1.0, 0.5, 0.0, 1.0], [0.8, 0.2, 0.8, 0.2])
HALF = np.full((4, 2), 0.5)
MODEL = np.array([[0.5, 0.75]] * 4)


def test_the_estimates_are_those_of_the_papers() -> None:
    weights = [0.625, 2.5, 0.625, 2.5]
    assert importance(FOUR, HALF) == pytest.approx(weights)
    found = {name: terms.value for name, terms in estimates(FOUR, HALF, MODEL).items()}
    assert found["ips"] == pytest.approx((0.625 * 1 + 2.5 * 0.5 + 2.5 * 1) / 4)
    assert found["snips"] == pytest.approx((0.625 * 1 + 2.5 * 0.5 + 2.5 * 1) / sum(weights))
    assert found["dm"] == pytest.approx(0.625)
    assert found["dr"] == pytest.approx(0.625 + (0.625 * 0.5 - 2.5 * 0.25 - 0.625 * 0.5 + 2.5 * 0.25) / 4)


def test_clipping_cuts_weights_from_above() -> None:
    assert importance(FOUR, HALF, clip=1.0) == pytest.approx([0.625, 1.0, 0.625, 1.0])


def test_the_policy_of_the_log_itself_is_worth_what_was_earned() -> None:
    own = np.array([[0.8, 0.2]] * 4)
    found = estimates(FOUR, own, MODEL)
    assert found["ips"].value == pytest.approx(on_policy(FOUR).value)
    apart = interval(less(found["ips"], on_policy(FOUR)), FOUR.block)
    assert (apart.value, apart.low, apart.high) == (0.0, 0.0, 0.0)


def test_a_model_that_is_exact_leaves_doubly_robust_nothing_to_correct() -> None:
    truth = np.array([[1.0, 0.2], [0.3, 0.5], [0.0, 0.9], [0.1, 1.0]])
    found = estimates(FOUR, HALF, truth)
    assert found["dr"].value == pytest.approx(found["dm"].value)
    assert found["dr"].influence == pytest.approx(found["dm"].influence)


def test_what_the_model_does_not_know_is_not_estimated_by_it() -> None:
    unknown = MODEL.copy()
    unknown[1, 0] = np.nan
    assert set(estimates(FOUR, HALF, unknown)) == {"ips", "snips"}
    second = np.array([[0.0, 1.0]] * 4)  # needs nothing of the first action
    assert set(estimates(FOUR, second, unknown)) == {"ips", "snips", "dm", "dr"}


def test_a_policy_that_the_log_never_followed_has_no_normalised_value() -> None:
    third = np.array([[0.0, 0.0, 1.0]] * 4)
    assert "snips" not in estimates(FOUR, third, np.full((4, 3), 0.5))


@given(st.integers(0, 10_000))
def test_influences_have_mean_zero(seed: int) -> None:
    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.ones(3))
    action = rng.choice(3, 40, p=share)
    logged = log(action.tolist(), rng.random(40).tolist(), share[action].tolist())
    pi_e = rng.dirichlet(np.ones(3), 40)
    for terms in estimates(logged, pi_e, rng.random((40, 3))).values():
        assert terms.influence.mean() == pytest.approx(0, abs=1e-9)


def test_an_interval_of_symmetric_terms_is_the_normal_one() -> None:
    terms = Terms(value=0.0, influence=np.array([-1.0, 1.0] * 50))
    found = interval(terms, np.arange(100))
    assert found.high == pytest.approx(1.96 * terms.influence.std(ddof=1) / 10, rel=1e-3)
    assert found.low == pytest.approx(-found.high)


def test_an_interval_of_skewed_terms_reaches_further_to_the_side_of_the_tail() -> None:
    terms = Terms(value=1.0, influence=np.array([-1.0] * 95 + [19.0] * 5))
    found = interval(terms, np.arange(100))
    assert found.high - 1 > 1.3 * (1 - found.low)


def test_an_interval_stays_in_range() -> None:
    terms = Terms(value=0.95, influence=np.array([-0.5, 0.5] * 5))
    assert interval(terms, np.arange(10), 0.0, 1.0).high == 1.0


def test_rows_of_one_session_count_as_one() -> None:
    once = Terms(value=0.0, influence=np.array([-1.0, 1.0, -1.0, 1.0]))
    thrice = Terms(value=0.0, influence=np.repeat(once.influence, 3))
    assert interval(thrice, np.repeat(np.arange(4), 3)) == interval(once, np.array([7, 2, 0, 5]))


def test_one_block_says_nothing_of_the_spread() -> None:
    found = interval(Terms(value=0.4, influence=np.zeros(3)), np.zeros(3, dtype=np.int64), 0.0, 1.0)
    assert (found.low, found.high) == (0.0, 1.0)


def test_without_forecasts_means_come_from_other_blocks() -> None:
    logged = log([0] * 10, [float(number % 5 == 0) for number in range(10)], [1.0] * 10)
    found = outcome_model(logged, np.full((10, 2), np.nan))
    assert found[0, 0] == 0.0  # its own fold is the one that earned
    assert found[1, 0] == 0.25
    assert np.isnan(found[:, 1]).all()


def test_forecasts_of_another_scale_are_fitted_to_the_rewards() -> None:
    reward = np.random.default_rng(1).random(200)
    forecast = np.column_stack([100 * reward - 7, 3 * reward])
    found = outcome_model(log([0] * 200, reward.tolist(), [1.0] * 200), forecast)
    assert found[:, 0] == pytest.approx(reward, abs=0.02)  # the ends of a fold stay within what the others earned
    assert found[:, 1] == pytest.approx(forecast[:, 1])  # nothing was seen of it: the forecast stays


def test_forecasts_that_say_nothing_become_the_mean() -> None:
    logged = log([0] * 50, [0.25, 0.75] * 25, [1.0] * 50)
    assert outcome_model(logged, np.full((50, 1), 9.0))[:, 0] == pytest.approx(0.5, abs=0.01)


def coverage(cost: bool) -> dict[str, float]:
    """Draw 500 logs of 2,000 rows of which the truth is known; give how often the intervals hold it."""
    rng = np.random.default_rng(2)
    n, share = 3000, np.array([0.6, 0.3, 0.1])
    chance = rng.random((n, 3)) * np.array([0.5, 0.8, 1.0])
    truth: Array = np.exp(rng.normal([0, 1, 2], 0.8, (n, 3))) if cost else (rng.random((n, 3)) < chance) * 1.0
    model = truth * np.exp(rng.normal(0.1, 0.4, (n, 3))) if cost else chance
    pi_e = np.eye(3)[rng.choice(3, n, p=[0.2, 0.3, 0.5])]
    value, own = (pi_e * truth).sum(axis=1).mean(), (share * truth).sum(axis=1).mean()
    held: dict[str, list[bool]] = {}
    for _ in range(500):
        at, action = rng.integers(0, n, 2000), rng.choice(3, 2000, p=share)
        logged = log(action.tolist(), truth[at, action].tolist(), share[action].tolist())
        for name, terms in estimates(logged, pi_e[at], outcome_model(logged, model[at])).items():
            found, apart = interval(terms, logged.block), interval(less(terms, on_policy(logged)), logged.block)
            held.setdefault(name, []).append(bool(found.low <= value <= found.high))
            held.setdefault(f"{name} apart", []).append(bool(apart.low <= value - own <= apart.high))
    return {name: float(np.mean(each)) for name, each in held.items()}


@pytest.mark.parametrize("cost", [False, True])
def test_intervals_hold_the_truth_as_often_as_they_say(cost: bool) -> None:
    found = coverage(cost)
    for name in ("ips", "snips", "dr"):
        assert 0.93 <= found[name] <= 0.98, found
        assert 0.93 <= found[f"{name} apart"] <= 0.98, found
