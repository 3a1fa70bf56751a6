"""Own the statistics of a promise: is the mean loss of a setting at most what is allowed, and which settings may serve.

    losses of one setting ─ bet against "the mean is above `within`" ─> wealth ─> p-value, upper bound
    p-values along the dial, from the most cautious setting ─ stop at the first that fails ─> accepted

A loss is the reference's score less that of the model that was chosen, in [-1, 1]. Whoever bets a fair share of their
money on every loss being below `within` cannot get rich while the mean is above it: their wealth is then a
supermartingale that starts at 1, and exceeds 1/alpha with a probability of at most alpha (Ville 1939), whatever the
distribution and at any sample size. The bets are the predictable plug-in ones of [1]_: each looks at the losses before
it only. [2]_ is why several settings may be tested in a fixed order, each at the full level.

Invariant: exact for independent losses of one distribution, in any order that does not depend on them; no asymptotics.

References
----------
.. [1] Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024), 1-27.
.. [2] Angelopoulos, Bates, Candes, Jordan and Lei, "Learn then Test: calibrating predictive algorithms to achieve risk
   control" (2021), arXiv 2110.01052: fixed-sequence testing controls the family-wise error.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct

from gearshift.learning.estimators import Array

_CAUTION: Final = 0.75
"""The greatest share of the wealth that one loss of 1 may take (between 1/2 and 1 by [1]_; one would risk ruin)."""
_PRIOR_VARIANCE: Final = 0.25
"""What the variance is taken for before the first loss; any number is valid, and its weight is that of one loss."""
_HALVINGS: Final = 30
_SHARES: Final = np.geomspace(1e-3, 1.0, 60)
"""Shares of the greatest bet, among which `needed` looks for the best."""
_NO_GROWTH: Final = 1e-6
_Z: Final = 1.959963984540054


class Promise(Struct, frozen=True, kw_only=True):
    """Hold what is to be kept: mean quality of at least the reference's less `within`, with `confidence`."""

    reference: str
    within: float
    confidence: float


def p_values(losses: Array, within: float, confidence: float) -> Array:
    """Test of each setting whether its mean loss is above `within`.

    Parameters
    ----------
    losses : ndarray, shape (n, n_settings)
        In [-1, 1]; rows are independent and in an order that does not depend on them.
    within : float
        In [-1, 1].
    confidence : float
        In (0, 1). The bets are laid out to reach it; the p-values are valid whatever it is.

    Returns
    -------
    ndarray, shape (n_settings,)
        In (0, 1].
    """
    wealth = _log_wealth(losses, _bets(losses, confidence), np.full(losses.shape[1], within))
    p: Array = np.exp(-np.maximum(wealth, 0.0))
    return p


def upper_bounds(losses: Array, confidence: float) -> Array:
    """Bound each mean loss from above: the least `within` that `p_values` accepts; shape (n_settings,)."""
    bets, least = _bets(losses, confidence), -np.log1p(-confidence)
    low, high = np.full(losses.shape[1], -1.0), np.full(losses.shape[1], 1.0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        accepted = _log_wealth(losses, bets, middle) >= least
        low, high = np.where(accepted, low, middle), np.where(accepted, middle, high)
    return high


def accepted(p: Array, confidence: float) -> int:
    """Count the settings that may serve, from the first on: all before the first one whose test fails."""
    failed = np.flatnonzero(p > 1 - confidence)
    return int(failed[0]) if len(failed) else len(p)


def needed(losses: Array, within: float, confidence: float) -> Array:
    """Estimate how many losses like these make each setting pass; infinite where no number does.

    Their empirical distribution is taken for the truth. The best constant bet multiplies the wealth by exp(growth) with
    each loss (Kelly 1956), and ln(1 / alpha) is to be reached.
    """
    growth = np.full(losses.shape[1], 0.0)
    for share in _SHARES:
        growth = np.maximum(growth, np.log1p(share * _greatest(within) * (within - losses)).mean(axis=0))
    with np.errstate(divide="ignore"):
        count: Array = np.ceil(-np.log1p(-confidence) / np.where(growth > _NO_GROWTH, growth, 0.0))
    return count


def wilson(count: int, n: int) -> tuple[float, float]:
    """Give the 95 % interval of a share of which `count` of `n` were seen (Wilson 1927)."""
    centre, spread = count + _Z**2 / 2, _Z * np.sqrt(count * (n - count) / n + _Z**2 / 4)
    return max(0.0, float((centre - spread) / (n + _Z**2))), min(1.0, float((centre + spread) / (n + _Z**2)))


def _bets(losses: Array, confidence: float) -> Array:
    """Give the bet on each loss, from those before it; shape (n, n_settings).

    lambda_t = sqrt(2 ln(1 / alpha) / (n v)), where v is the variance so far: the plug-in of [1]_ for a known n.
    """
    n = len(losses)
    count = np.arange(1, n + 1)[:, None]
    mean = np.cumsum(losses, axis=0) / (count + 1)
    variance = (_PRIOR_VARIANCE + np.cumsum((losses - mean) ** 2, axis=0)) / (count + 1)
    before = np.vstack([np.full((1, losses.shape[1]), _PRIOR_VARIANCE), variance[:-1]])
    bets: Array = np.sqrt(-2 * np.log1p(-confidence) / (n * before))
    return bets


def _log_wealth(losses: Array, bets: Array, within: Array) -> Array:
    """Give the logarithm of the wealth after the last loss; shape (n_settings,).

    The greatest wealth on the way would be valid too, and pass a little more often; but it passes settings whose mean
    loss turned out above `within`, on the strength of the losses that came first.
    """
    bounded = np.minimum(bets, _greatest(within))
    wealth: Array = np.log1p(bounded * (within - losses)).sum(axis=0)
    return wealth


def _greatest(within: Array | float) -> Array:
    """Give the bet that a loss of 1 lets lose the share `_CAUTION` of the wealth."""
    greatest: Array = _CAUTION / np.maximum(1 - np.asarray(within, dtype=np.float64), 1e-9)
    return greatest
