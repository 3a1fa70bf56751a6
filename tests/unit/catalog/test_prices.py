"""Our integers agree with genai-prices' own calculation, and what they cannot say is unknown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage as ListedUsage
from genai_prices import __version__
from genai_prices.data_snapshot import get_snapshot

from gearshift import accounting
from gearshift.catalog import prices
from gearshift.catalog.pricebook import shipped
from gearshift.config.rows import builtin
from gearshift.types.catalog import NANO_PER_USD, Price
from gearshift.types.chat import Usage

TODAY = date(2026, 11, 24)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
USAGES = (
    Usage(input_tokens=1_000, output_tokens=200),
    Usage(input_tokens=7, output_tokens=3, cache_read_tokens=5, cache_write_tokens=1),
    Usage(input_tokens=99_991, output_tokens=10_007, cache_read_tokens=33_331, cache_write_tokens=11_113),
    Usage(input_tokens=300_001, output_tokens=1_009, cache_read_tokens=100_003, cache_write_tokens=50_021),
    Usage(input_tokens=50_021, output_tokens=9, cache_write_tokens=11_113, cache_write_1h_tokens=7_001),
    Usage(input_tokens=300_001, output_tokens=9, cache_write_tokens=50_021, cache_write_1h_tokens=50_021),
    Usage(input_tokens=900_007, output_tokens=4_001, cache_read_tokens=3),
)


def listed() -> Iterator[tuple[str, str]]:
    """Give the provider and the id of every model that a built-in provider may have."""
    ids = {row.price_id for row in builtin().values() if row.price_id is not None}
    for provider in get_snapshot().providers:
        if provider.id in ids:
            yield from ((provider.id, model.id) for model in provider.models)


def known() -> Iterator[tuple[str, str, Price]]:
    for provider, model in listed():
        price = prices.look_up(shipped(), provider, model, TODAY).price
        if price is not None:
            yield provider, model, price


def oracle(provider: str, model: str, usage: Usage) -> Decimal:
    """Let genai-prices calculate, in nano-USD."""
    _, info = get_snapshot().find_provider_model(model, None, provider, None)
    priced = info.get_prices(NOON)
    tokens = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "cache_write_1h_tokens": usage.cache_write_1h_tokens,
    }
    return priced.calc_price(ListedUsage(**tokens))["total_price"] * NANO_PER_USD


def charged(price: Price, usage: Usage) -> int:
    found = accounting.cost(price, usage)
    assert found is not None
    return found


def test_our_cost_is_the_one_that_genai_prices_calculates_to_the_nano_dollar() -> None:
    pairs = tiered = hourly = 0
    for provider, model, price in known():
        if price.source.endswith("dearest hour"):
            continue
        for usage in USAGES:
            rates, hour = price.rates, usage.cache_write_1h_tokens
            if hour and rates.cache_write is not None and rates.cache_write_1h is None:
                assert accounting.cost(price, usage) is None  # genai-prices takes the rate of minutes, which is less
                continue
            assert abs(charged(price, usage) - oracle(provider, model, usage)) <= 1, (provider, model, usage)
            hourly += bool(hour and rates.cache_write_1h)
            pairs += 1
            tiered += any(usage.input_tokens > tier.above_input_tokens for tier in price.tiers)

    assert pairs >= 200
    assert tiered >= 50
    assert hourly >= 40


def test_tiers_and_cached_tokens_have_their_rates() -> None:
    price = prices.look_up(shipped(), "openai", "gpt-5.5", TODAY).price

    assert price is not None
    assert price.source == f"genai-prices {__version__}"
    assert price.rates.cache_read is not None
    assert price.rates.cache_read < price.rates.input
    assert [tier.above_input_tokens for tier in price.tiers] == sorted(tier.above_input_tokens for tier in price.tiers)
    assert price.tiers[0].rates.input > price.rates.input


def test_a_price_that_changes_with_the_hour_is_taken_at_its_dearest() -> None:
    price = prices.look_up(shipped(), "deepseek", "deepseek-v4-pro", TODAY).price

    assert price is not None
    assert price.source == f"genai-prices {__version__}, dearest hour"
    for usage in USAGES:
        assert charged(price, usage) > oracle("deepseek", "deepseek-v4-pro", usage)


def test_a_price_that_changes_on_a_day_is_that_of_today() -> None:
    before = prices.look_up(shipped(), "google", "gemini-4-argon", date(2026, 11, 30)).price
    after = prices.look_up(shipped(), "google", "gemini-4-argon", date(2026, 12, 1)).price

    assert before is not None
    assert after is not None
    assert (before.date, after.date) == (None, "2026-12-01")
    assert before.rates != after.rates


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "no-such-model"),
        ("no-such-provider", "gpt-5.5"),
        ("perplexity", "sonar"),  # charges each request besides
        ("perplexity", "sonar-deep-research"),  # charges reasoning and citations apart
        ("openrouter", "deepseek/deepseek-r1:free"),  # an entry without prices
        ("openai", "text-embedding-3-small"),  # no output to charge
        ("groq", "whisper-large-v3"),  # charges hours of sound
    ],
)
def test_a_price_that_cannot_be_told_is_unknown(provider: str, model: str) -> None:
    assert prices.look_up(shipped(), provider, model, TODAY).price is None


def test_the_context_window_is_known_even_without_a_price() -> None:
    assert prices.look_up(shipped(), "perplexity", "sonar", TODAY).context_window == 128_000


def test_every_model_that_serves_without_a_config_has_a_price() -> None:
    for row in builtin().values():
        for model in row.models:
            assert row.price_id is not None
            assert prices.look_up(shipped(), row.price_id, model, TODAY).price is not None, model


def test_a_model_of_vectors_needs_no_price_of_output() -> None:
    assert prices.look_up(shipped(), "openai", "text-embedding-3-small", TODAY).price is None
    price = prices.look_up(shipped(), "openai", "text-embedding-3-small", TODAY, only_input=True).price
    assert price is not None
    assert accounting.cost(price, Usage(input_tokens=1_000_000)) == NANO_PER_USD // 50
