from __future__ import annotations

import numpy as np
import pytest

from gearshift.learning.estimators import Design, Index
from gearshift.learning.tasks import TaskClassifier, TaskLikeness, cluster, own_tasks, posterior, unit


def made(n: int, seed: int = 0) -> tuple[Design, Index, Index]:
    """Make three tasks with words of their own (buckets 0 to 11) among common ones (12 to 19)."""
    rng = np.random.default_rng(seed)
    task = np.arange(n) % 3
    design = np.zeros((n, 24), np.float32)
    for row, own in enumerate(task):
        design[row, own * 4 + rng.choice(4, 2, replace=False)] = 0.5
        design[row, 12 + rng.choice(8, 3, replace=False)] = 0.4
    design[:, 20:] = rng.random((n, 4))
    return design, task, np.arange(n) // 3 % 5


def test_tasks_are_told_apart_and_chances_are_honest() -> None:
    design, task, fold = made(300)
    found = TaskClassifier().fit(design, task, fold)
    for logits in (design @ found.coef_ + found.bias_, found.out_of_fold_):
        chance = posterior(logits)
        np.testing.assert_allclose(chance.sum(axis=1), 1, atol=1e-5)
        assert (chance.argmax(axis=1) == task).mean() > 0.95


def test_words_that_tell_nothing_give_the_shares() -> None:
    rng = np.random.default_rng(0)
    task = (rng.random(400) < 0.25).astype(int)
    found = TaskClassifier().fit(rng.random((400, 6)).astype(np.float32), task, np.arange(400) % 5)
    chance = posterior(found.out_of_fold_)
    loss = -np.log(chance[np.arange(400), task]).mean()
    assert loss < -np.log([1 - task.mean(), task.mean()])[task].mean() + 0.05


def test_one_task_is_certain() -> None:
    design, _, fold = made(30)
    found = TaskClassifier().fit(design, np.zeros(30, int), fold)
    np.testing.assert_allclose(posterior(design @ found.coef_ + found.bias_), 1)


def test_a_task_that_is_not_known_has_no_chance() -> None:
    chance = posterior(np.array([[3.0, 1.0, 2.0]], np.float32), np.array([False, True, True]))
    assert chance[0, 0] == 0
    assert chance[0, 2] > chance[0, 1] > 0


def test_prompts_are_most_like_their_own_task() -> None:
    design, task, fold = made(300)
    found = TaskLikeness(buckets=20).fit(design, task, fold)
    assert (found.out_of_fold_.argmax(axis=1) == task).mean() > 0.95
    length = np.linalg.norm(design * found.rarity_, axis=1, keepdims=True)
    served = design @ found.directions_ / length
    np.testing.assert_allclose(served, found.out_of_fold_, atol=0.1)  # its own fold among 5 makes little difference
    assert served.max() < 1.0001
    assert not found.rarity_[20:].any()


def test_a_prompt_of_other_words_is_like_no_task() -> None:
    design, task, fold = made(300)
    known = design.copy()
    known[:, :4] = 0.0
    found = TaskLikeness(buckets=20).fit(known, task, fold)
    strange = np.zeros((1, 24), np.float32)
    strange[0, :4] = 0.5
    rare = np.linalg.norm(strange * found.rarity_, axis=1, keepdims=True)
    assert (strange @ found.directions_ / rare).max() < 0.05


def test_clusters_are_found_and_the_same_each_time() -> None:
    design, task, _ = made(300)
    found = cluster(design[:, :12], 3, 0)
    assert np.array_equal(found, cluster(design[:, :12], 3, 0))
    assert len({(own, label) for own, label in zip(task.tolist(), found.tolist(), strict=True)}) == 3


def test_rows_are_scaled_and_empty_ones_stay() -> None:
    scaled = unit(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32))
    assert scaled.ravel().tolist() == pytest.approx([0.6, 0.8, 0, 0])


def test_every_task_has_its_data_set() -> None:
    assert own_tasks(np.array([0, 0, 1]), np.array([0, 1, 2])).tolist() == [[1, 1, 0], [0, 0, 1]]
