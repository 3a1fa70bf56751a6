"""Own where prices come from when a config states none: the package genai-prices (MIT), turned into integers once.

Invariant: a price that this version cannot charge in full is unknown, never less: a price with a part for each request
or for reasoning alone, and an entry without any price. What an answer's usage does not report apart (web searches,
sound) is left out. Prices that change with the hour of the day are taken at their dearest.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from gearshift.catalog.pricebook import PriceBook
from gearshift.types.catalog import NANO_PER_USD, Lifecycle, NanoUSDPerMillion, Price, Rates, Tier

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

_CHARGED: Final = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
}
"""The prices that usage is charged by, and their rate."""
_BESIDE: Final = frozenset(
    {
        "audio_hours",
        "cache_audio_read_mtok",
        "cache_image_read_mtok",
        "input_audio_hours",
        "input_audio_mtok",
        "input_image_mtok",
        "input_video_mtok",
        "output_audio_mtok",
        "output_image_mtok",
        "output_video_mtok",
        "storage_searches_kcount",
        "web_searches_kcount",
    }
)
"""Prices of what a request has only when it asks for it, and that its usage does not report apart."""
_HALF_HOURS: Final = tuple(timedelta(minutes=30 * step) for step in range(48))


class Listing(Struct, frozen=True, kw_only=True):
    """Hold what genai-prices knows of a model; None: not known."""

    price: Price | None = None
    context_window: int | None = None
    lifecycle: Lifecycle | None = None


def look_up(book: PriceBook, provider: str, model: str, today: date, *, only_input: bool = False) -> Listing:
    """Find the price of `model` at the provider with the id `provider` in genai-prices, as it is on the day `today`.

    `only_input`: it makes vectors, so there is no output to charge for, and none is looked for.
    """
    needed = {"input_mtok"} if only_input else {"input_mtok", "output_mtok"}
    try:
        _, info = book.snapshot.find_provider_model(model, None, provider, None)
    except LookupError:
        return Listing()
    listed = _of_day(info, today)
    known = [(_rates(each, None), each) for each in listed if _is_chargeable(each, needed)]
    lifecycle = Lifecycle(source=book.source) if info.deprecated else None
    if len(known) < len(listed):
        return Listing(context_window=info.context_window, lifecycle=lifecycle)
    rates, dearest = max(known, key=lambda pair: pair[0].input + pair[0].output)
    price = Price(
        rates=rates,
        tiers=tuple(Tier(above_input_tokens=start, rates=_rates(dearest, start)) for start in _thresholds(dearest)),
        source=book.source + (", dearest hour" if len(listed) > 1 else ""),
        date=_since(info, dearest) or book.date,
    )
    return Listing(price=price, context_window=info.context_window, lifecycle=lifecycle)


def _of_day(info: ModelInfo, today: date) -> list[ModelPrice]:
    """List the prices that hold at one hour of the day or another."""
    midnight = datetime.combine(today, time(), tzinfo=UTC)
    found: dict[int, ModelPrice] = {}
    for since in _HALF_HOURS:
        price = info.get_prices(midnight + since)
        found[id(price)] = price
    return list(found.values())


def _is_chargeable(price: ModelPrice, needed: set[str]) -> bool:
    """Say whether usage is all that it takes to know the cost, with the prices `needed` for that."""
    keys = {key for key, value in vars(price).items() if value is not None}
    return needed <= keys <= _CHARGED.keys() | _BESIDE


def _rates(price: ModelPrice, start: int | None) -> Rates:
    """Give the rates of the tier that begins above `start` input tokens; None: those below every tier."""
    rates = {rate: _rate(getattr(price, key), start) for key, rate in _CHARGED.items()}
    return Rates(
        input=rates["input"] or 0,
        output=rates["output"] or 0,
        cache_read=rates["cache_read"],
        cache_write=rates["cache_write"],
        cache_write_1h=rates["cache_write_1h"],
    )


def _rate(price: Decimal | TieredPrices | None, start: int | None) -> NanoUSDPerMillion | None:
    """Give one price as an integer. Where it has no tier at `start`, its highest one below holds on."""
    if price is None:
        return None
    if isinstance(price, Decimal):
        usd = price
    else:
        usd = price.base
        for tier in price.tiers:
            if start is not None and tier.start <= start:
                usd = tier.price
    return round(usd * NANO_PER_USD)


def _thresholds(price: ModelPrice) -> list[int]:
    """List the numbers of input tokens above which another rate holds."""
    tiered = (value for value in vars(price).values() if value is not None and not isinstance(value, Decimal))
    return sorted({tier.start for prices in tiered for tier in prices.tiers})


def _since(info: ModelInfo, price: ModelPrice) -> str | None:
    """Give the day from which the price holds, if genai-prices says it."""
    if isinstance(info.prices, list):
        for conditional in info.prices:
            start: date | None = getattr(conditional.constraint, "start_date", None)
            if conditional.prices is price and start is not None:
                return start.isoformat()
    return None
