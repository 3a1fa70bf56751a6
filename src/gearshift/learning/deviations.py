"""Own what one model does differently: regressions of many models at once, and how far each forecast can be trusted.

    deviation_m(x) = offset_m + trust(x) * (x - center) coef_m
    trust(x)       = max over tasks k that m was seen in:  slope_d(k) * ramp((likeness_k(x) - low) / (high - low))

Two things would make a router worse than no router: the noise of many regressions, of which it takes the largest, and
prompts unlike all that was learned from. Against the first, all models that answered the same prompts share one penalty
and one slope, chosen by out-of-fold error. Against the second, whole tasks are left out: what forecasts are worth
there, at the likeness that such prompts have, decides where trust begins. Zero is an answer to both.

Invariant: where trust is 0, a deviation is the model's own offset, so its forecast returns to its mean.

References
----------
.. [1] Roberts et al., "Cross-validation strategies for data with temporal, spatial, hierarchical or phylogenetic
   structure", Ecography 40 (2017): leave whole blocks out to learn what holds beyond them.
"""
# X and Y are the names that scikit-learn gives design and targets.
# ruff: noqa: N803

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Self, TypeAlias

import numpy as np
from msgspec import Struct

from gearshift.learning.estimators import Array, Design, Index, Mask, RidgePath, alike

ALPHAS: Final = (1.0, 4.0, 15.0, 60.0, 240.0)
CAUTION: Final = 1.0
"""Standard errors that are taken off the slope of targets on forecasts."""
_HIGH: Final = (0.05, 0.1, 0.2, 0.35)
"""Full trust begins at one of these quantiles of the likeness of known prompts to their own tasks."""
_LOW: Final = (0.5, 0.6, 0.7, 0.8, 0.9)
"""It ends at one of these shares of that."""

Blind: TypeAlias = Callable[[int], Design]
"""Gives the design, shape (n, dims), as it looks to one who has not met the tasks of a block."""


class Trust(Struct, frozen=True, kw_only=True):
    """Hold how far forecasts are trusted: `slope` from a likeness of `high` on, nothing below `low`."""

    low: float
    high: float
    slope: float


class Deviations:
    """Regress what is left of the scores after all that models share.

    Attributes
    ----------
    offset_ : ndarray, shape (n_models,)
    coef_, bias_ : ndarray, shapes (dims, n_models) and (n_models,)
        A forecast, before trust, is `x @ coef_ + bias_`; it is 0 on average over the model's own prompts.
    out_of_fold_ : ndarray, shape (n, n_models)
        Forecasts, before trust and without the offset, of every row from the other folds.
    out_of_block_, block_offset_ : ndarray, shape (n, n_models)
        The same from the rows of other blocks, and the offset without the row's own block; NaN where there is none.
    """

    def fit(self, X: Design, Y: Array, fold: Index, block: Index, blind: Blind) -> Self:
        """Learn from the rows that are observed.

        Parameters
        ----------
        X : ndarray of float32, shape (n, dims)
        Y : ndarray, shape (n, n_models)
            NaN where not observed.
        fold, block : ndarray of int, shape (n,)
            Rows of one question share a fold, rows of one task a block.
        blind : callable
            See `Blind`.
        """
        n, m = Y.shape
        seen = ~np.isnan(Y)
        count = np.maximum(1, seen.sum(axis=0))
        self.offset_ = np.where(seen, Y, 0.0).sum(axis=0) / count
        self.coef_, self.bias_ = np.zeros((X.shape[1], m), np.float32), np.zeros(m)
        self.alpha_ = np.full(m, max(ALPHAS))
        self.out_of_fold_ = np.zeros((n, m), np.float32)
        self.out_of_block_, self.block_offset_ = np.full((n, m), np.nan), np.full((n, m), np.nan)
        targets = np.where(seen, Y - self.offset_, 0.0).astype(np.float32)
        parts = [(np.asarray(seen[:, columns].any(axis=1)), columns) for columns in alike(seen)]
        parts = [(rows, columns) for rows, columns in parts if len(np.unique(fold[rows])) > 1]
        for rows, columns in parts:
            self._fit_alike(X[rows], targets[np.ix_(rows, columns)], fold[rows], (rows, columns))
        for each in np.unique(block):
            hidden = blind(int(each))
            for rows, columns in parts:
                self._leave_out(hidden, np.where(seen, Y, np.nan), block == each, (rows, columns))
        return self

    def _fit_alike(self, X: Design, targets: Design, fold: Index, part: tuple[Mask, Index]) -> None:
        """Fit the columns that share their rows, with the penalty of the least out-of-fold error."""
        rows, columns = part
        center = X.mean(axis=0)
        path = RidgePath(alphas=ALPHAS).fit(X - center, targets, fold)
        errors = [_least_error(forecast, targets) for forecast in path.out_of_fold_]
        best = len(ALPHAS) - 1 - int(np.argmin(errors[::-1]))  # ties go to the larger penalty
        coef = path.coef(ALPHAS[best])
        self.alpha_[columns] = ALPHAS[best]
        self.coef_[:, columns] = coef
        self.bias_[columns] = -(center @ coef)
        self.out_of_fold_[np.ix_(rows, columns)] = path.out_of_fold_[best]

    def _leave_out(self, X: Design, Y: Array, out: Mask, part: tuple[Mask, Index]) -> None:
        """Forecast the rows `out` from the others."""
        rows, columns = part
        kept, left = rows & ~out, rows & out
        if kept.sum() <= 1 or not left.any():
            return
        scores = Y[np.ix_(kept, columns)]
        seen = ~np.isnan(scores)
        offset = np.where(seen, scores, 0.0).sum(axis=0) / np.maximum(1, seen.sum(axis=0))
        targets = np.where(seen, scores - offset, 0.0).astype(np.float32)
        alpha = float(self.alpha_[columns[0]])
        center = X[kept].mean(axis=0)
        path = RidgePath(alphas=(alpha,)).fit(X[kept] - center, targets, np.zeros(int(kept.sum()), np.int64))
        self.out_of_block_[np.ix_(left, columns)] = (X[left] - center) @ path.coef(alpha)
        self.block_offset_[np.ix_(left, columns)] = offset


