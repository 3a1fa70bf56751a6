"""Own the plots of a report: cost against quality, calibration, shares along the dial, and gains with intervals.

Invariant: pure functions of findings; what a plot shows is also in a table of the page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from itertools import pairwise
from math import sqrt
from typing import Final, Literal

import numpy as np

from gearshift.learning.findings import Point, SetReport
from gearshift.learning.markup import Markup
from gearshift.learning.metrics import Bin, Hull, Interval, hull
from gearshift.learning.plot import Frame, Scale, Spot, area, axes, box, dot, labels, line, shown, span, svg, text
from gearshift.learning.tables import PER, distinct

LEADING: Final = 6
"""Models that get a colour of their own in the shares."""
_LABELLED: Final = 12
_NAME: Final = 26
_WIDE: Final = (880.0, 440.0)
_SQUARE: Final = (420.0, 340.0)
_ROW: Final = 30.0
_STEPS: Final = 12
"""Straight pieces that a bent line between two settings is drawn with."""


def priced_hull(found: SetReport) -> Hull:
    """Give the hull of the single models, costs in USD per 1,000 requests."""
    known = [(PER * each.cost_usd, each.quality) for each in found.singles if each.cost_usd is not None]
    return hull(*np.array(known).T)


def cost_quality(found: SetReport) -> Markup:
    """Draw models, their hull, the router with its band, rivals and the oracle; needs points.

    Models far below all of these are left to the table, and their number is written.
    """
    mix, points = priced_hull(found), sorted(distinct(found.points), key=lambda point: point.cost_usd)
    singles = [(PER * each.cost_usd, each.quality, each.model) for each in found.singles if each.cost_usd is not None]
    frame = _frame(found, mix)
    shown_singles = [each for each in singles if each[1] >= frame.y.low]
    path = [frame.spot(PER * point.cost_usd, point.quality) for point in points]
    x, y = _oracle(frame, found)
    drawn = [
        *axes(frame, ("USD per 1,000 requests, log scale", "mean score"), ("$", ".2f")),
        _band(frame, points),
        _mix(frame, mix),
        *_rivals(frame, found),
        line([frame.spot(*each) for each in bent([(PER * p.cost_usd, p.quality) for p in points])], "router"),
        *(dot(spot, 3.2, "router-dot", _about(point)) for spot, point in zip(path, points, strict=True)),
        area([(x, y - 7), (x + 7, y), (x, y + 7), (x - 7, y)], "oracle"),
        *_models(frame, shown_singles, mix, [(x, y), *path]),
    ]
    weaker = len(singles) - len(shown_singles)
    if weaker:
        words = f"{weaker} weaker models lie below" if weaker > 1 else "1 weaker model lies below"
        drawn.append(text((frame.x.start + 8, frame.y.start - 8), words, "label"))
    title = f"Cost and quality on {found.dataset}"
    about = f"The router's curve beside {len(singles)} single models, the best mix of these, and the oracle."
    return svg(_WIDE, title, about, *drawn)


def _frame(found: SetReport, mix: Hull) -> Frame:
    """Choose the ranges: all costs, and the scores that a choice of router, mix or oracle is about."""
    costs = [*(each.cost_usd for each in found.singles), *(point.cost_usd for point in found.points)]
    low, high = span([PER * cost for cost in costs if cost], log=True)
    bounds = [bound for point in found.points for bound in (point.low, point.high) if bound is not None]
    routed = [quality for rival in found.rivals for _, quality in rival.points]
    bottom, top = span([*bounds, *routed, *mix.quality.tolist(), found.baselines.oracle_quality])
    return Frame(
        x=Scale(low=low, high=high, start=56, end=_WIDE[0] - 16, log=True),
        y=Scale(low=max(0.0, bottom - 0.2 * (top - bottom)), high=min(1.0, top), start=_WIDE[1] - 48, end=30),
    )


def bent(path: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Fill a path of (cost, quality) in: what mixes two settings is straight in cost, so it bends on a log scale."""
    filled = []
    for (x, y), (right, top) in pairwise(path):
        costs = np.geomspace(x, right, _STEPS, endpoint=False) if 0 < x < right else np.array([x])
        filled += list(zip(costs.tolist(), np.interp(costs, [x, right], [y, top]).tolist(), strict=True))
    return [*filled, *path[-1:]]


