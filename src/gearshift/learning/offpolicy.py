"""Own off-policy estimates: what a policy would have scored, from a log that another policy wrote.

The words are those of the Open Bandit Pipeline: an action was taken with probability `pscore` and earned a `reward`;
`pi_e` are the probabilities of the policy to evaluate, `q_hat` what a model expects each action to earn.

Invariant: pure numpy; nothing here guesses a propensity, and what is not known of `q_hat` (NaN) is an estimate that is
not given, never one of 0. Whether there is enough support to believe a value is for `support` to say.
Sources: each function names its paper; the vocabulary is of Saito, Aihara, Matsutani and Narita 2021, "Open Bandit
Dataset and Pipeline", arXiv:2008.07146.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import numpy as np
from msgspec import Struct

from gearshift.learning.estimators import Array, Index

Estimator: TypeAlias = Literal["ips", "snips", "dm", "dr"]
WEIGHTED: Final[tuple[Estimator, ...]] = ("ips", "snips", "dr")
"""Estimators that weigh what was seen, and so need its support."""
Z: Final = 1.959963984540054
"""The normal quantile of a two-sided 95 % interval."""
_FOLDS: Final = 5
_MIN_FIT: Final = 20


class LoggedDecisions(Struct, frozen=True, kw_only=True, eq=False):
    """Hold what a log knows, shapes (n,).

    `action` numbers the action taken, `reward` what it earned, `pscore` its propensity in (0, 1]. Rows of the same
    `block` (a session) depend on each other; blocks do not.
    """

    action: Index
    reward: Array
    pscore: Array
    block: Index


class Estimated(Struct, frozen=True, kw_only=True):
    """Hold an estimate and its 95 % interval."""

    value: float
    low: float
    high: float


class Terms(Struct, frozen=True, kw_only=True, eq=False):
    """Hold an estimate and its influence function at each row, shape (n,), of mean 0."""

    value: float
    influence: Array


def importance(log: LoggedDecisions, pi_e: Array, clip: float | None = None) -> Array:
    """Give the importance weight of each row, w = pi_e(a | x) / pscore, shape (n,).

    Parameters
    ----------
    log : LoggedDecisions
    pi_e : ndarray, shape (n, n_actions)
    clip : float, optional
        The greatest weight; larger ones are cut to it, which trades variance for a bias towards 0.

    References
    ----------
    Ionides 2008, "Truncated importance sampling", J. Comput. Graph. Stat. 17(2).
    """
    weights: Array = pi_e[np.arange(len(log.action)), log.action] / log.pscore
    return weights if clip is None else np.minimum(weights, clip)


def on_policy(log: LoggedDecisions) -> Terms:
    """Give the mean reward of the log itself."""
    value = float(log.reward.mean())
    return Terms(value=value, influence=log.reward - value)


def ips(log: LoggedDecisions, weights: Array) -> Terms:
    """Weigh rewards by inverse propensity: mean of w r.

    Unbiased when `pscore` is right and the log could take every action that the policy takes.

    References
    ----------
    Horvitz and Thompson 1952, "A generalization of sampling without replacement from a finite universe", JASA 47.
    """
    terms = weights * log.reward
    value = float(terms.mean())
    return Terms(value=value, influence=terms - value)


def snips(log: LoggedDecisions, weights: Array) -> Terms:
    """Normalise by the weights: sum of w r / sum of w.

    Stays within the range of the rewards; its bias falls as 1 / n. The influence is that of the ratio (delta method).

    References
    ----------
    Swaminathan and Joachims 2015, "The self-normalized estimator for counterfactual learning", NeurIPS, eq. 8.
    """
    value = float((weights * log.reward).sum() / weights.sum())
    return Terms(value=value, influence=weights * (log.reward - value) / weights.mean())


def direct(pi_e: Array, q_hat: Array) -> Terms | None:
    """Believe the model: mean over rows of sum_a pi_e(a | x) q_hat(x, a); None where that needs an unknown `q_hat`.

    Its interval says how prompts differ, nothing of how wrong the model is.

    References
    ----------
    Beygelzimer and Langford 2009, "The offset tree for learning with partial labels", KDD (the regression baseline).
    """
    rows = _expected(pi_e, q_hat)
    if np.isnan(rows).any():
        return None
    value = float(rows.mean())
    return Terms(value=value, influence=rows - value)


def doubly_robust(log: LoggedDecisions, weights: Array, pi_e: Array, q_hat: Array) -> Terms | None:
    """Correct the model by what was seen: mean of sum_a pi_e q_hat + w (r - q_hat(x, a)); None as in `direct`.

    Right when either the propensities or the model are; the better the model, the narrower the interval.

    References
    ----------
    Dudik, Langford and Li 2011, "Doubly robust policy evaluation and learning", ICML, eq. 2 (arXiv:1103.4601).
    """
    taken = q_hat[np.arange(len(log.action)), log.action]
    correction = np.where(weights > 0, weights * (log.reward - taken), 0.0)
    rows = _expected(pi_e, q_hat) + correction
    if np.isnan(rows).any():
        return None
    value = float(rows.mean())
    return Terms(value=value, influence=rows - value)


def estimates(log: LoggedDecisions, pi_e: Array, q_hat: Array, clip: float | None = None) -> dict[Estimator, Terms]:
    """Estimate a policy every way; dm and dr are absent where they need an unknown `q_hat`.

    Parameters
    ----------
    log : LoggedDecisions
    pi_e, q_hat : ndarray, shape (n, n_actions)
    clip : float, optional
        As in `importance`.
    """
    weights = importance(log, pi_e, clip)
    found: dict[Estimator, Terms | None] = {
        "ips": ips(log, weights),
        "snips": snips(log, weights) if weights.any() else None,
        "dm": direct(pi_e, q_hat),
        "dr": doubly_robust(log, weights, pi_e, q_hat),
    }
    return {name: terms for name, terms in found.items() if terms is not None}


def _expected(pi_e: Array, q_hat: Array) -> Array:
    """Give sum_a pi_e(a | x) q_hat(x, a), shape (n,); what has no probability need not be known."""
    expected: Array = np.where(pi_e > 0, pi_e * q_hat, 0.0).sum(axis=1)
    return expected


def less(terms: Terms, other: Terms) -> Terms:
    """Give the difference of two estimates of the same rows; what they share cancels."""
    return Terms(value=terms.value - other.value, influence=terms.influence - other.influence)


def interval(terms: Terms, block: Index, low: float = -np.inf, high: float = np.inf) -> Estimated:
    """Give a 95 % interval, within `low` and `high`.

    It is the union of the normal interval and of Hall's, which removes the skewness of the mean by a cubic transform.
    Weights and costs are skewed: where an estimate rests on few large terms the normal interval alone covered 87 %,
    and where the terms have two long tails (doubly robust) Hall's alone did. Blocks, not rows, are what varies.

    References
    ----------
    Hall 1992, "On the removal of skewness by transformation", J. R. Stat. Soc. B 54(1), T1.
    Cameron and Miller 2015, "A practitioner's guide to cluster-robust inference", J. Hum. Resour. 50(2).
    """
    rows_of = np.bincount(block)
    n = int(np.count_nonzero(rows_of))
    sums = np.bincount(block, weights=terms.influence)[rows_of > 0] * (n / len(block))
    deviation = float(sums.std(ddof=1)) if n > 1 else float("inf")
    if not deviation > 0:
        return Estimated(value=terms.value, low=terms.value, high=terms.value)
    skewness = float(np.mean(((sums - sums.mean()) / deviation) ** 3))
    ends = [-Z, Z, *(-_untransformed(z, skewness, n) for z in (-Z, Z))]
    reach = terms.value + np.array([min(ends), max(ends)]) * deviation / np.sqrt(n)
    reach = np.clip(reach, low, high)
    return Estimated(value=terms.value, low=float(reach[0]), high=float(reach[1]))


def _untransformed(z: float, skewness: float, n: int) -> float:
    """Invert Hall's transform at `z`: the studentised mean whose skewness-free image it is."""
    if abs(skewness) < np.finfo(float).eps ** 0.5:
        return z
    root = np.sqrt(n)
    shifted = z - skewness / (6 * root)
    return float(root * 3 / skewness * (np.cbrt(1 + skewness * shifted / root) - 1))


