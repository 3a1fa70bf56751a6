"""Own what another book of prices changes for the deployments of a config.

Invariant: a change that needs a human's yes is one that multiplies a rate by more than `LARGE` or divides it by that,
makes a price free that was not, or takes a known price away.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from typing import Final

from msgspec import Struct

from gearshift.types.catalog import Deployment, Price, Rates

LARGE: Final = 10


class Change(Struct, frozen=True, kw_only=True):
    """Hold a deployment whose price changes; None: not known. `large`: it needs a yes."""

    deployment: str
    before: Price | None
    after: Price | None
    large: bool


def changes(before: Iterable[Deployment], after: Iterable[Deployment]) -> tuple[Change, ...]:
    """Compare the same deployments at two books; given are those whose rates or tiers differ."""
    later = {each.id: each.price for each in after}
    pairs = ((each.id, each.price, later.get(each.id)) for each in before)
    return tuple(
        Change(deployment=name, before=old, after=new, large=_is_large(old, new))
        for name, old, new in pairs
        if _charged(old) != _charged(new)
    )


def _charged(price: Price | None) -> object:
    return None if price is None else (price.rates, price.tiers)


def _is_large(old: Price | None, new: Price | None) -> bool:
    if old is None or new is None:
        return new is None
    steps = zip_longest(_steps(old), _steps(new))
    return any(_differ(a or old.rates, b or new.rates) for a, b in steps)


def _steps(price: Price) -> list[Rates]:
    return [price.rates, *(tier.rates for tier in price.tiers)]


def _differ(old: Rates, new: Rates) -> bool:
    """Say whether any rate is beyond `LARGE` times the other one; a cache rate that is not said is that of input."""
    for name in Rates.__struct_fields__:
        first = getattr(old, name) if getattr(old, name) is not None else old.input
        second = getattr(new, name) if getattr(new, name) is not None else new.input
        if max(first, second) > LARGE * min(first, second):
            return True
    return False