def _mix(frame: Frame, mix: Hull) -> Markup:
    """Draw the hull, and that more money buys no more."""
    corners = [*zip(mix.cost.tolist(), mix.quality.tolist(), strict=True), (frame.x.high, float(mix.quality[-1]))]
    return line([frame.spot(*each) for each in bent(corners)], "mix")


def _rivals(frame: Frame, found: SetReport) -> list[Markup]:
    paths = [sorted((PER * cost, quality) for cost, quality in rival.points) for rival in found.rivals]
    return [
        line([frame.spot(*each) for each in bent(path)], f"rival rival{number}")
        for number, path in enumerate(paths, start=1)
    ]


def _oracle(frame: Frame, found: SetReport) -> Spot:
    return frame.spot(PER * (found.baselines.oracle_cost_usd or 0), found.baselines.oracle_quality)


def _band(frame: Frame, points: Sequence[Point]) -> Markup:
    known = [(PER * p.cost_usd, p.low, p.high) for p in points if p.low is not None and p.high is not None]
    upper = [frame.spot(*each) for each in bent([(x, high) for x, _, high in known])]
    lower = [frame.spot(*each) for each in bent([(x, low) for x, low, _ in known])]
    return area([*upper, *reversed(lower)], "band")


def _about(point: Point) -> str:
    return f"{point.quality:.4f} at ${PER * point.cost_usd:.4g} per 1,000, dial ${point.willingness_to_pay:.2g}"


def _models(frame: Frame, singles: list[tuple[float, float, str]], mix: Hull, taken: Sequence[Spot]) -> list[Markup]:
    """Draw every model; name those on the hull first, then the best others. The first of `taken` is the oracle."""
    corners = set(zip(mix.cost.tolist(), mix.quality.tolist(), strict=True))
    ranked = sorted(singles, key=lambda each: ((each[0], each[1]) not in corners, -each[1]))
    spots = [frame.spot(cost, quality) for cost, quality, _ in ranked]
    drawn, wanted = [], [(taken[0], "oracle", "label strong")]
    for spot, (cost, quality, name) in zip(spots, ranked, strict=True):
        edge = (cost, quality) in corners
        told = f"{name}: {quality:.4f} at ${cost:.4g} per 1,000"
        drawn.append(dot(spot, 4.5, "model edge" if edge else "model", told))
        wanted.append((spot, short(name), "label strong" if edge else "label"))
    return [*drawn, *labels(wanted[:_LABELLED], frame, [*spots, *taken])]


def short(name: str) -> str:
    """Cut a long name."""
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


def reliability(bins: Sequence[Bin], dataset: str) -> Markup:
    """Draw mean score against mean forecast by bins, with a strip that shows how many outcomes each has."""
    width, height = _SQUARE
    frame = Frame(
        x=Scale(low=0, high=1, start=56, end=width - 12),
        y=Scale(low=0, high=1, start=height - 48, end=30),
    )
    most = max(each.count for each in bins)
    drawn = [
        *axes(frame, ("forecast score", "recorded score"), (".1f", ".1f")),
        line([frame.spot(0, 0), frame.spot(1, 1)], "mix"),
    ]
    for each in bins:
        x, y = frame.spot(each.forecast, each.score)
        tall = 36 * each.count / most
        told = f"{each.count} outcomes: forecast {each.forecast:.3f}, score {each.score:.3f}"
        drawn += [
            box((x - 7, frame.y.start - tall), (14, tall), "count", told),
            line([(x, frame.y.at(each.forecast)), (x, y)], "stem"),
            dot((x, y), 3 + 5 * sqrt(each.count / most), "router-dot", told),
        ]
    about = "Points on the dashed line are calibrated; bars below show how many outcomes each point stands for."
    return svg(_SQUARE, f"Calibration on {dataset}", about, *drawn)


def leading(points: Sequence[Point]) -> list[str]:
    """Name the models that are chosen most over the dial."""
    total: Counter[str] = Counter()
    for point in points:
        total.update(point.shares)
    ranked = sorted(total, key=lambda name: (-total[name], name))
    return ranked if len(ranked) <= LEADING + 1 else ranked[:LEADING]


