"""Money is exact, and a price that cannot be said in full is not said."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.config import from_mapping
from gearshift.migration.litellm.prices import is_cost
from gearshift.types.catalog import NANO_PER_USD
from tests.unit.migration.litellm.scene import entry, imported, left

SERVER = {"api_base": "http://llm.lan/v1", "api_key": "none"}


def price(**stated: object) -> object:
    (deployment,) = imported(entry(**SERVER, **stated)).config["models"]["it"]["deployments"]
    return deployment.get("price")


def test_dollars_per_token_become_dollars_per_million() -> None:
    assert price(
        input_cost_per_token=0.00000015,
        output_cost_per_token="6e-7",
        cache_read_input_token_cost=0.000000015,
        cache_creation_input_token_cost="0.0000001875",
    ) == {"input": 0.15, "output": 0.6, "cached_input": 0.015, "cache_write": 0.1875}
    assert price(input_cost_per_token=0, output_cost_per_token=0) == {"input": 0, "output": 0}
    assert price() is None


def test_model_info_may_state_them_and_the_parameters_win() -> None:
    info = {"input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06}

    assert price(info=info, output_cost_per_token=3e-06) == {"input": 1, "output": 3}


@pytest.mark.parametrize(
    "other", ["input_cost_per_token_above_200k_tokens", "input_cost_per_second", "input_cost_per_query"]
)
def test_a_price_with_a_part_that_cannot_be_charged_is_unknown(other: str) -> None:
    found = imported(entry(**SERVER, input_cost_per_token=1e-06, output_cost_per_token=1e-06, **{other: 2e-06}))

    assert "price" not in found.config["models"]["it"]["deployments"][0]
    assert left(found) == {f"model_list[0].litellm_params.{other}": "2e-06"}


def test_what_is_charged_when_asked_for_only_is_told_and_left_out() -> None:
    found = imported(
        entry(**SERVER, input_cost_per_token=1e-06, output_cost_per_token=1e-06, output_cost_per_token_flex=5e-07)
    )

    assert found.config["models"]["it"]["deployments"][0]["price"] == {"input": 1, "output": 1}
    assert list(left(found)) == ["model_list[0].litellm_params.output_cost_per_token_flex"]


@pytest.mark.parametrize("stated", [-1, "free", True, 1.5, [1], float("nan")])
def test_what_is_no_price_leaves_it_unknown(stated: object) -> None:
    found = imported(entry(**SERVER, input_cost_per_token=stated, output_cost_per_token=1e-06))

    assert "price" not in found.config["models"]["it"]["deployments"][0]
    assert list(left(found)) == ["model_list[0].litellm_params.input_cost_per_token"]


def test_half_a_price_is_none() -> None:
    found = imported(entry(**SERVER, info={"input_cost_per_token": 1e-06}))

    assert "price" not in found.config["models"]["it"]["deployments"][0]
    assert left(found) == {"model_list[0].model_info.input_cost_per_token": "input only"}


def test_a_model_of_embeddings_needs_no_price_of_output() -> None:
    assert price(info={"mode": "embedding", "input_cost_per_token": 2e-08}) == {"input": 0.02, "output": 0}
    assert price(info={"mode": "embedding", "output_cost_per_token": 2e-08}) is None


@given(st.integers(0, 10**15), st.integers(0, 10**15))
def test_no_rate_is_off_by_a_billionth(input_nano: int, output_nano: int) -> None:
    """Rates are nano-USD per million tokens, so a per-token cost has 15 decimals at most."""
    million = NANO_PER_USD * 1_000_000
    stated = {
        "input_cost_per_token": str(Decimal(input_nano) / million),
        "output_cost_per_token": str(Decimal(output_nano) / million),
    }
    config = from_mapping(imported(entry(**SERVER, **stated)).config, source="test", environ={})

    (deployment,) = config.models["it"].deployments
    assert deployment.price is not None
    assert (deployment.price.input, deployment.price.output) == (input_nano, output_nano)


def test_costs_are_known_by_their_names() -> None:
    assert all(map(is_cost, ("input_cost_per_token", "cache_read_input_token_cost", "cost_per_second")))
    assert not any(map(is_cost, ("max_tokens", "costume", "accost")))
