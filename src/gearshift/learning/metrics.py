"""Own what routers are measured by; every function is of arrays only.

Invariant: a curve is compared with what needs no router: the hull of the single models, which anyone reaches by tossing
a coin between two neighbours. Formulas are those of the published code, to the letter, where there is one.

References
----------
.. [1] Ong et al., "RouteLLM" (2024); `routellm/evals/evaluate.py` and `benchmarks.py` at 0b64fda: APGR, CPT.
.. [2] Hu et al., "RouterBench" (2024); `evaluation/AIQ.py`: AIQ, the zero router.
.. [3] Guo et al., "On calibration of modern neural networks", ICML 2017: ECE, reliability diagrams.
.. [4] "LLMRouterBench" (2026): PerfGain, CostSave, Gap@Oracle.
.. [5] "RouterArena" (2025); `compute_scores.py`: the arena score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
_ROUNDING: Final = 1e-9
"""Means of the same scores, summed in another order, differ by less."""
_CHEAPEST, _DEAREST, _ARENA_BETA = 0.0044, 200.0, 0.1
"""RouterArena's bounds, USD per 1,000 requests, and the weight of cost."""
ROUNDS: Final = 300
"""Resamples of a bootstrap."""
NINETY: Final = 1.645
"""A normal variable is within so many standard deviations nine times of ten."""


class Hull(Struct, frozen=True, eq=False):
    """Hold the upper hull of points: costs ascend, qualities ascend, gains diminish; both of shape (n,)."""

    cost: Array
    quality: Array

    def at(self, cost: Array) -> Array:
        """Give the best quality at these costs; below the first cost, that of the first."""
        return np.interp(cost, self.cost, self.quality)

    def cost_of(self, quality: float) -> float | None:
        """Give the least cost with at least this quality, None where it is not reached."""
        if quality > self.quality[-1] + _ROUNDING:
            return None
        return float(np.interp(quality, self.quality, self.cost))


class Interval(Struct, frozen=True, kw_only=True):
    """Hold a value with a 95 % bootstrap interval; None where it is not defined."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Bin(Struct, frozen=True, kw_only=True):
    """Hold the outcomes whose forecast fell into one bin: how many, their mean forecast and their mean score."""

    count: int
    forecast: float
    score: float


class Coverage(Struct, frozen=True, kw_only=True):
    """Hold whether mean scores lie where mean forecasts said: `z` is of the mean over models, in standard deviations.

    `within` is the share of models whose own mean score is within 1.645 standard deviations; nine of ten should be.
    """

    z: float | None
    within: float | None


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


def margin(cost: Array, quality: Array, singles: Hull) -> Array:
    """Give quality less what mixing single models reaches at the same cost, for each setting of the dial.

    Its least value is the harm that a badly set dial does, its mean what an arbitrary setting gains.
    """
    return quality - singles.at(cost)


def perf_gain(quality: Array, best: float) -> float | None:
    """Give LLMRouterBench's PerfGain: the best setting's quality over the best single model's, less 1."""
    return float(quality.max() / best - 1) if best > 0 else None


def cost_save(cost: Array, quality: Array, best: tuple[float, float]) -> float | None:
    """Give LLMRouterBench's CostSave: the largest share of cost cut at the best single model's quality, or more.

    `best` is that model's (cost, quality). Only settings that were measured count, none between them.
    """
    good = quality >= best[1] - _ROUNDING
    return 1 - float(cost[good].min()) / best[0] if good.any() and best[0] > 0 else None


def oracle_gap(quality: Array, oracle: float) -> float | None:
    """Give LLMRouterBench's Gap@Oracle: how far the best setting is below the oracle, relative to that."""
    return float(1 - quality.max() / oracle) if oracle > 0 else None


def arena(cost: Array, quality: Array) -> float | None:
    """Give RouterArena's score of the best setting, 0 to 100; None when a cost is not above 0.

    S = (1 + b) A C / (b A + C), C = (log2 200 - log2 c) / (log2 200 - log2 0.0044), c in USD per 1,000 requests.
    """
    if (cost <= 0).any():
        return None
    cheapness = np.log(_DEAREST / (1000 * cost)) / np.log(_DEAREST / _CHEAPEST)
    cheapness = np.clip(cheapness, 1e-6, 1)
    score = (1 + _ARENA_BETA) * quality * cheapness / (_ARENA_BETA * quality + cheapness)
    return float(100 * score.max())


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


def reliability(forecast: Array, score: Array, bins: int = 10) -> tuple[Bin, ...]:
    """Compare forecasts with scores over equal-width bins; empty bins are left out."""
    place = np.minimum((forecast * bins).astype(int), bins - 1)
    members = [place == each for each in range(bins)]
    return tuple(
        Bin(count=int(inside.sum()), forecast=float(forecast[inside].mean()), score=float(score[inside].mean()))
        for inside in members
        if inside.any()
    )


def coverage(forecast: Array, std: Array, score: Array) -> Coverage:
    """Compare mean scores with mean forecasts, in the standard deviations that were forecast.

    Parameters
    ----------
    forecast, std, score : ndarray, shape (n_prompts, n_models)
        `std` is of an *expected* score: errors of one data set are taken to be shared by its prompts.
    """
    spread = std.mean(axis=0)
    if not (spread > 0).all():
        return Coverage(z=None, within=None)
    off = score.mean(axis=0) - forecast.mean(axis=0)
    within = np.abs(off / spread) <= NINETY
    return Coverage(z=float(off.mean() / spread.mean()), within=float(within.mean()))


def interval_of(found: Sequence[float | None]) -> Interval:
    """Give the first value with the percentile interval of the others, which are of resamples.

    An end of the interval is None where the figure is undefined there.
    """
    values = np.array([np.inf if each is None else each for each in found[1:]])
    low, high = np.quantile(values, [0.025, 0.975], method="nearest")
    return Interval(value=found[0], low=_known(low), high=_known(high))


def resamples(n: int, rounds: int = ROUNDS, seed: int = 0) -> Array:
    """Give weights of n rows that sum to 1, shape (1 + rounds, n): first all alike, then bootstrap resamples.

    A product with them gives the means of every resample at once; figures of one matrix are paired.
    """
    rng = np.random.default_rng(seed)
    counts = [np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(rounds)]
    weights: Array = np.vstack([np.ones(n), *counts]) / n
    return weights


def bootstrap(statistic: Statistic, n: int, *, rounds: int = ROUNDS, seed: int = 0) -> Interval:
    """Give a statistic of rows with its percentile interval, resampling rows with replacement.

    Statistics of one sample are paired. An end of the interval is None where the statistic is undefined there.
    """
    rng = np.random.default_rng(seed)
    found = [statistic(rng.integers(0, n, n)) for _ in range(rounds)]
    return interval_of([statistic(np.arange(n)), *found])


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