def shares(points: Sequence[Point], dataset: str) -> Markup:
    """Draw which models are chosen at each setting of the dial, as stacked bars."""
    width, height = _SQUARE
    names = leading(points)
    dials = [point.willingness_to_pay for point in points]
    frame = Frame(
        x=Scale(low=min(dials) / 1.5, high=max(dials) * 1.5, start=56, end=width - 12, log=True),
        y=Scale(low=0, high=1, start=height - 48, end=30),
    )
    drawn = axes(frame, ("dial: USD for one unit of quality, log scale", "share of requests"), ("$", ".0%"))
    wide = (frame.x.end - frame.x.start) / len(dials) - 1.5
    for point in points:
        below, left = 0.0, frame.x.at(point.willingness_to_pay) - wide / 2
        known = [(name, point.shares.get(name, 0.0), f"c{number + 1}") for number, name in enumerate(names)]
        rest = 1 - sum(share for _, share, _ in known)
        for name, share, kind in (*known, ("others", rest, "c0")):
            if share > 1e-9:  # noqa: PLR2004 - rounding
                top, tall = frame.y.at(below + share), frame.y.at(below) - frame.y.at(below + share)
                drawn.append(box((left, top), (wide, tall), kind, f"{name}: {share:.1%}, {_about(point)}"))
            below += share
    about = "From left to right the dial moves from cheapest to best; each bar says which models are chosen."
    return svg(_SQUARE, f"Shares of models on {dataset}", about, *drawn)


def forest(rows: Sequence[tuple[str, Interval]], title: str, muted: Collection[str] = ()) -> Markup:
    """Draw figures of differences with their intervals, in points of 100, one row each; zero is no gain.

    Rows that are `muted` conclude nothing, whatever their interval.
    """
    ends = [100 * end for _, each in rows for end in (each.value, each.low, each.high) if end is not None]
    low, high = span([0.0, *ends])
    width, height = _WIDE[0], _ROW * len(rows) + 64
    frame = Frame(
        x=Scale(low=low, high=high, start=220, end=width - 170),
        y=Scale(low=0, high=1, start=height - 48, end=14),
    )
    drawn = [line([(frame.x.at(value), 14), (frame.x.at(value), height - 48)], "grid") for value in frame.x.ticks()]
    drawn += [text((frame.x.at(v), height - 30), shown(v, "+g" if v else "g"), "tick middle") for v in frame.x.ticks()]
    drawn.append(text(((220 + width - 170) / 2, height - 8), "points of mean score over the mix", "name middle"))
    drawn.append(line([(frame.x.at(0), 8), (frame.x.at(0), height - 48)], "zero"))
    for number, (name, each) in enumerate(rows):
        y = 14 + _ROW * (number + 0.5)
        drawn += [
            text((208, y + 4), short(name), "label end"),
            *_whisker(frame, each, y, "even" if name in muted else sign(each)),
        ]
        drawn.append(text((width - 158, y + 4), points_of(each), "tick"))
    about = "A dot is the measured gain, its line the 95 % interval; a line that crosses zero may be chance."
    return svg((width, height), title, about, *drawn)


def _whisker(frame: Frame, found: Interval, y: float, kind: str) -> list[Markup]:
    if found.value is None:
        return []
    low, high = (frame.x.at(100 * end) if end is not None else None for end in (found.low, found.high))
    left, right = frame.x.start if low is None else low, frame.x.end if high is None else high
    return [
        line([(left, y), (right, y)], f"whisker {kind}"),
        dot((frame.x.at(100 * found.value), y), 5, kind, points_of(found)),
    ]


def sign(found: Interval) -> Literal["gain", "loss", "even"]:
    """Say whether a difference is surely a "gain", surely a "loss", or "even": chance would do."""
    if found.low is not None and found.low > 0:
        return "gain"
    return "loss" if found.high is not None and found.high < 0 else "even"


def points_of(found: Interval) -> str:
    """Write a difference in points of 100 with its interval."""
    if found.value is None:
        return "\N{EN DASH}"
    ends = " to ".join("\N{EN DASH}" if end is None else shown(100 * end, "+.1f") for end in (found.low, found.high))
    return f"{shown(100 * found.value, '+.1f')} ({ends})"
