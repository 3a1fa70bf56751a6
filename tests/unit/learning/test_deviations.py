from __future__ import annotations

import numpy as np
import pytest

from gearshift.learning.deviations import Deviations, Evidence, ramp, weigh
from gearshift.learning.estimators import Array, Design, Index


def made(n: int, seed: int = 0) -> tuple[Design, Array, Index, Index]:
    """Make what three models do on four tasks that stand in the first columns, with noise."""
    rng = np.random.default_rng(seed)
    task = np.arange(n) % 4
    design = np.zeros((n, 10), np.float32)
    design[np.arange(n), task] = 1.0
    design[:, 4:] = rng.standard_normal((n, 6)) / 10
    truth = np.array([[0.3, -0.3, 0.0], [-0.3, 0.3, 0.0], [0.2, 0.0, -0.2], [0.0, 0.0, 0.0]])[task]
    return design, truth + 0.1 + rng.standard_normal((n, 3)) / 4, task, np.arange(n) // 4 % 5


def test_what_a_model_does_on_a_task_is_learned() -> None:
    design, scores, task, fold = made(800)
    found = Deviations().fit(design, scores, fold, task, lambda _block: design)
    forecast = design @ found.coef_ + found.bias_
    np.testing.assert_allclose(forecast[task == 0].mean(axis=0) + found.offset_, [0.4, -0.2, 0.1], atol=0.06)
    np.testing.assert_allclose(found.offset_, scores.mean(axis=0))
    np.testing.assert_allclose(forecast.mean(axis=0), 0, atol=1e-3)
    assert np.corrcoef(found.out_of_fold_.ravel(), (scores - found.offset_).ravel())[0, 1] > 0.4


def test_beyond_its_block_nothing_of_a_task_is_known() -> None:
    design, scores, task, fold = made(800)
    found = Deviations().fit(design, scores, fold, task, lambda _block: design)
    left = task == 0
    others = scores[~left].mean(axis=0)
    np.testing.assert_allclose(found.block_offset_[left][0], others)
    assert np.abs(found.out_of_block_[left] + others - [0.4, -0.2, 0.1]).mean() > 0.1


def test_gaps_and_models_apart_do_not_matter() -> None:
    design, scores, task, fold = made(400)
    holed = np.hstack([scores, scores[:, :1]])
    holed[:200, 3] = np.nan
    found = Deviations().fit(design, holed, fold, task, lambda _block: design)
    alone = Deviations().fit(design, scores, fold, task, lambda _block: design)
    np.testing.assert_allclose(found.coef_[:, :3], alone.coef_, atol=1e-5)
    assert np.isfinite(found.coef_).all()
    nothing = np.full((400, 1), np.nan)
    assert not Deviations().fit(design, nothing, fold, task, lambda _block: design).coef_.any()


def evidence(likeness: Array, worth: Array, seed: int) -> Evidence:
    """Make forecasts that are worth so much at that likeness."""
    rng = np.random.default_rng(seed)
    forecast = rng.standard_normal((len(likeness), 5)) / 5
    target = worth[:, None] * forecast + rng.standard_normal(forecast.shape) / 5
    return Evidence(likeness=likeness, forecast=forecast, target=target)


def test_trust_begins_where_forecasts_are_worth_something() -> None:
    rng = np.random.default_rng(0)
    near = evidence(rng.uniform(0.4, 0.6, 2000), np.full(2000, 0.8), 1)
    far = evidence(rng.uniform(0.1, 0.3, 2000), np.full(2000, -0.5), 2)
    found = weigh(near, far)
    assert found.slope == pytest.approx(0.8, abs=0.06)
    assert 0.25 < found.low < found.high < 0.6


def test_forecasts_that_are_worth_nothing_are_not_trusted() -> None:
    rng = np.random.default_rng(0)
    near = evidence(rng.uniform(0.4, 0.6, 500), np.zeros(500), 3)
    assert weigh(near, near).slope < 0.05
    empty = Evidence(likeness=near.likeness, forecast=np.full((500, 5), np.nan), target=near.target)
    assert weigh(empty, empty).slope == 0


def test_without_tasks_to_leave_out_the_known_ones_decide() -> None:
    rng = np.random.default_rng(0)
    near = evidence(rng.uniform(0.4, 0.6, 2000), np.full(2000, 0.8), 1)
    far = Evidence(likeness=np.full(2000, -1.0), forecast=np.full((2000, 5), np.nan), target=near.target)
    found = weigh(near, far)
    assert found.slope == pytest.approx(0.8, abs=0.06)
    assert found.low > 0


def test_the_ramp_rises_from_low_to_high() -> None:
    assert ramp(np.array([0.0, 0.2, 0.3, 0.4, 1.0]), 0.2, 0.4) == pytest.approx([0, 0, 0.5, 1, 1])
    assert ramp(np.array([0.0, 1.0]), 0.5, 0.5).tolist() == [0, 1]
