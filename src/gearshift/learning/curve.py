"""Own a cost-quality curve: what choices scored and cost at each setting, beside the single models, with intervals.

Invariant: everything is computed on the same resamples of prompts, so every comparison is paired. Draw 0 is the sample
itself, the others are bootstrap resamples.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from msgspec.structs import replace

from gearshift.learning import metrics
from gearshift.learning.choices import Columns
from gearshift.learning.estimators import Array
from gearshift.learning.findings import Point, SetReport
from gearshift.learning.metrics import Hull, Interval, hull, interval_of
from gearshift.learning.pool import Pool


class Field:
    """Hold what needs no router, on every draw: single models, the best of them, the oracle.

    `weights` are of `metrics.resamples`, shape (n_draws, n_prompts); the pool has costs.
    """

    def __init__(self, pool: Pool, weights: Array) -> None:
        """Average outcomes over every draw."""
        if pool.cost is None:
            raise ValueError(f"{pool.dataset}: found no costs; expected a pool with them")
        self.pool, self.weights, self.scores, self.costs = pool, weights, pool.quality, pool.cost
        self.quality, self.cost = weights @ self.scores, weights @ self.costs
        self.best = pool.best
        self.oracle = weights @ pool.oracle()[0]

    @cached_property
    def hulls(self) -> list[Hull]:
        """Give the hull of the single models on every draw."""
        return [hull(cost, quality) for cost, quality in zip(self.cost, self.quality, strict=True)]

    def best_at(self, draw: int) -> tuple[float, float]:
        """Give (cost, quality) on a draw of the model that is best on the sample."""
        return float(self.cost[draw, self.best]), float(self.quality[draw, self.best])


class Curve:
    """Measure the choices of one router, columns of the pool, shape (n_dials, n_prompts)."""

    def __init__(self, field: Field, chosen: Columns) -> None:
        """Look up what was chosen."""
        everyone = np.arange(chosen.shape[1])
        self.field, self.chosen = field, chosen
        self.quality = field.weights @ field.scores[everyone, chosen].T
        self.cost = field.weights @ field.costs[everyone, chosen].T

    @cached_property
    def hulls(self) -> list[Hull]:
        """Give the hull of the settings on every draw."""
        return [hull(cost, quality) for cost, quality in zip(self.cost, self.quality, strict=True)]

    @cached_property
    def gains(self) -> list[float]:
        """Give `metrics.gain` on every draw."""
        return [metrics.gain(router, singles) for router, singles in zip(self.hulls, self.field.hulls, strict=True)]

    def interval(self, figure: Callable[[int], float | None]) -> Interval:
        """Give a figure of a draw with its interval."""
        return interval_of([figure(draw) for draw in range(len(self.quality))])

    def points(self, dials: Array) -> tuple[Point, ...]:
        """Give every setting, with what a random mix of single models scores at the same cost."""
        mix = self.field.hulls[0].at(self.cost[0])
        names, count = self.field.pool.models, len(self.field.pool.models)
        shares = [np.bincount(row, minlength=count) / len(row) for row in self.chosen]
        bounds = [interval_of(column) for column in self.quality.T.tolist()]
        return tuple(
            Point(
                willingness_to_pay=float(dial),
                quality=float(self.quality[0, number]),
                cost_usd=float(self.cost[0, number]),
                mix_quality=float(mix[number]),
                low=bounds[number].low,
                high=bounds[number].high,
                shares={name: float(share) for name, share in zip(names, shares[number], strict=True) if share > 0},
            )
            for number, dial in enumerate(dials)
        )

    def cost_at(self, draw: int, share: float) -> float | None:
        """Give the router's cost at this share of the best single model's quality, relative to that model's cost."""
        best_cost, best_quality = self.field.best_at(draw)
        cost = self.hulls[draw].cost_of(share * best_quality)
        return None if cost is None or best_cost <= 0 else cost / best_cost

    def margin(self, draw: int) -> Array:
        """See `metrics.margin`."""
        return metrics.margin(self.cost[draw], self.quality[draw], self.field.hulls[draw])

    def aiq(self, draw: int) -> tuple[float, float]:
        """Give AIQ of router and single models, up to the largest cost of either."""
        router, singles = self.hulls[draw], self.field.hulls[draw]
        highest = float(max(router.cost[-1], singles.cost[-1]))
        return metrics.aiq(router, highest), metrics.aiq(singles, highest)

    def fill(self, report: SetReport) -> SetReport:
        """Put every figure of the curve into a report."""
        field, quality, cost = self.field, self.quality, self.cost
        return replace(
            report,
            gain=interval_of(self.gains),
            parity=self.interval(lambda draw: self.cost_at(draw, 1.0)),
            near_parity=self.interval(lambda draw: self.cost_at(draw, 0.98)),
            aiq=self.aiq(0),
            aiq_gain=self.interval(lambda draw: self.aiq(draw)[0] - self.aiq(draw)[1]),
            harm=self.interval(lambda draw: float(self.margin(draw).min())),
            lift=self.interval(lambda draw: float(self.margin(draw).mean())),
            perf_gain=self.interval(lambda draw: metrics.perf_gain(quality[draw], field.best_at(draw)[1])),
            cost_save=self.interval(lambda draw: metrics.cost_save(cost[draw], quality[draw], field.best_at(draw))),
            oracle_gap=self.interval(lambda draw: metrics.oracle_gap(quality[draw], float(field.oracle[draw]))),
            arena=self.interval(lambda draw: metrics.arena(cost[draw], quality[draw])),
        )
