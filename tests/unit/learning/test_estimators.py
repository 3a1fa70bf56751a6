from __future__ import annotations

import numpy as np
import pytest

from gearshift.learning.estimators import Design, Index, RidgePath, ShrunkRidge


def made(n: int, dims: int, seed: int = 0) -> tuple[Design, Index]:
    rng = np.random.default_rng(seed)
    design = rng.standard_normal((n, dims)).astype(np.float32) / np.float32(np.sqrt(dims))
    return design, np.arange(n) % 5


def test_rows_and_columns_give_the_same_solution() -> None:
    design, fold = made(60, 60)
    target = np.random.default_rng(1).standard_normal((60, 3)).astype(np.float32)
    by_rows = RidgePath().fit(design, target, fold)
    by_columns = RidgePath().fit(design[:, :59], target, fold)
    padded = RidgePath().fit(np.hstack([design[:, :59], np.zeros((60, 1), np.float32)]), target, fold)
    assert by_rows.coef(1.0).shape == (60, 3)
    np.testing.assert_allclose(by_columns.coef(3.0), padded.coef(3.0)[:59], atol=1e-4)
    np.testing.assert_allclose(by_columns.out_of_fold_, padded.out_of_fold_, atol=1e-4)


def test_forecasts_out_of_fold_are_those_of_the_other_folds() -> None:
    design, fold = made(50, 10)
    target = np.random.default_rng(1).standard_normal((50, 1)).astype(np.float32)
    path = RidgePath(alphas=(2.0,)).fit(design, target, fold)
    kept = fold != 3
    alone = RidgePath(alphas=(2.0,)).fit(design[kept], target[kept], fold[kept])
    np.testing.assert_allclose(path.out_of_fold_[0, ~kept], design[~kept] @ alone.coef(2.0), atol=1e-4)


def test_one_fold_forecasts_nothing() -> None:
    design, _ = made(5, 3)
    path = RidgePath().fit(design, np.ones((5, 1), np.float32), np.zeros(5, int))
    assert not path.out_of_fold_.any()


def test_what_can_be_learned_is_learned() -> None:
    design, fold = made(800, 20)
    truth = np.random.default_rng(2).standard_normal((20, 2))
    found = ShrunkRidge(caution=2.0).fit(design, design @ truth + 0.5, fold)
    assert (found.shrink_ > 0.9).all()
    np.testing.assert_allclose(found.predict(design), design @ truth + 0.5, atol=0.2)


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_not_learned(seed: int) -> None:
    design, fold = made(300, 50, seed)
    noise = np.random.default_rng(100 + seed).standard_normal((300, 8)) + 3.0
    found = ShrunkRidge(caution=2.0).fit(design, noise, fold)
    assert found.shrink_.mean() < 0.05
    np.testing.assert_allclose(found.mean_, noise.mean(axis=0))
    flat = found.shrink_ == 0
    assert flat.any()
    assert not found.coef_[:, flat].any()


def test_gaps_do_not_matter_to_other_columns() -> None:
    design, fold = made(200, 10)
    target = design @ np.ones((10, 2)) + 1.0
    holed = target.copy()
    holed[::2, 1] = np.nan
    whole, part = (ShrunkRidge(caution=1.0).fit(design, each, fold) for each in (target, holed))
    np.testing.assert_allclose(whole.coef_[:, 0], part.coef_[:, 0], atol=1e-5)
    np.testing.assert_allclose(part.predict(design)[:, 1], target[:, 1], atol=0.5)


def test_a_column_without_observations_forecasts_nothing() -> None:
    design, fold = made(20, 5)
    target = np.full((20, 1), np.nan)
    found = ShrunkRidge(caution=1.0).fit(design, target, fold)
    assert not found.predict(design).any()


def test_weights_say_whose_error_counts() -> None:
    design, fold = made(200, 1)
    slopes = np.where(np.arange(200) < 100, 1.0, -1.0)
    target = design[:, :1].astype(np.float64) * slopes[:, None]
    weight = np.where(slopes > 0, 1.0, 0.001)
    found = ShrunkRidge(caution=0.0, intercept=False).fit(design, target, fold, weight)
    assert found.coef_[0, 0] > 0.8