def outcome_model(log: LoggedDecisions, forecast: Array) -> Array:
    """Fit what was forecast of each action to what it earned, by a line; shape (n, n_actions).

    A forecast may be of another scale than the rewards, and one that is far off would cost doubly robust its
    precision: the line is fitted for each fold of blocks on the others. Where a fold has fewer than `_MIN_FIT` other
    rows of the action, the forecast stays as it is; without a forecast (NaN) it is the mean reward of the action in the
    other folds, NaN where there is none.

    Parameters
    ----------
    log : LoggedDecisions
    forecast : ndarray, shape (n, n_actions)

    References
    ----------
    Chernozhukov et al. 2018, "Double/debiased machine learning", Econom. J. 21(1): cross-fitting.
    """
    q_hat = np.empty_like(forecast)
    fold = log.block % _FOLDS
    for number in range(_FOLDS):
        here = fold == number
        for action in range(forecast.shape[1]):
            seen = ~here & (log.action == action)
            q_hat[here, action] = _fitted(forecast[seen, action], log.reward[seen], forecast[here, action])
    return q_hat


def _fitted(known: Array, reward: Array, asked: Array) -> Array:
    """Predict at forecasts `asked` from pairs of forecast and reward, within the rewards seen."""
    mean = float(reward.mean()) if len(reward) else np.nan
    pairs = ~np.isnan(known)
    x, y = known[pairs], reward[pairs]
    spread = float(((x - x.mean()) ** 2).sum()) if len(x) >= _MIN_FIT else 0.0
    if len(x) < _MIN_FIT:
        line = asked
    elif not spread > 0:
        line = np.full_like(asked, y.mean())
    else:
        slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread
        line = np.clip(y.mean() + slope * (asked - x.mean()), y.min(), y.max())
    return np.where(np.isnan(asked), mean, line)
