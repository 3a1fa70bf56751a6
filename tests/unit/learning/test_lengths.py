from __future__ import annotations

import numpy as np

from gearshift.learning.data import table_of
from gearshift.learning.lengths import LengthRegression, overheads


def test_long_prompts_and_chatty_models_are_found() -> None:
    rng = np.random.default_rng(0)
    design = np.zeros((600, 2), np.float32)
    design[np.arange(600), np.arange(600) % 2] = 1.0
    mean = np.where(design[:, :1] == 1, 50.0, 500.0) * [1.0, 2.0]
    tokens = mean * np.exp(rng.normal(0, 0.5, mean.shape) - 0.125)
    found = LengthRegression(default=256).fit(design, tokens, np.arange(600) % 5)
    forecast = found.scale_ * np.exp(
        found.mean_[0] + design @ found.coef_[:, :1] + found.mean_[1:] + design @ found.coef_[:, 1:]
    )
    np.testing.assert_allclose(forecast[:2], [[50, 100], [500, 1000]], rtol=0.15)
    np.testing.assert_allclose(forecast.mean(axis=0), tokens.mean(axis=0), rtol=0.05)


def test_unknown_lengths_are_guessed_from_others_or_the_default() -> None:
    design = np.eye(10, dtype=np.float32)
    tokens = np.full((10, 2), np.nan)
    nothing = LengthRegression(default=256).fit(design, tokens, np.arange(10) % 5)
    assert nothing.scale_.tolist() == [256, 256]
    assert not nothing.coef_.any()
    tokens[:, 0] = 80
    some = LengthRegression(default=256).fit(design, tokens, np.arange(10) % 5)
    np.testing.assert_allclose(some.scale_, [80, 80], rtol=1e-6)


def test_what_a_model_counts_beyond_our_own_estimate_is_measured_where_it_is_known() -> None:
    rows = [
        {"prompt": f"a question {number}", "model": model, "score": 1.0, "input_tokens": counted}
        for number in range(3)
        for model, counted in (("plain", 10), ("wordy", 110), ("silent", None))
    ]
    table = table_of(rows)
    beyond = dict(zip(table.models, overheads(table).tolist(), strict=True))
    assert beyond["wordy"] - beyond["plain"] == 100
    assert beyond["silent"] == 0
