"""Own the mathematics of the first predictor: ridge regressions that claim only what held up out of fold.

Invariant: every forecast is a mean plus `shrink` times a deviation, and `shrink` is the least slope in [0, 1] that the
out-of-fold forecasts support; zero is an answer. Where there is nothing to learn, nothing is claimed.

A router takes the largest of many forecasts, so it finds the luckiest error (the winner's curse). Two things guard it:
`caution`, standard errors taken off each slope, and the form of `OutcomeRegression`, which spends its parameters on
what all models share before it looks for what one model does on its own.

References
----------
.. [1] Copas, "Regression, prediction and shrinkage", JRSS B 45 (1983): slopes of predictions on new data.
.. [2] Finlay and Wilkinson, "The analysis of adaptation in a plant-breeding programme" (1963): one environment changes
   all varieties, in proportion to their strength. Here prompts are environments and models are varieties.
"""
# X and Y are the names that scikit-learn gives design and targets.
# ruff: noqa: N803

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve  # type: ignore[import-untyped]

Array: TypeAlias = NDArray[np.float64]
Design: TypeAlias = NDArray[np.float32]
Index: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]

ALPHAS: Final = (1.0, 4.0, 15.0, 60.0)
"""Penalties tried, for feature vectors of length about 1: evidence of one to sixty like prompts counts half."""
_SAME_ROWS: Final = 0.02
"""Targets whose observed rows differ by less are solved together; their few gaps count as "like the mean"."""


class RidgePath:
    """Solve one design for many targets and all penalties, with forecasts for every fold left out.

    The normal equations are solved in the smaller of rows and columns, one factorisation per fold and penalty.
    """

    def __init__(self, *, alphas: tuple[float, ...] = ALPHAS) -> None:
        """Take the penalties; each counts squared weights against squared errors."""
        self.alphas = alphas

    def fit(self, X: Design, T: Design, fold: Index) -> Self:
        """Forecast every row from the folds that it is not in.

        Parameters
        ----------
        X : ndarray of float32, shape (n, dims)
            Centred, and scaled by the root of the weights if there are any.
        T : ndarray of float32, shape (n, n_targets)
            Centred likewise; no gaps.
        fold : ndarray of int, shape (n,)

        Attributes
        ----------
        out_of_fold_ : ndarray, shape (n_alphas, n, n_targets)
        """
        self._X, self._T = X, T
        self._dual = len(X) <= X.shape[1]
        self._gram = X @ X.T if self._dual else X.T @ X
        self._right = T if self._dual else X.T @ T
        self.out_of_fold_ = np.zeros((len(self.alphas), *T.shape), np.float32)
        folds = np.unique(fold)
        for each in folds if len(folds) > 1 else ():  # one fold leaves nothing to forecast from
            out = fold == each
            for number, forecast in enumerate(self._forecasts(out)):
                self.out_of_fold_[number, out] = forecast
        return self

    def coef(self, alpha: float) -> Design:
        """Fit all rows with one penalty; shape (dims, n_targets)."""
        found = _solve(self._gram, alpha, self._right)
        return self._X.T @ found if self._dual else found

    def _forecasts(self, out: Mask) -> Iterator[Design]:
        """Yield for each penalty the forecasts of the rows `out` from the others."""
        held, kept = self._X[out], ~out
        if self._dual:
            gram, forward, right = self._gram[np.ix_(kept, kept)], self._gram[np.ix_(out, kept)], self._T[kept]
        else:
            gram, forward, right = self._gram - held.T @ held, held, self._right - held.T @ self._T[out]
        for alpha in self.alphas:
            yield np.asarray(forward @ _solve(gram, alpha, right), np.float32)


def _solve(gram: Design, alpha: float, right: Design) -> Design:
    """Solve (gram + alpha I) w = right."""
    penalised = gram.copy()
    penalised[np.diag_indices_from(penalised)] += np.float32(alpha)
    factor = cho_factor(penalised, lower=True, overwrite_a=True, check_finite=False)
    solution: Design = cho_solve(factor, right, check_finite=False)
    return solution


