"""Own what usage costs: tokens x rates, in integer nano-USD.

Invariant: no float ever holds money. A cost is summed exactly, as tokens x nano-USD per million tokens, and rounded
once, half to even. An unknown cost is None and makes every sum that it enters None, never smaller.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gearshift.types.catalog import NanoUSD, NanoUSDPerMillion, Price, Rates
from gearshift.types.chat import Usage

_MILLION: Final = 1_000_000
_MILLI: Final = 1_000
_NANO_DIGITS: Final = 9


def cost(price: Price, usage: Usage) -> NanoUSD | None:
    """Price one attempt, None where the price leaves out what was used.

    Cached tokens are part of `usage.input_tokens`; where an upstream reports more of them than of input, they are all
    charged and no input besides. The rates are those of the tier that the whole input falls in.
    """
    rates = rates_of(price, usage.input_tokens)
    read, write = usage.cache_read_tokens, usage.cache_write_tokens
    hour = min(usage.cache_write_1h_tokens, write)
    plain = max(0, usage.input_tokens - read - write)
    hourly = rates.cache_write_1h
    if hourly is None and rates.cache_write is None:
        hourly = rates.input
    if hour and hourly is None:
        return None
    total = (
        plain * rates.input
        + read * (rates.input if rates.cache_read is None else rates.cache_read)
        + (write - hour) * (rates.input if rates.cache_write is None else rates.cache_write)
        + hour * (hourly or 0)
        + usage.output_tokens * rates.output
    )
    return _divide_half_even(total, _MILLION)


def expected_cost(price: Price, input_tokens: int, output_tokens: float) -> NanoUSD:
    """Price a forecast; `output_tokens` is an expectation and counts to the thousandth of a token."""
    rates = rates_of(price, input_tokens)
    total = input_tokens * _MILLI * rates.input + round(output_tokens * _MILLI) * rates.output
    return _divide_half_even(total, _MILLION * _MILLI)


def most(price: Price, input_tokens: int, output_tokens: int) -> NanoUSD:
    """Bound a cost from above: every token at the highest rate that it can have, rounded up."""
    levels = [price.rates, *(tier.rates for tier in price.tiers if input_tokens > tier.above_input_tokens)]
    dearest = max(
        rate
        for rates in levels
        for rate in (rates.input, rates.cache_read, rates.cache_write, rates.cache_write_1h)
        if rate is not None
    )
    total = input_tokens * dearest + output_tokens * max(rates.output for rates in levels)
    return -(-total // _MILLION)


def caching(price: Price, input_tokens: int, read: int, write: int) -> NanoUSD:
    """Give what it adds to a forecast that of its input `read` tokens are in the cache and `write` will be put there.

    Negative where the cache saves more than it costs.
    """
    rates = rates_of(price, input_tokens)
    total = read * (0 if rates.cache_read is None else rates.cache_read - rates.input) + write * (
        0 if rates.cache_write is None else rates.cache_write - rates.input
    )
    return _divide_half_even(total, _MILLION)


def list_price(price: Price) -> NanoUSDPerMillion:
    """Give the price of four million tokens, three of input to one of output: one number to order prices by."""
    return 3 * price.rates.input + price.rates.output


def total(costs: Iterable[NanoUSD | None]) -> NanoUSD | None:
    """Add costs up; None as soon as one of them is unknown."""
    known = 0
    for each in costs:
        if each is None:
            return None
        known += each
    return known


def saved(baseline: NanoUSD | None, spent: NanoUSD | None) -> NanoUSD | None:
    """Say how much less than the baseline was spent: negative when it was more, None when either is unknown."""
    return None if baseline is None or spent is None else baseline - spent


def usd(amount: NanoUSD) -> str:
    """Write an amount as US dollars, exactly: a JSON number without exponent or float noise (`0.000123456`)."""
    sign = "-" if amount < 0 else ""
    digits = str(abs(amount)).rjust(_NANO_DIGITS + 1, "0")
    fraction = digits[-_NANO_DIGITS:].rstrip("0")
    return f"{sign}{digits[:-_NANO_DIGITS]}{'.' if fraction else ''}{fraction}"


def rates_of(price: Price, input_tokens: int) -> Rates:
    """Find the rates for a request of this input; tiers ascend, so the last one exceeded holds."""
    rates = price.rates
    for tier in price.tiers:
        if input_tokens <= tier.above_input_tokens:
            break
        rates = tier.rates
    return rates


def _divide_half_even(numerator: int, denominator: int) -> int:
    """Divide integers, rounding half to even."""
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    return quotient + (twice > denominator or (twice == denominator and quotient % 2 == 1))
