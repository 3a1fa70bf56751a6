"""Own how the findings of a data set read on a terminal.

Invariant: a figure that is not defined is `-`, never 0; what was not measured is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from gearshift.learning.findings import Point, PromiseReport, RivalReport, SetReport, TaskReport
from gearshift.learning.metrics import Interval

PER: Final = 1000
"""Costs are shown per this many requests."""


def interval(found: Interval, scale: float, digits: int = 1) -> str:
    """Write `value (low to high)`, each times `scale`; `-` is "not reached"."""

    def shown(value: float | None) -> str:
        return "-" if value is None else f"{value * scale:.{digits}f}"

    return f"{shown(found.value)} ({shown(found.low)} to {shown(found.high)})"


def distinct(points: Iterable[Point]) -> list[Point]:
    """Leave out settings that chose as the one before did."""
    kept: list[Point] = []
    for point in points:
        if not kept or (point.quality, point.cost_usd) != (kept[-1].quality, kept[-1].cost_usd):
            kept.append(point)
    return kept


def lines(found: SetReport) -> list[str]:
    """Write the findings of a data set."""
    base = found.baselines
    where = {True: "", False: ", out of distribution", None: ""}[found.trained]
    text = [
        f"{found.dataset}: {found.prompts} prompts, {found.models} models, ECE {found.ece:.3f}{where}",
        f"  best single  {_quality(base.best_quality)} {_cost(base.best_cost_usd)}  {base.best_model}",
        f"  random       {_quality(base.random_quality)} {_cost(base.random_cost_usd)}",
        f"  oracle       {_quality(base.oracle_quality)} {_cost(base.oracle_cost_usd)}",
        *_figures(found),
    ]
    if found.pair is not None:
        pair = found.pair
        text += [
            f"  {pair.strong} against {pair.weak}: APGR {interval(pair.apgr, 1, 3)}",
            f"  strong calls for 50 % of the gap: {interval(pair.cpt_50, 100)} %",
            f"  strong calls for 80 % of the gap: {interval(pair.cpt_80, 100)} %",
        ]
    return [*text, *_rivals(found.rivals), *_tasks(found.tasks), *_curve(found.points)]


def promises(found: Iterable[PromiseReport]) -> list[str]:
    """Write what became of calibrated promises."""
    return [
        f"at_least {each.reference} within {each.within:g}, confidence {each.confidence:.4g}: "
        f"margin {each.margin:+.3f}, mean loss {interval(each.loss, 1, 4)} on {each.questions} questions "
        f"at {each.cost_share:.1%} of its expected cost: {each.verdict}"
        for each in found
    ]


def _figures(found: SetReport) -> list[str]:
    """Write the figures that need costs, as far as they are known."""
    rows = (
        (found.gain, "gain over mixing single models at equal cost", 100, "points"),
        (found.parity, "cost at the best single model's quality", 100, "% of its own"),
        (found.near_parity, "cost at 98 % of that quality", 100, "% of its own"),
        (found.cost_save, "CostSave", 100, "%"),
        (found.perf_gain, "PerfGain", 100, "%"),
        (found.oracle_gap, "Gap@Oracle", 100, "%"),
        (found.harm, "least margin over the mix, on the dial", 100, "points"),
        (found.lift, "mean margin over the mix, on the dial", 100, "points"),
        (found.arena, "RouterArena score of the best setting", 1, ""),
    )
    text = [f"  {name}: {interval(figure, scale)} {unit}".rstrip() for figure, name, scale, unit in rows if figure]
    if found.aiq is not None:
        text.append(f"  AIQ {found.aiq[0]:.4f}, single models {found.aiq[1]:.4f}")
    if found.gain is None and found.models > 1:
        text.append("  no cost is known, so no curve; --prices states what the models charge")
    cover = found.coverage
    if cover is not None and cover.z is not None and cover.within is not None:
        text.append(f"  mean score less forecast: {cover.z:+.2f} std; {cover.within:.0%} of models within 1.645 (90 %)")
    return text


def _rivals(found: Sequence[RivalReport]) -> list[str]:
    return [
        f"  {each.name} ({each.setting}; {each.prompts} prompts): gain {interval(each.gain, 100)}, "
        f"the router leads by {interval(each.lead, 100)}"
        for each in found
    ]


def _tasks(found: Sequence[TaskReport]) -> list[str]:
    if not found:
        return []
    return [
        f"  {'prompts':>7}  {'best':>6}  {'gain, points':>22}  task",
        *(
            f"  {each.prompts:>7}  {each.best_quality:>6.3f}  "
            f"{'-' if each.gain is None else interval(each.gain, 100):>22}  {each.task} (best: {each.best_model})"
            for each in found
        ),
    ]


def _curve(points: Sequence[Point]) -> list[str]:
    if not points:
        return []
    return [
        f"  {'USD per unit':>12}  {'quality':>7}  {'USD/1k':>10}  {'mix at that cost':>16}",
        *(
            f"  {point.willingness_to_pay:>12.2g}  {point.quality:>7.4f}  "
            f"{PER * point.cost_usd:>10.4f}  {point.mix_quality:>16.4f}"
            for point in distinct(points)
        ),
    ]


def _quality(value: float) -> str:
    return f"{value:.4f}"


def _cost(value: float | None) -> str:
    return "         -" if value is None else f"{PER * value:>10.4f} USD/1k"
