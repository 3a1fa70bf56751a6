"""Own what callers ask of the router in more than a word: bounds, prices, and what nobody here fulfils.

Invariant: money is integers. Who invented what: `docs/reference/asking.md`.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Unmet(Struct, frozen=True, kw_only=True):
    """Hold a wish that Gearshift itself does not fulfil, and why.

    `word`: where an upstream's quirks list this word among their `extensions`, it is told the wish and fulfils it.
    """

    field: str
    detail: str
    word: str = ""


class Constraint(Struct, frozen=True, kw_only=True):
    """Hold a bound of cost from above or of quality from below: a `number`, or what a `model` costs or reaches.

    A number is US dollars for the request, or a score in [0, 1]. Exactly one of the two is stated.
    """

    of: Literal["cost", "quality"]
    number: float | None = None
    model: str | None = None


class MaxPrice(Struct, frozen=True, kw_only=True):
    """Hold the highest price that may be charged, None: any.

    In nano-USD: `prompt` and `completion` for a million tokens, `request` for a request, `image` for an image.
    """

    prompt: int | None = None
    completion: int | None = None
    request: int | None = None
    image: int | None = None
