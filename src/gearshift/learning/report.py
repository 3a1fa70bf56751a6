"""Own what an evaluation says, as nouns, JSON and text.

Invariant: every figure that compares carries its interval; a figure that is not defined is null or `-`, never 0.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from gearshift.learning.metrics import Interval

_PER: int = 1000
"""Costs are shown per this many requests."""


class Point(Struct, frozen=True, kw_only=True):
    """Hold one setting of the dial: mean score and cost of the choices, and what mixing single models scores there."""

    willingness_to_pay: float
    quality: float
    cost_usd: float
    mix_quality: float


class Baselines(Struct, frozen=True, kw_only=True):
    """Hold what needs no router: the best single model (in hindsight), a model at random, and the oracle.

    Costs are means over prompts, USD for one call; None: no cost is recorded.
    """

    best_model: str
    best_quality: float
    best_cost_usd: float | None
    random_quality: float
    random_cost_usd: float | None
    oracle_quality: float
    oracle_cost_usd: float | None


class PairReport(Struct, frozen=True, kw_only=True):
    """Hold RouteLLM's metrics of a pair of models; CPT are shares of strong calls."""

    strong: str
    weak: str
    apgr: Interval
    cpt_50: Interval
    cpt_80: Interval


class SetReport(Struct, frozen=True, kw_only=True):
    """Hold the report of one data set.

    `gain` is in points of quality (0..1) above the mix of single models, averaged over the logarithm of cost. `parity`
    and `near_parity` are the cost, relative to the best single model's, at 100 % and 98 % of its quality. `aiq` is that
    of router and single models. None: no cost is known.
    """

    dataset: str
    prompts: int
    models: int
    ece: float
    baselines: Baselines
    points: tuple[Point, ...]
    gain: Interval | None
    parity: Interval | None
    near_parity: Interval | None
    aiq: tuple[float, float] | None
    pair: PairReport | None


class Report(Struct, frozen=True, kw_only=True):
    """Hold the report of an artefact; `unknown_models` are in the data, but the artefact has not learned them."""

    version: str
    unknown_models: tuple[str, ...]
    sets: tuple[SetReport, ...]

    def to_json(self) -> str:
        """Write everything as JSON."""
        return msgspec.json.format(msgspec.json.encode(self)).decode()

    def summary(self) -> dict[str, Any]:
        """Give what a manifest keeps: everything but the curves' points."""
        bare = [msgspec.structs.replace(each, points=()) for each in self.sets]
        summary: dict[str, Any] = {each.dataset: msgspec.to_builtins(each) for each in bare}
        for each in summary.values():
            del each["points"], each["dataset"]
        return summary

    @classmethod
    def of(cls, version: str, summary: dict[str, Any]) -> Report:
        """Read the summary of a manifest back."""
        sets = (msgspec.convert({**found, "dataset": name, "points": ()}, SetReport) for name, found in summary.items())
        return cls(version=version, unknown_models=(), sets=tuple(sets))

    def to_text(self) -> str:
        """Write tables for a terminal."""
        lines = [f"artefact {self.version}"]
        if self.unknown_models:
            lines.append(f"not learned, left out: {', '.join(self.unknown_models)}")
        for each in self.sets:
            lines += ["", *_lines(each)]
        return "\n".join(lines)


def _lines(found: SetReport) -> list[str]:
    base = found.baselines
    lines = [
        f"{found.dataset}: {found.prompts} prompts, {found.models} models, ECE {found.ece:.3f}",
        f"  best single  {_quality(base.best_quality)} {_cost(base.best_cost_usd)}  {base.best_model}",
        f"  random       {_quality(base.random_quality)} {_cost(base.random_cost_usd)}",
        f"  oracle       {_quality(base.oracle_quality)} {_cost(base.oracle_cost_usd)}",
    ]
    if found.gain is not None and found.parity is not None and found.near_parity is not None:
        lines += [
            f"  gain over mixing single models at equal cost: {interval(found.gain, 100)} points",
            f"  cost at the best single model's quality: {interval(found.parity, 100)} % of its own",
            f"  cost at 98 % of that quality: {interval(found.near_parity, 100)} % of its own",
        ]
    if found.aiq is not None:
        lines.append(f"  AIQ {found.aiq[0]:.4f}, single models {found.aiq[1]:.4f}")
    if found.pair is not None:
        pair = found.pair
        lines += [
            f"  {pair.strong} against {pair.weak}: APGR {interval(pair.apgr, 1, 3)}",
            f"  strong calls for 50 % of the gap: {interval(pair.cpt_50, 100)} %",
            f"  strong calls for 80 % of the gap: {interval(pair.cpt_80, 100)} %",
        ]
    if found.points:
        lines.append(f"  {'USD per unit':>12}  {'quality':>7}  {'USD/1k':>10}  {'mix at that cost':>16}")
        lines += [
            f"  {point.willingness_to_pay:>12.2g}  {point.quality:>7.4f}  "
            f"{_PER * point.cost_usd:>10.4f}  {point.mix_quality:>16.4f}"
            for point in _distinct(found.points)
        ]
    return lines


def _distinct(points: tuple[Point, ...]) -> list[Point]:
    """Leave out settings that chose as the one before did."""
    kept: list[Point] = []
    for point in points:
        if not kept or (point.quality, point.cost_usd) != (kept[-1].quality, kept[-1].cost_usd):
            kept.append(point)
    return kept


def _quality(value: float) -> str:
    return f"{value:.4f}"


def _cost(value: float | None) -> str:
    return "         -" if value is None else f"{_PER * value:>10.4f} USD/1k"


def interval(found: Interval, scale: float, digits: int = 1) -> str:
    """Write `value (low to high)`, each times `scale`; `-` is "not reached"."""

    def shown(value: float | None) -> str:
        return "-" if value is None else f"{value * scale:.{digits}f}"

    return f"{shown(found.value)} ({shown(found.low)} to {shown(found.high)})"
