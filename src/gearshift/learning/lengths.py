"""Own how long prompts and answers are: some prompts ask for much, some models say much, some count more than others.

    tokens(x, m) = scale_m * exp(length(x) + length_m(x))

Regressions are of logarithms, for lengths vary by factors; `scale_m` then makes the mean of the forecasts the mean of
what was recorded, which a cost forecast needs and the exponential of a mean logarithm misses.

References
----------
.. [1] Duan, "Smearing estimate: a nonparametric retransformation method", JASA 78 (1983).
"""
# X and Y are the names that scikit-learn gives design and targets.
# ruff: noqa: N803

from __future__ import annotations

from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from gearshift import tokens
from gearshift.learning.abilities import within
from gearshift.learning.data import OutcomeTable
from gearshift.learning.estimators import Array, Design, Index, ShrunkRidge

_SHARED_CAUTION: Final = 0.0
_OWN_CAUTION: Final = 1.0
"""In standard errors; a wrong length misleads a choice less than a wrong quality."""
_OWN_ALPHAS: Final = (4.0, 60.0)


class LengthRegression:
    """Fit shared and own lengths.

    Attributes
    ----------
    scale_ : ndarray, shape (n_models,)
        Tokens; for models without any length the median of the others.
    mean_, coef_ : ndarray, shapes (1 + n_models,) and (dims, 1 + n_models)
        Columns: shared length, then each model's own; natural logarithms.
    """

    def __init__(self, *, default: float) -> None:
        """Take the tokens of an answer where no length is known at all."""
        self.default = default

    def fit(self, X: Design, tokens: Array, fold: Index) -> Self:
        """Learn from output tokens, shape (n_prompts, n_models), NaN where unknown."""
        m = tokens.shape[1]
        seen = ~np.isnan(tokens)
        rows = seen.any(axis=1)
        self.mean_, self.coef_ = np.zeros(1 + m), np.zeros((X.shape[1], 1 + m), np.float32)
        self.scale_ = np.full(m, float(self.default))
        if not rows.any():
            return self
        logs = np.log(np.maximum(1.0, tokens[rows])) - np.log(np.maximum(1.0, tokens[seen])).mean()
        design, known, folds = X[rows], seen[rows], fold[rows]
        prompt = np.nanmean(logs - within(logs), axis=1)
        shared = ShrunkRidge(caution=_SHARED_CAUTION).fit(design, prompt[:, None], folds)
        rest = logs - within(logs) - prompt[:, None]
        own = ShrunkRidge(caution=_OWN_CAUTION, alphas=_OWN_ALPHAS, intercept=False).fit(design, rest, folds)
        self.coef_ = np.hstack([shared.coef_, own.coef_])
        self.mean_ = np.concatenate([part.mean_ - part.center_ @ part.coef_ for part in (shared, own)])
        forecast = np.where(known, np.exp(shared.out_of_fold_ + own.out_of_fold_), 0.0).sum(axis=0)
        told = known.any(axis=0)
        self.scale_[told] = np.nansum(tokens[rows], axis=0)[told] / forecast[told]
        self.scale_[~told] = np.median(self.scale_[told])
        return self


def overheads(table: OutcomeTable) -> NDArray[np.float32]:
    """Measure how many input tokens each model counts beyond our own estimate (the median); 0 where none are known.

    Shape (n_models,).
    """
    own = np.array([tokens.estimate(prompt.request) for prompt in table.prompts])[:, None]
    beyond = table.input_tokens - own
    known = ~np.isnan(beyond).all(axis=0)
    found = np.zeros(len(table.models), np.float32)
    found[known] = np.nanmedian(beyond[:, known], axis=0)
    return found
