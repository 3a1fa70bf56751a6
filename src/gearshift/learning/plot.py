"""Own the parts of a plot: scales, ticks, axes, and an SVG that says what it shows.

Invariant: no script, no request, no colour but the page's classes; every plot has a title and a description, and the
page gives its numbers again in a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, floor, log10
from typing import Final, TypeAlias

from msgspec import Struct

from gearshift.learning.markup import Markup, element

Spot: TypeAlias = tuple[float, float]

_CHARACTER: Final = 6.3
"""Width of a character of the label's size, in units of the plot."""
_LINE: Final = 13.0
_SIDES: Final = (
    (8, 4, ""),
    (0, -9, "middle"),
    (0, 18, "middle"),
    (-8, 4, "end"),
    (8, 18, ""),
    (-8, 18, "end"),
    (8, -9, ""),
    (-8, -9, "end"),
)
"""Where a label may stand beside its point, best first."""
_FEW: Final = 3
_TINY: Final = 0.001
_RAISED: Final = str.maketrans("-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")


class Scale(Struct, frozen=True, kw_only=True):
    """Map values from `low` to `high` onto positions from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """Give the position of a value; values outside are clipped to the ends."""
        if self.log:
            value = max(value, self.low / 10)
            share = log10(value / self.low) / log10(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Give round values within the scale."""
        return _decades(self.low, self.high) if self.log else _steps(self.low, self.high)


class Frame(Struct, frozen=True, kw_only=True):
    """Hold the two scales of a plot; positions of `y` ascend downwards, as in SVG."""

    x: Scale
    y: Scale

    def spot(self, x: float, y: float) -> Spot:
        """Give the position of a point."""
        return self.x.at(x), self.y.at(y)


def span(values: Iterable[float], *, log: bool = False, pad: float = 0.06) -> tuple[float, float]:
    """Give the range of values with a margin; never empty."""
    known = list(values)
    low, high = min(known), max(known)
    if log:
        factor = max((high / low) ** pad, 1.15)
        return low / factor, high * factor
    margin = max((high - low) * pad, 0.005)
    return low - margin, high + margin


def svg(size: Spot, title: str, about: str, *children: Markup) -> Markup:
    """Make a plot of this width and height."""
    width, height = size
    return element(
        "svg",
        element("title", title),
        element("desc", about),
        *children,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        class_="plot",
        style=f"max-width: {width:g}px",
    )


def axes(frame: Frame, names: tuple[str, str], forms: tuple[str, str]) -> list[Markup]:
    """Draw grid, tick labels and axis names; `forms` are formats of the labels."""
    x, y = frame.x, frame.y
    drawn = []
    for value in y.ticks():
        drawn += [
            line([(x.start, y.at(value)), (x.end, y.at(value))], "grid"),
            text((x.start - 8, y.at(value) + 4), shown(value, forms[1]), "tick end"),
        ]
    for value in x.ticks():
        drawn += [
            line([(x.at(value), y.start), (x.at(value), y.start + 4)], "axis"),
            text((x.at(value), y.start + 18), shown(value, forms[0]), "tick middle"),
        ]
    drawn.append(line([(x.start, y.start), (x.end, y.start)], "axis"))
    drawn.append(text(((x.start + x.end) / 2, y.start + 37), names[0], "name middle"))
    drawn.append(text((x.start - 38, y.end - 12), names[1], "name"))
    return drawn


def line(spots: Sequence[Spot], kind: str) -> Markup:
    """Draw a line through positions."""
    return element("polyline", points=_points(spots), class_=kind)


def area(spots: Sequence[Spot], kind: str) -> Markup:
    """Fill the shape with these corners."""
    return element("polygon", points=_points(spots), class_=kind)


def dot(spot: Spot, radius: float, kind: str, label: str) -> Markup:
    """Draw a point that says what it is when it is pointed at."""
    return element("circle", element("title", label), cx=spot[0], cy=spot[1], r=radius, class_=kind)


def box(corner: Spot, size: Spot, kind: str, label: str) -> Markup:
    """Draw a bar that says what it is when it is pointed at."""
    return element(
        "rect", element("title", label), x=corner[0], y=corner[1], width=size[0], height=size[1], class_=kind
    )


def text(spot: Spot, words: str, kind: str) -> Markup:
    """Write words at a position."""
    return element("text", words, x=spot[0], y=spot[1], class_=kind)


def labels(wanted: Sequence[tuple[Spot, str, str]], bounds: Frame, taken: Sequence[Spot] = ()) -> list[Markup]:
    """Write (position, words, class) beside their points where they fit; later ones give way to earlier ones.

    `taken` are positions that no label may cover.
    """
    placed: list[tuple[float, float, float, float]] = []
    drawn = []
    for (x, y), words, kind in wanted:
        wide = _CHARACTER * len(words)
        for dx, dy, anchor in _SIDES:
            left = x + dx - {"": 0.0, "middle": wide / 2, "end": wide}[anchor]
            place = (left, y + dy - _LINE + 2, left + wide, y + dy + 3)
            inside = place[0] >= bounds.x.start and place[2] <= bounds.x.end + 4
            free = not any(_meet(place, other) for other in placed)
            clear = not any(place[0] - 2 < a < place[2] + 2 and place[1] - 2 < b < place[3] + 2 for a, b in taken)
            if inside and free and clear:
                placed.append(place)
                drawn.append(text((x + dx, y + dy), words, f"{kind} {anchor}".strip()))
                break
    return drawn


def shown(value: float, form: str) -> str:
    """Format a number with a true minus sign; the form "$" is for dollars of any size."""
    if form == "$":
        return _dollars(value)
    return format(value, form).replace("-", "\N{MINUS SIGN}")


def _dollars(value: float) -> str:
    if value >= 1:
        return f"${value:,.0f}"
    return f"${value:g}" if value >= _TINY else f"$10{str(round(log10(value))).translate(_RAISED)}"


def _points(spots: Sequence[Spot]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _steps(low: float, high: float) -> list[float]:
    """Give two to six round values."""
    raw = (high - low) / 5
    unit = 10 ** floor(log10(raw))
    step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= raw)
    return [round(number * step, 10) for number in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def _decades(low: float, high: float) -> list[float]:
    """Give powers of ten; over few of them also two and five times these, over many of them every second or third.

    A range without two of these gets steps.
    """
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    factors = (1.0, 2.0, 5.0) if len(powers) - 1 <= _FEW else (1.0,)
    every = ceil(len(powers) / 6)
    found = (factor * 10.0**power for power in powers for factor in factors if power % every == 0)
    ticks = [float(f"{value:.6g}") for value in found if low <= value <= high]
    return ticks if len(ticks) > 1 else _steps(low, high)
