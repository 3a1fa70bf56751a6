"""Money is exact integers, rounded once; what is unknown stays unknown."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift import accounting
from gearshift.types.catalog import NANO_PER_USD, Price, Rates, Tier
from gearshift.types.chat import Usage

counts = st.integers(0, 2_000_000)
rates = st.integers(0, 200 * NANO_PER_USD)


def charged(of: Price, usage: Usage) -> int:
    found = accounting.cost(of, usage)
    assert found is not None
    return found


def price(**of: int | None) -> Price:
    return Price(rates=Rates(**{"input": 0, "output": 0, **of}), source="test")  # type: ignore[arg-type]


def test_a_list_price_is_one_number_to_order_by() -> None:
    assert accounting.list_price(price(input=2, output=5)) == 11


@st.composite
def prices(draw: st.DrawFn) -> Price:
    def some() -> Rates:
        return Rates(
            input=draw(rates),
            output=draw(rates),
            cache_read=draw(st.none() | rates),
            cache_write=draw(st.none() | rates),
            cache_write_1h=draw(rates),
        )

    thresholds = sorted(draw(st.sets(st.integers(1, 1_000_000), max_size=3)))
    tiers = tuple(Tier(above_input_tokens=at, rates=some()) for at in thresholds)
    return Price(rates=some(), tiers=tiers, source="test")


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    read, write, plain = draw(counts), draw(counts), draw(counts)
    return Usage(
        input_tokens=read + write + plain,
        output_tokens=draw(counts),
        cache_read_tokens=read,
        cache_write_tokens=write,
        cache_write_1h_tokens=draw(st.integers(0, write)),
    )


def test_a_million_tokens_cost_their_rate() -> None:
    of = price(input=3 * NANO_PER_USD, output=15 * NANO_PER_USD)

    assert accounting.cost(of, Usage(input_tokens=1_000_000)) == 3 * NANO_PER_USD
    assert accounting.cost(of, Usage(input_tokens=1_000, output_tokens=200)) == 6_000_000


def test_cached_tokens_are_part_of_the_input_and_have_rates_of_their_own() -> None:
    usage = Usage(input_tokens=1_000, cache_read_tokens=600, cache_write_tokens=300)

    of = price(input=10_000_000, cache_read=1_000_000, cache_write=12_000_000)
    assert accounting.cost(of, usage) == 100 * 10 + 600 * 1 + 300 * 12
    assert accounting.cost(price(input=10_000_000), usage) == 1_000 * 10


def test_tokens_written_for_an_hour_have_a_rate_of_their_own() -> None:
    usage = Usage(input_tokens=1_000, cache_write_tokens=300, cache_write_1h_tokens=200)

    of = price(input=10_000_000, cache_write=12_000_000, cache_write_1h=20_000_000)
    assert accounting.cost(of, usage) == 700 * 10 + 100 * 12 + 200 * 20
    assert accounting.cost(price(input=10_000_000), usage) == 1_000 * 10
    assert accounting.cost(price(input=10_000_000, cache_write_1h=20_000_000), usage) == 800 * 10 + 200 * 20


def test_an_hour_of_which_the_rate_is_not_known_has_no_known_cost() -> None:
    of = price(input=10_000_000, cache_write=12_000_000)

    assert accounting.cost(of, Usage(input_tokens=9, cache_write_tokens=3, cache_write_1h_tokens=2)) is None
    assert accounting.cost(of, Usage(input_tokens=9, cache_write_tokens=3)) == 6 * 10 + 3 * 12


def test_no_more_tokens_are_charged_for_an_hour_than_were_written() -> None:
    of = price(input=10_000_000, cache_write=12_000_000, cache_write_1h=20_000_000)

    assert accounting.cost(of, Usage(input_tokens=9, cache_write_tokens=3, cache_write_1h_tokens=5)) == 6 * 10 + 3 * 20


def test_more_cached_tokens_than_input_never_make_a_negative_charge() -> None:
    usage = Usage(input_tokens=10, cache_read_tokens=50)

    assert accounting.cost(price(input=10_000_000, cache_read=1_000_000), usage) == 50


@pytest.mark.parametrize(("tokens", "rate"), [(100, 1), (200, 1), (201, 2), (400, 2), (401, 5)])
def test_the_whole_request_pays_the_rate_of_the_tier_that_its_input_exceeds(tokens: int, rate: int) -> None:
    low, high = (Rates(input=n * 1_000_000, output=0) for n in (2, 5))
    tiered = Price(
        rates=Rates(input=1_000_000, output=0),
        tiers=(Tier(above_input_tokens=200, rates=low), Tier(above_input_tokens=400, rates=high)),
        source="test",
    )

    assert accounting.cost(tiered, Usage(input_tokens=tokens)) == tokens * rate
    assert accounting.expected_cost(tiered, tokens, 0.0) == tokens * rate


@pytest.mark.parametrize(("rate", "nano"), [(500_000, 0), (1_500_000, 2), (2_500_000, 2), (2_500_001, 3)])
def test_a_cost_is_rounded_once_half_to_even(rate: int, nano: int) -> None:
    assert accounting.cost(price(input=rate), Usage(input_tokens=1)) == nano


@given(prices(), usages())
def test_a_cost_is_the_decimal_sum_rounded_once(of: Price, usage: Usage) -> None:
    at = [of.rates, *(tier.rates for tier in of.tiers if usage.input_tokens > tier.above_input_tokens)][-1]
    plain = usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens
    exact = (
        Decimal(plain * at.input)
        + usage.cache_read_tokens * (at.input if at.cache_read is None else at.cache_read)
        + (usage.cache_write_tokens - usage.cache_write_1h_tokens)
        * (at.input if at.cache_write is None else at.cache_write)
        + usage.cache_write_1h_tokens * (at.cache_write_1h or 0)
        + usage.output_tokens * at.output
    ) / 1_000_000
    found = accounting.cost(of, usage)

    assert isinstance(found, int)
    assert found == exact.to_integral_value(ROUND_HALF_EVEN)


@given(rates, rates, usages(), usages())
def test_splitting_a_request_changes_its_cost_by_rounding_only(i: int, o: int, one: Usage, other: Usage) -> None:
    of = price(input=i, output=o)
    whole = Usage(
        input_tokens=one.input_tokens + other.input_tokens, output_tokens=one.output_tokens + other.output_tokens
    )

    assert abs(charged(of, whole) - charged(of, one) - charged(of, other)) <= 1


@given(rates, rates, usages(), counts)
def test_more_tokens_never_cost_less(i: int, o: int, usage: Usage, more: int) -> None:
    of = price(input=i, output=o)
    longer = Usage(input_tokens=usage.input_tokens + more, output_tokens=usage.output_tokens + more)

    assert charged(of, usage) <= charged(of, longer)


@given(prices(), counts, counts, counts)
def test_a_forecast_with_a_cache_is_what_the_usage_would_cost(of: Price, read: int, write: int, plain: int) -> None:
    sent = read + write + plain
    usage = Usage(input_tokens=sent, cache_read_tokens=read, cache_write_tokens=write)
    forecast = accounting.expected_cost(of, sent, 0.0) + accounting.caching(of, sent, read, write)
    cost = accounting.cost(of, usage)
    assert cost is not None
    assert abs(forecast - cost) <= 1  # each is rounded by itself


@given(prices(), counts, counts)
def test_a_forecast_of_whole_tokens_is_the_cost_of_them(of: Price, given_: int, taken: int) -> None:
    usage = Usage(input_tokens=given_, output_tokens=taken)

    assert accounting.expected_cost(of, given_, float(taken)) == accounting.cost(of, usage)


def test_a_forecast_counts_fractions_of_a_token() -> None:
    assert accounting.expected_cost(price(output=4_000_000), 0, 0.75) == 3


@given(st.integers(-(10**20), 10**20))
def test_dollars_are_written_exactly_and_read_back_as_json(amount: int) -> None:
    text = accounting.usd(amount)

    assert Decimal(text) * NANO_PER_USD == amount
    assert json.loads(text, parse_float=Decimal, parse_int=Decimal) == Decimal(text)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(123_456, "0.000123456"), (0, "0"), (-1, "-0.000000001"), (2 * NANO_PER_USD, "2"), (1_250_000_000, "1.25")],
)
def test_dollars_have_no_exponent_and_no_trailing_zeros(amount: int, text: str) -> None:
    assert accounting.usd(amount) == text


def test_a_total_with_an_unknown_part_is_unknown() -> None:
    assert accounting.total([]) == 0
    assert accounting.total([1, 2]) == 3
    assert accounting.total([1, None, 2]) is None


def test_a_saving_may_be_negative_or_unknown() -> None:
    assert accounting.saved(10, 4) == 6
    assert accounting.saved(4, 10) == -6
    assert accounting.saved(None, 10) is None
    assert accounting.saved(10, None) is None
