"""Own a book of prices: what genai-prices ships, or a newer one in its published form, checked before it is believed.

Source: https://github.com/pydantic/genai-prices (MIT), `prices/new_data/v2/data.json`, read 2026-11.
Invariant: a book that came from outside is whole or refused: bounded, every price finite and from 0 to `MAX_USD`, tiers
in order, and no pattern by which a model's name could hold up the gateway.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from gearshift.config.values import MAX_USD

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices

URL: Final = "https://raw.githubusercontent.com/pydantic/genai-prices/refs/heads/main/prices/new_data/v2/data.json"
MAX_BYTES: Final = 16 * 1024 * 1024
MAX_MODELS: Final = 50_000
_MAX_PATTERN: Final = 300
_REPEATED_GROUP: Final = re.compile(r"\)\s*[*+{]")
"""What makes a pattern take exponential time: a repeated group. None that is published has one."""


class PriceBook(Struct, frozen=True, kw_only=True):
    """Hold a snapshot of prices, what to call it (`genai-prices 0.2.3`), and the ISO day it was fetched on, or None."""

    snapshot: DataSnapshot
    source: str
    date: str | None = None

    @property
    def models(self) -> int:
        """Give the number of models that it has."""
        return sum(len(provider.models) for provider in self.snapshot.providers)


@cache
def shipped() -> PriceBook:
    """Give the book that is installed with Gearshift."""
    # Imported here: 6 MB of data that a gateway with prices of its own does not need.
    from genai_prices import __version__  # noqa: PLC0415
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415

    return PriceBook(snapshot=get_snapshot(), source=f"genai-prices {__version__}")


def read_book(payload: bytes, *, source: str, date: str) -> PriceBook:
    """Read a book in the form that genai-prices publishes; raise ValueError, in words of ours, on any fault."""
    from genai_prices.data_snapshot import DataSnapshot  # noqa: PLC0415
    from genai_prices.types import _providers_from_raw  # noqa: PLC0415 - `UpdatePrices.fetch` reads them so too

    if len(payload) > MAX_BYTES:
        raise ValueError(f"found {len(payload)} bytes, expected at most {MAX_BYTES}")
    try:
        raw = msgspec.json.decode(payload)
    except (ValueError, RecursionError) as error:
        raise ValueError("found no JSON, expected a list of providers") from error
    if not isinstance(raw, list) or not raw:
        raise ValueError("found no list, expected a list of providers")
    try:
        providers = _providers_from_raw(raw)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, AssertionError, StopIteration) as error:
        # The library's words repeat what it found.
        raise ValueError("found providers of another form, expected that of genai-prices") from error
    for fault in _faults(providers, raw):
        raise ValueError(fault)
    return PriceBook(snapshot=DataSnapshot(providers, from_auto_update=True), source=source, date=date)


def _faults(providers: list[Provider], raw: object) -> Iterator[str]:
    """Say what is wrong with a book of the right form."""
    count = sum(len(provider.models) for provider in providers)
    if not 0 < count <= MAX_MODELS:
        yield f"found {count} models, expected 1 to {MAX_MODELS}"
    if any(len(pattern) > _MAX_PATTERN or _REPEATED_GROUP.search(pattern) for pattern in _patterns(raw)):
        yield "found a pattern that is too long or has a repeated group, expected one that is fast to match"
    for provider in providers:
        for model in provider.models:
            prices = list(_prices(model))
            for fault in filter(None, map(_price_fault, prices)) if prices else ["found no price at all"]:
                yield f"{provider.id[:100]!r}, {model.id[:100]!r}: {fault}"


def _patterns(raw: object) -> Iterator[str]:
    """Give every regular expression in the payload."""
    if isinstance(raw, list):
        for each in raw:
            yield from _patterns(each)
    elif isinstance(raw, dict):
        for key, value in raw.items():
            if key in {"regex", "api_pattern"} and isinstance(value, str):
                yield value
            yield from _patterns(value)


def _prices(model: ModelInfo) -> Iterator[ModelPrice]:
    if isinstance(model.prices, list):
        yield from (conditional.prices for conditional in model.prices)
    else:
        yield model.prices


def _price_fault(price: ModelPrice) -> str:
    """Say what is wrong with one set of prices, "" when nothing is."""
    for key, value in vars(price).items():
        if value is None:
            continue
        amounts, starts = ([value], []) if isinstance(value, Decimal) else _steps(value)
        if not all(amount.is_finite() and 0 <= amount <= MAX_USD for amount in amounts):
            return f"found a {key} that is no price, expected US dollars from 0 to {MAX_USD}"
        if len(set(starts)) < len(starts) or any(start <= 0 for start in starts):
            return f"found tiers of {key} that begin at one place or below 1 token, expected ascending ones"
    return ""


def _steps(value: TieredPrices) -> tuple[list[Decimal], list[int]]:
    """Give the amounts of all tiers, and where they begin."""
    return [value.base, *(tier.price for tier in value.tiers)], [tier.start for tier in value.tiers]
