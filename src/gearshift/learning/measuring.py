"""Own the measuring of one data set: every figure of `findings.SetReport`, from a pool and a predictor.

    pool ─> forecasts ─> choices over the dial ─> curve ─> figures, tasks, rivals
                 └─> calibration

Invariant: whether the prompts were trained on is for the caller to see to (`data.split`); rivals learn from other
prompts than the pool's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from gearshift.learning import metrics
from gearshift.learning.choices import Chosen, Columns, Forecasts, Remembered, choices, choose, forecasts
from gearshift.learning.curve import Curve, Field
from gearshift.learning.data import OutcomeTable
from gearshift.learning.estimators import Array
from gearshift.learning.findings import PairReport, RivalReport, SetReport, TaskReport
from gearshift.learning.metrics import Interval, bootstrap, interval_of, resamples
from gearshift.learning.pool import Pool
from gearshift.learning.rivals import Rival, rivals
from gearshift.routing.predict import Predictor

_PAIR: Final = 2
MIN_TASK: Final = 25
"""Prompts that a task needs to be shown alone."""


class Measured(Struct, frozen=True, kw_only=True):
    """Hold a report, and the choices that `decide` checked; None when nothing could be chosen."""

    report: SetReport
    chosen: Chosen | None


def measure(learned: Predictor, pool: Pool, dials: Sequence[float], rest: OutcomeTable | None = None) -> Measured:
    """Measure a predictor on a pool; `rest` are other prompts, for the rivals to learn from."""
    predictor = Remembered(learned)
    expected = forecasts(predictor, pool)
    chosen, curve = None, None
    if pool.cost is not None and len(pool.deployments) > 1:
        chosen = choices(predictor, pool, expected, dials)
        curve = Curve(Field(pool, resamples(len(pool.prompts))), chosen.columns)
    report = SetReport(
        dataset=pool.dataset,
        prompts=len(pool.prompts),
        models=len(pool.deployments),
        ece=metrics.ece(expected.quality.ravel(), pool.quality.ravel()),
        baselines=pool.baselines(),
        points=() if curve is None else curve.points(np.array(dials)),
        left_out=pool.left_out,
        pair=_pair(pool, expected.quality) if len(pool.deployments) == _PAIR else None,
        coverage=metrics.coverage(expected.quality, expected.quality_std, pool.quality),
        bins=metrics.reliability(expected.quality.ravel(), pool.quality.ravel()),
        singles=pool.singles(),
        tasks=_tasks(pool, None if chosen is None else chosen.columns),
        rivals=() if curve is None or rest is None else _rivals(curve, expected, rest, dials),
        gain=None,
        parity=None,
        near_parity=None,
        aiq=None,
    )
    return Measured(report=report if curve is None else curve.fill(report), chosen=chosen)


def _tasks(pool: Pool, chosen: Columns | None) -> tuple[TaskReport, ...]:
    """Measure every task that has enough prompts."""
    found = []
    for name, rows in pool.tasks(MIN_TASK).items():
        part = pool.take(rows)
        gain = None
        if chosen is not None:
            gain = interval_of(Curve(Field(part, resamples(len(rows))), chosen[:, rows]).gains)
        best = part.best
        found.append(
            TaskReport(
                task=name,
                prompts=len(rows),
                best_model=part.models[best],
                best_quality=float(part.quality[:, best].mean()),
                gain=gain,
            )
        )
    return tuple(found)


def _rivals(curve: Curve, expected: Forecasts, rest: OutcomeTable, dials: Sequence[float]) -> tuple[RivalReport, ...]:
    """Let the rivals choose at the same expected costs."""
    return tuple(_rival(curve, expected, rival, dials) for rival in rivals(rest, curve.field.pool))


def _rival(curve: Curve, expected: Forecasts, rival: Rival, dials: Sequence[float]) -> RivalReport:
    theirs = Forecasts(quality=rival.quality, quality_std=expected.quality_std, cost=expected.cost)
    other = Curve(curve.field, choose(theirs, curve.field.pool.deployments, dials))
    return RivalReport(
        name=rival.name,
        setting=rival.setting,
        prompts=rival.prompts,
        points=tuple(zip(other.cost[0].tolist(), other.quality[0].tolist(), strict=True)),
        gain=interval_of(other.gains),
        lead=interval_of([ours - their for ours, their in zip(curve.gains, other.gains, strict=True)]),
    )


def _pair(pool: Pool, forecast: Array) -> PairReport:
    """Measure a pair as RouteLLM does: by the expected difference, which needs no price."""
    strong = pool.best
    win = forecast[:, strong] - forecast[:, 1 - strong]
    better, worse = pool.quality[:, strong], pool.quality[:, 1 - strong]

    def threshold(recovered: float) -> Interval:
        return bootstrap(lambda rows: metrics.cpt(win[rows], better[rows], worse[rows], recovered), len(win))

    return PairReport(
        strong=pool.models[strong],
        weak=pool.models[1 - strong],
        apgr=bootstrap(lambda rows: metrics.apgr(win[rows], better[rows], worse[rows]), len(win)),
        cpt_50=threshold(0.5),
        cpt_80=threshold(0.8),
    )
