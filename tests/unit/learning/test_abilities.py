from __future__ import annotations

import numpy as np

from gearshift.learning.abilities import LUCK, estimate, within


def test_one_complete_data_set_gives_differences_of_means() -> None:
    scores = (np.random.default_rng(0).random((200, 4)) < [0.2, 0.5, 0.6, 0.9]).astype(float)
    found = estimate(scores, np.zeros(200, int))
    np.testing.assert_allclose(found.ability, scores.mean(axis=0) - scores.mean(), atol=1e-6)
    assert (found.std < 0.05).all()


def test_who_answered_the_easy_prompts_gains_nothing() -> None:
    scores = np.tile([[1.0, 1.0], [0.0, 0.0]], (50, 1))
    scores[1::2, 0] = np.nan  # the first answered the easy half only
    assert abs(np.subtract(*within(scores))) < 0.35
    assert np.nanmean(scores, axis=0).tolist() == [1.0, 0.5]


def test_data_sets_are_joined_by_the_models_that_they_share() -> None:
    rng = np.random.default_rng(0)
    scores = np.full((600, 3), np.nan)
    scores[:300, :2] = rng.random((300, 2)) < [0.9, 0.8]  # an easy set
    scores[300:, 1:] = rng.random((300, 2)) < [0.4, 0.2]  # a hard one
    found = estimate(scores, np.repeat([0, 1], 300))
    assert found.ability[0] > found.ability[1] > found.ability[2]
    assert found.std[1] < found.std[0]  # seen in both


def test_one_small_data_set_does_not_make_a_giant() -> None:
    rng = np.random.default_rng(1)
    scores = np.full((1040, 7), np.nan)
    scores[:500, :5] = rng.random((500, 5)) < [0.5, 0.55, 0.6, 0.65, 0.7]
    scores[500:1000, :5] = rng.random((500, 5)) < [0.5, 0.55, 0.6, 0.65, 0.7]
    scores[1000:, 0] = 0.0
    scores[1000:, 5:] = 1.0
    found = estimate(scores, np.repeat([0, 1, 2], [500, 500, 40]))
    assert 0.05 < found.ability[5] < 0.6
    assert found.std[5] > LUCK / 2


def test_a_model_that_nobody_saw_is_average() -> None:
    scores = np.full((10, 2), 1.0)
    scores[:, 1] = np.nan
    found = estimate(scores, np.zeros(10, int))
    assert found.ability[1] == 0
    assert found.std[1] > found.std[0]
