"""Own how a score comes about: prompts are hard or easy, models strong or weak, and some models are odd.

    score(x, m) = level(x) + ability_m * slope(x) + deviation_m(x)

`level` and `slope` are functions of the prompt that all models share, so they are learned from every data set at once;
`deviation_m` is what model m does on its own, and claims least. Only `ability * slope + deviation` bears on a choice.

Invariant: on complete data from one data set where nothing can be learned from the text, the forecast of every model is
its mean score.

References
----------
.. [1] Finlay and Wilkinson, "The analysis of adaptation in a plant-breeding programme", Aust. J. Agric. Res. 14 (1963).
"""
# X and Y are the names that scikit-learn gives design and targets.
# ruff: noqa: N803

from __future__ import annotations

from typing import Final, Self

import numpy as np

from gearshift.learning.abilities import COIN, estimate
from gearshift.learning.estimators import Array, Design, Index, ShrunkRidge

_LEVEL_CAUTION: Final = 0.0
_SLOPE_CAUTION: Final = 1.0
_DEVIATION_CAUTION: Final = 2.0
"""In standard errors. A level moves all models alike and chooses nothing; the maximum is taken over deviations."""


class OutcomeRegression:
    """Fit level, ability, slope and deviation.

    Attributes
    ----------
    ability_ : ndarray, shape (n_models,)
        Points of score above the average model where the slope is 1; the mean over models is 0.
    mean_, coef_ : ndarray, shapes (2 + n_models,) and (dims, 2 + n_models)
        Columns: level, slope, then the deviation of each model.
    """

    def fit(self, X: Design, Y: Array, dataset: Index, fold: Index) -> Self:
        """Learn from scores.

        Parameters
        ----------
        X : ndarray of float32, shape (n_prompts, dims)
        Y : ndarray, shape (n_prompts, n_models)
            Scores in [0, 1]; NaN where not observed.
        dataset, fold : ndarray of int, shape (n_prompts,)
        """
        seen = ~np.isnan(Y)
        self.strength_ = estimate(Y, dataset)
        self.ability_ = self.strength_.ability
        count = np.maximum(1, seen.sum(axis=1))
        strength = np.where(seen, self.ability_, 0.0).sum(axis=1) / count
        score = np.nansum(Y, axis=1) / count
        self.level_ = ShrunkRidge(caution=_LEVEL_CAUTION).fit(X, (score - strength)[:, None], fold)

        lever = np.where(seen, self.ability_ - strength[:, None], 0.0)
        gap = np.where(seen, Y - score[:, None], 0.0)
        power = (lever**2).sum(axis=1)
        steepness = (lever * gap).sum(axis=1) / np.maximum(power, 1e-9)
        self.slope_ = ShrunkRidge(caution=_SLOPE_CAUTION).fit(X, steepness[:, None], fold, power / (power + COIN))
        if not power.any():
            self.slope_.mean_[:] = self.slope_.out_of_fold_[:] = 1.0  # models never met: they differ everywhere alike

        # Each prompt's own slope, as far as its models show it, else the forecast.
        slope = ((lever * gap).sum(axis=1) + COIN * self.slope_.out_of_fold_[:, 0]) / (power + COIN)
        alone = count == 1
        level = np.where(alone, self.level_.out_of_fold_[:, 0] + strength * slope, score)
        rest = np.where(seen, Y - level[:, None] - lever * slope[:, None], np.nan)
        self.deviation_ = ShrunkRidge(caution=_DEVIATION_CAUTION, intercept=False).fit(X, rest, fold)
        parts = (self.level_, self.slope_, self.deviation_)
        self.coef_ = np.hstack([part.coef_ for part in parts])
        self.mean_ = np.concatenate([part.mean_ - part.center_ @ part.coef_ for part in parts])
        return self

    def out_of_fold(self) -> Array:
        """Forecast the training prompts, each from the other folds; shape (n_prompts, n_models)."""
        level, slope = self.level_.out_of_fold_, self.slope_.out_of_fold_
        return level + self.ability_ * slope + self.deviation_.out_of_fold_

    def predict(self, X: Design) -> Array:
        """Forecast scores, not clipped; shape (n, n_models)."""
        parts = self.mean_ + X @ self.coef_
        forecast: Array = parts[:, :1] + self.ability_ * parts[:, 1:2] + parts[:, 2:]
        return forecast