class Evidence(Struct, frozen=True, kw_only=True, eq=False):
    """Hold what trust is learned from: how like prompts were, what was forecast, and what came.

    Shapes (n,), (n, n_models), (n, n_models); NaN where not observed or not forecast.
    """

    likeness: Array
    forecast: Array
    target: Array


def weigh(near: Evidence, far: Evidence) -> Trust:
    """Learn how far to trust forecasts: half from prompts of known tasks, half from tasks that were left out."""
    if not np.isfinite(near.likeness).any():
        return Trust(low=0.0, high=1.0, slope=0.0)
    best, least = Trust(low=0.0, high=1.0, slope=0.0), 0.0
    highs = np.unique(np.maximum(np.quantile(near.likeness, _HIGH), 1e-6))
    sums = [_moments(each) for each in (near, far)]
    for high in highs:
        for share in _LOW:
            low = float(high * share)
            slope, loss = _slope(near, far, sums, (low, float(high)))
            if loss < least:
                best, least = Trust(low=low, high=float(high), slope=slope), loss
    return best


def ramp(likeness: Array, low: float | Array, high: float | Array) -> Array:
    """Rise from 0 at `low` to 1 at `high`."""
    risen: Array = np.clip((likeness - low) / np.maximum(high - low, 1e-9), 0.0, 1.0)
    return risen


def _moments(evidence: Evidence) -> tuple[Array, Array, float]:
    """Sum over each row's observed cells: forecast x target, forecast squared; and count the cells."""
    known = ~np.isnan(evidence.target) & ~np.isnan(evidence.forecast)
    forecast = np.where(known, evidence.forecast, 0.0)
    target = np.where(known, evidence.target, 0.0)
    return (forecast * target).sum(axis=1), (forecast**2).sum(axis=1), float(known.sum())


def _slope(
    near: Evidence, far: Evidence, sums: list[tuple[Array, Array, float]], bounds: tuple[float, float]
) -> tuple[float, float]:
    """Regress targets on forecasts that are weighted by the ramp; gives slope and change of the squared error."""
    product, energy = [], []
    for evidence, (cross, square, cells) in zip((near, far), sums, strict=True):
        rise = ramp(evidence.likeness, *bounds)
        product.append(rise * cross / max(1.0, cells))
        energy.append(rise**2 * square / max(1.0, cells))
    crosses, squares = np.concatenate(product), np.concatenate(energy)
    total = float(squares.sum())
    if total <= 0:
        return 0.0, 0.0
    slope = float(crosses.sum()) / total
    # Standard error of a slope through the origin, clustered by prompt (White, 1980; Liang and Zeger, 1986).
    error = float(np.sqrt(((crosses - slope * squares) ** 2).sum())) / total
    slope = min(1.0, max(0.0, slope - CAUTION * error))
    return slope, slope**2 * total - 2 * slope * float(crosses.sum())


def _least_error(forecast: Design, target: Design) -> float:
    """Give the squared error of a forecast under its best slope in [0, 1], less that of no forecast."""
    energy = float((forecast.astype(np.float64) ** 2).sum())
    product = float((forecast.astype(np.float64) * target).sum())
    slope = min(1.0, max(0.0, product / energy)) if energy > 0 else 0.0
    return slope**2 * energy - 2 * slope * product
