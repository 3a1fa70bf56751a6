from __future__ import annotations

import numpy as np

from gearshift.learning.outcomes import OutcomeRegression


def made(n: int, seed: int = 0) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float32]], np.random.Generator]:
    rng = np.random.default_rng(seed)
    design = np.zeros((n, 12), np.float32)
    design[np.arange(n), np.arange(n) % 2] = 1.0  # easy or hard
    design[:, 2:] = rng.standard_normal((n, 10)) / 10
    return design, rng


def test_nothing_to_learn_gives_every_model_its_mean() -> None:
    design, rng = made(500)
    scores = (rng.random((500, 4)) < [0.3, 0.5, 0.6, 0.8]).astype(float)
    found = OutcomeRegression().fit(design, scores, np.zeros(500, int), np.arange(500) % 5)
    assert np.abs(found.predict(design) - scores.mean(axis=0)).max() < 0.12
    order = found.predict(design).argsort(axis=1)
    assert (order == [0, 1, 2, 3]).all()


def test_where_models_differ_is_found() -> None:
    design, rng = made(1000)
    hard = design[:, 1] == 1
    odds = np.where(hard[:, None], [0.1, 0.5, 0.9], [0.9, 0.92, 0.94])
    found = OutcomeRegression().fit(
        design, (rng.random((1000, 3)) < odds).astype(float), np.zeros(1000, int), np.arange(1000) % 5
    )
    forecast = found.predict(design)
    np.testing.assert_allclose(forecast[hard].mean(axis=0), [0.1, 0.5, 0.9], atol=0.08)
    np.testing.assert_allclose(forecast[~hard].mean(axis=0), [0.9, 0.92, 0.94], atol=0.08)
    assert found.out_of_fold().shape == (1000, 3)


def test_the_slope_learned_on_some_models_holds_for_others() -> None:
    design, rng = made(2000)
    hard = design[:, 1] == 1
    odds = np.where(hard[:, None], [0.1, 0.5, 0.9], [0.9, 0.92, 0.94])
    scores = (rng.random((2000, 3)) < odds).astype(float)
    scores[1000:, 2] = np.nan
    scores[:40, 2] = np.nan
    found = OutcomeRegression().fit(design, scores, np.zeros(2000, int), np.arange(2000) % 5)
    parts = found.mean_ + design @ found.coef_
    assert parts[hard, 1].mean() > 2 * parts[~hard, 1].mean()


def test_models_that_never_met_are_still_compared() -> None:
    design, rng = made(1000)
    scores = np.full((1000, 2), np.nan)
    scores[::2, 0] = rng.random(500) < 0.3
    scores[1::2, 1] = rng.random(500) < 0.8
    # who answers is independent of the prompt here
    found = OutcomeRegression().fit(design[:, 2:], scores, np.zeros(1000, int), np.arange(1000) % 5)
    assert found.ability_[1] > found.ability_[0] + 0.2
    assert np.isfinite(found.predict(design[:, 2:])).all()
