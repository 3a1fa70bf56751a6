from __future__ import annotations

import numpy as np

from gearshift.learning.estimators import Array, Design, Index
from gearshift.learning.outcomes import OutcomeRegression, Prompts


def made(n: int, seed: int = 0) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float32]], np.random.Generator]:
    rng = np.random.default_rng(seed)
    design = np.zeros((n, 12), np.float32)
    design[np.arange(n), np.arange(n) % 2] = 1.0  # easy or hard
    design[:, 2:] = rng.standard_normal((n, 10)) / 10
    return design, rng


def fitted(design: Design, scores: Array, task: Index | None = None) -> OutcomeRegression:
    n = len(design)
    where = Prompts(dataset=np.zeros(n, int), task=np.zeros(n, int) if task is None else task, fold=np.arange(n) % 5)
    return OutcomeRegression(buckets=2).fit(design, scores, where)


def test_nothing_to_learn_gives_every_model_its_mean() -> None:
    design, rng = made(500)
    scores = (rng.random((500, 4)) < [0.3, 0.5, 0.6, 0.8]).astype(float)
    found = fitted(design, scores)
    assert np.abs(found.predict(design) - scores.mean(axis=0)).max() < 0.12
    order = found.predict(design).argsort(axis=1)
    assert (order == [0, 1, 2, 3]).all()


def test_where_models_differ_is_found() -> None:
    design, rng = made(1000)
    hard = design[:, 1] == 1
    odds = np.where(hard[:, None], [0.1, 0.5, 0.9], [0.9, 0.92, 0.94])
    found = fitted(design, (rng.random((1000, 3)) < odds).astype(float))
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
    found = fitted(design, scores)
    parts = found.mean_ + design @ found.coef_ + found.mix_[0]  # there is one task: its probability is 1
    assert parts[hard, 1].mean() > 2 * parts[~hard, 1].mean()


def test_models_that_never_met_are_still_compared() -> None:
    design, rng = made(1000)
    scores = np.full((1000, 2), np.nan)
    scores[::2, 0] = rng.random(500) < 0.3
    scores[1::2, 1] = rng.random(500) < 0.8
    # who answers is independent of the prompt here
    found = fitted(design[:, 2:], scores)
    assert found.ability_[1] > found.ability_[0] + 0.2
    assert np.isfinite(found.predict(design[:, 2:])).all()


def tasks_apart(n: int, seed: int) -> tuple[Design, Array, Index]:
    """Make two tasks that words tell apart; in the second the weak model is the strong one."""
    rng = np.random.default_rng(seed)
    task = np.arange(n) // (n // 2)
    design = np.zeros((n, 8), np.float32)
    design[np.arange(n), task] = 1.0
    design[:, 2:] = rng.standard_normal((n, 6)) / 20
    odds = np.where(task[:, None] == 0, [0.2, 0.8], [0.8, 0.2])
    return design, (rng.random((n, 2)) < odds).astype(float), task


def test_who_is_good_at_which_task_is_learned() -> None:
    design, scores, task = tasks_apart(600, 0)
    forecast = fitted(design, scores, task).predict(design)
    assert (forecast[task == 0, 1] - forecast[task == 0, 0]).min() > 0.3
    assert (forecast[task == 1, 0] - forecast[task == 1, 1]).min() > 0.3


def test_a_prompt_unlike_all_tasks_gets_every_model_its_mean() -> None:
    design, scores, task = tasks_apart(600, 0)
    found = fitted(design, scores, task)
    strange = np.zeros((1, 8), np.float32)
    gap = found.predict(strange)[0] - scores.mean(axis=0)
    assert abs(gap[0] - gap[1]) < 0.1


def test_blocks_are_tasks_as_a_whole_and_every_data_set_has_several() -> None:
    task = np.repeat(np.arange(7), 10)
    prompts = Prompts(dataset=(task > 3).astype(int), task=task, fold=np.arange(70) % 5)
    for each in range(7):
        assert len(set(prompts.block[task == each].tolist())) == 1
    assert set(prompts.block[task <= 3].tolist()) == {0, 1, 2, 3}
    assert set(prompts.block[task > 3].tolist()) == {0, 1, 2}