class ShrunkRidge:
    """Regress many targets with gaps on one design: mean + shrink x (ridge - mean), per target.

    Parameters
    ----------
    caution : float
        Standard errors that are taken off the out-of-fold slope before it is clipped to [0, 1].
    alphas : tuple of float
        Penalties to choose from, per target.
    intercept : bool
        False: targets are regressed as they are, towards 0.

    Attributes
    ----------
    mean_ : ndarray, shape (n_targets,)
    coef_ : ndarray of float32, shape (dims, n_targets)
        Shrunk already. A forecast is `mean_ + (x - center_) @ coef_`.
    center_ : ndarray of float32, shape (dims,)
    shrink_, alpha_ : ndarray, shape (n_targets,)
    out_of_fold_ : ndarray, shape (n, n_targets)
        Forecasts of every row, observed or not, from the other folds.
    """

    def __init__(self, *, caution: float, alphas: tuple[float, ...] = ALPHAS, intercept: bool = True) -> None:
        """Keep the hyperparameters."""
        self.caution = caution
        self.alphas = alphas
        self.intercept = intercept

    def fit(self, X: Design, Y: Array, fold: Index, weight: Array | None = None) -> Self:
        """Learn from the rows that are observed.

        Parameters
        ----------
        X : ndarray of float32, shape (n, dims)
        Y : ndarray, shape (n, n_targets)
            NaN where not observed. A column without any observation forecasts 0.
        fold : ndarray of int, shape (n,)
            Rows of one prompt group share a fold.
        weight : ndarray, shape (n,), optional
            How much each row's squared error counts.
        """
        n, m = Y.shape
        weight = np.ones(n) if weight is None else weight
        seen = ~np.isnan(Y)
        weights = np.where(seen, weight[:, None], 0.0)
        self.mean_ = np.zeros(m)
        if self.intercept:
            self.mean_ = np.where(seen, Y * weight[:, None], 0.0).sum(0) / np.maximum(weights.sum(0), 1e-12)
        self.center_ = X.mean(0)
        self.coef_ = np.zeros((X.shape[1], m), np.float32)
        self.shrink_, self.alpha_ = np.zeros(m), np.full(m, max(self.alphas))
        self.out_of_fold_ = np.tile(self.mean_, (n, 1))
        targets = np.where(seen, Y - self.mean_, 0.0)
        for columns in alike(seen):
            rows: Mask = np.asarray(seen[:, columns].any(axis=1))
            if rows.sum() > 1:
                self._fit_alike(X, targets, weights, fold, (rows, columns))
        return self

    def predict(self, X: Design) -> Array:
        """Forecast; shape (n, n_targets)."""
        forecast: Array = self.mean_ + (X - self.center_) @ self.coef_
        return forecast

    def _fit_alike(self, X: Design, targets: Array, weights: Array, fold: Index, block: tuple[Mask, Index]) -> None:
        """Fit the columns that share their rows."""
        rows, columns = block
        root = np.sqrt(weights[rows][:, columns].max(axis=1), dtype=np.float32)[:, None]
        design = X[rows] - self.center_
        design *= root
        block_targets = targets[np.ix_(rows, columns)]
        path = RidgePath(alphas=self.alphas).fit(design, (block_targets * root).astype(np.float32), fold[rows])
        forecasts = path.out_of_fold_ / np.maximum(root, np.float32(1e-6))
        best = [
            _best(forecasts[:, :, j], block_targets[:, j], weights[rows, column], self.caution)
            for j, column in enumerate(columns)
        ]
        for number in {number for number, _ in best}:
            coef = path.coef(self.alphas[number])
            for j, column in enumerate(columns):
                if best[j][0] == number:
                    shrink = best[j][1]
                    self.alpha_[column], self.shrink_[column] = self.alphas[number], shrink
                    self.coef_[:, column] = shrink * coef[:, j]
                    self.out_of_fold_[rows, column] += shrink * forecasts[number, :, j]


def alike(seen: Mask) -> Iterator[Index]:
    """Group columns by their observed rows, greedily in order; the few rows that differ are those of `_SAME_ROWS`."""
    left = list(range(seen.shape[1]))
    while left:
        first = left[0]
        limit = _SAME_ROWS * seen[:, first].sum()
        group = [j for j in left if (seen[:, j] != seen[:, first]).sum() <= limit]
        left = [j for j in left if j not in group]
        yield np.array(group)


def _best(forecasts: Design, target: Array, weight: Array, caution: float) -> tuple[int, float]:
    """Choose penalty and shrink of one target by its weighted out-of-fold error; ties go to the larger penalty.

    Returns the index of the penalty and the shrink.
    """
    choice, least = (len(forecasts) - 1, 0.0), float((weight * target**2).sum())
    for number in reversed(range(len(forecasts))):
        forecast = forecasts[number].astype(np.float64)
        energy = float((weight * forecast**2).sum())
        if energy <= 0:
            continue
        slope = float((weight * forecast * target).sum()) / energy
        # Heteroscedastic standard error of a slope through the origin (White, 1980).
        error = float(np.sqrt(((weight * forecast * (target - slope * forecast)) ** 2).sum())) / energy
        shrink = min(1.0, max(0.0, slope - caution * error))
        loss = float((weight * (target - shrink * forecast) ** 2).sum())
        if loss < least:
            choice, least = (number, shrink), loss
    return choice
