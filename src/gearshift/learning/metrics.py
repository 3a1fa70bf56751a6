"""Own what routers are measured by; every function is of arrays only.

Invariant: a curve is compared with what needs no router: the hull of the single models, which anyone reaches by tossing
a coin between two neighbours. Formulas are those of the published code, to the letter, where there is one.

References
----------
.. [1] Ong et al., "RouteLLM" (2024); `routellm/evals/evaluate.py` and `benchmarks.py` at 0b64fda: APGR, CPT.
.. [2] Hu et al., "RouterBench" (2024); `evaluation/AIQ.py`: AIQ, the zero router.
.. [3] Guo et al., "On calibration of modern neural networks", ICML 2017: ECE.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from gearshift.learning.estimators import Array

Statistic: TypeAlias = Callable[[NDArray[np.intp]], float | None]
"""A figure of the rows at these positions; None where it is not defined."""

_THRESHOLDS: Final = 11
"""RouteLLM cuts the scores at ten quantile bins."""
_GRID: Final = 64


class Hull(Struct, frozen=True, eq=False):
    """Hold the upper hull of points: costs ascend, qualities ascend, gains diminish; both of shape (n,)."""

    cost: Array
    quality: Array

    def at(self, cost: Array) -> Array:
        """Give the best quality at these costs; below the first cost, that of the first."""
        return np.interp(cost, self.cost, self.quality)

    def cost_of(self, quality: float) -> float | None:
        """Give the least cost with at least this quality, None where it is not reached."""
        if quality > self.quality[-1]:
            return None
        return float(np.interp(quality, self.quality, self.cost))


class Interval(Struct, frozen=True, kw_only=True):
    """Hold a value with a 95 % bootstrap interval; None where it is not defined."""

    value: float | None
    low: float | None = None
    high: float | None = None


def hull(cost: Array, quality: Array) -> Hull:
    """Take the non-decreasing concave hull of points (the zero router, when these are the single models)."""
    kept: list[tuple[float, float]] = []
    for x, y in sorted(zip(cost.tolist(), quality.tolist(), strict=True), key=lambda point: (point[0], -point[1])):
        if kept and y <= kept[-1][1]:
            continue
        while len(kept) > 1 and _is_below(kept[-1], kept[-2], (x, y)):
            kept.pop()
        kept.append((x, y))
    points = np.array(kept)
    return Hull(points[:, 0], points[:, 1])


def gain(router: Hull, singles: Hull) -> float:
    """Average quality less the singles' over the logarithm of cost, from the cheapest single model to the best."""
    low, high = singles.cost[0], singles.cost[-1]
    grid = np.array([low]) if not 0 < low < high else np.geomspace(low, high, _GRID)
    return float((router.at(grid) - singles.at(grid)).mean())


def aiq(router: Hull, highest_cost: float) -> float:
    """Integrate quality over cost, from the hull's own first cost (as the code does), divided by `highest_cost`."""
    cost, quality = np.append(router.cost, highest_cost), np.append(router.quality, router.quality[-1])
    return float(np.trapezoid(quality, cost) / highest_cost) if highest_cost > 0 else float(router.quality[-1])


def apgr(win: Array, strong: Array, weak: Array) -> float:
    """Give RouteLLM's average performance gap recovered.

    Parameters
    ----------
    win : ndarray, shape (n,)
        How much the strong model is expected to be better.
    strong, weak : ndarray, shape (n,)
        Their scores.
    """
    share, quality = _sweep(win, strong, weak)
    flat = np.ones_like(share)
    floor = np.trapezoid(flat * weak.mean(), share)
    ceiling = np.trapezoid(flat * strong.mean(), share)
    return float((np.trapezoid(quality, share) - floor) / (ceiling - floor)) if ceiling != floor else float("nan")


def cpt(win: Array, strong: Array, weak: Array, recovered: float) -> float:
    """Give RouteLLM's call-performance threshold: the share of strong calls that recovers so much of the gap."""
    share, quality = _sweep(win, strong, weak)
    return float(np.interp(weak.mean() + recovered * (strong.mean() - weak.mean()), quality, share))


def ece(forecast: Array, score: Array, bins: int = 10) -> float:
    """Give the expected calibration error: the mean distance of forecast and score over equal-width bins."""
    place = np.minimum((forecast * bins).astype(int), bins - 1)
    error = np.bincount(place, weights=forecast - score, minlength=bins)
    return float(np.abs(error).sum() / len(forecast))


def bootstrap(statistic: Statistic, n: int, *, rounds: int = 300, seed: int = 0) -> Interval:
    """Give a statistic of rows with its percentile interval, resampling rows with replacement.

    Statistics of one sample are paired. An end of the interval is None where the statistic is undefined there.
    """
    rng = np.random.default_rng(seed)
    found = [statistic(rng.integers(0, n, n)) for _ in range(rounds)]
    low, high = np.quantile([np.inf if each is None else each for each in found], [0.025, 0.975], method="nearest")
    return Interval(value=statistic(np.arange(n)), low=_known(low), high=_known(high))


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _sweep(win: Array, strong: Array, weak: Array) -> tuple[Array, Array]:
    """Route at every threshold; give share of strong calls and mean score, by ascending share, shape (11,) each."""
    thresholds = np.quantile(win, np.linspace(0, 1, _THRESHOLDS))
    chosen = [win >= each for each in thresholds[:-1]] + [win > thresholds[-1]]
    share = np.array([mask.mean() for mask in chosen])
    quality = np.array([np.where(mask, strong, weak).mean() for mask in chosen])
    order = np.argsort(share, kind="stable")
    return share[order], quality[order]


def _is_below(middle: tuple[float, float], left: tuple[float, float], right: tuple[float, float]) -> bool:
    """Say whether `middle` lies on or under the chord from `left` to `right`."""
    (a, b), (c, d), (e, f) = left, middle, right
    return (f - d) * (c - a) >= (d - b) * (e - c)
