"""Own what another book of prices changes for the deployments of a config.

Invariant: a change that needs a human's yes is one that multiplies a rate by more than `LARGE` or divides it by that,
makes a price free that was not, or takes a known price away.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from typing import Final

from msgspec import Struct

from gearshift.types.catalog import Deployment, NanoUSDPerMillion, Price, Rates

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
    """Say whether any rate is beyond `LARGE` times the other one, or was known and is not."""
    for first, second in zip(_known(old), _known(new), strict=True):
        if first is None or second is None:
            if first is not None:
                return True
        elif max(first, second) > LARGE * min(first, second):
            return True
    return False


def _known(rates: Rates) -> tuple[NanoUSDPerMillion | None, ...]:
    """Give what is charged; a cache rate that is not said is that of input, as `accounting.cost` has it."""
    read = rates.input if rates.cache_read is None else rates.cache_read
    write = rates.input if rates.cache_write is None else rates.cache_write
    hour = rates.input if rates.cache_write is None and rates.cache_write_1h is None else rates.cache_write_1h
    return rates.input, rates.output, read, write, hour
