"""A config becomes deployments: what is stated wins, what nobody knows is None."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from typing import Any

import pytest

from gearshift.catalog import Catalog, build, facts
from gearshift.config import from_environment, from_mapping
from gearshift.config.rows import builtin, parse
from gearshift.errors import UnknownModel
from gearshift.types.catalog import Rates, Terms

TODAY = date(2026, 11, 24)
LAB = {"protocol": "openai_chat", "base_url": "http://127.0.0.1:9001/v1"}


def catalog(models: dict[str, Any], **providers: object) -> Catalog:
    document = {"providers": {"lab": LAB, "openai": {}, **providers}, "models": models}
    return build(from_mapping(document, source="test", environ={}), {}, today=TODAY)


SMALL = {
    "context_window": 128_000,
    "max_output_tokens": 4_096,
    "capabilities": ["tools", "vision"],
    "deployments": [{"provider": "lab", "name": "small-v1", "price": {"input": 0.1, "output": 0.4}}],
}


def test_a_deployment_is_a_model_at_a_provider_at_a_price() -> None:
    (found,) = catalog({"small": SMALL}).deployments

    assert (found.id, found.model, found.name) == ("lab/small", "small", "small-v1")
    assert found.provider.base_url == "http://127.0.0.1:9001/v1"
    assert found.price is not None
    assert (found.price.rates, found.price.source) == (Rates(input=100_000_000, output=400_000_000), "config")
    assert (found.context_window, found.max_output_tokens) == (128_000, 4_096)
    assert found.capabilities == frozenset({"tools", "vision"})


def test_what_nobody_knows_is_none() -> None:
    (found,) = catalog({"mystery": {"deployments": [{"provider": "lab"}]}}).deployments

    assert found.name == "mystery"
    assert (found.price, found.context_window, found.max_output_tokens, found.capabilities) == (None, None, None, None)


def test_the_terms_of_a_provider_are_those_of_its_deployments_that_state_none() -> None:
    at = {"provider": "lab", "price": 0}
    models = {"a": {"deployments": [at]}, "b": {"deployments": [{**at, "zdr": False, "quantization": "fp8"}]}}
    plain, own = catalog(models, lab={**LAB, "zdr": True, "data_collection": "deny"}).deployments

    assert plain.terms == Terms(zdr=True, data_collection="deny")
    assert own.terms == Terms(zdr=False, data_collection="deny", quantization="fp8")
    (unknown,) = catalog({"a": {"deployments": [at]}}).deployments
    assert unknown.terms == Terms()


def test_a_written_zero_is_a_known_price() -> None:
    (found,) = catalog({"local": {"deployments": [{"provider": "lab", "price": 0}]}}).deployments

    assert found.price is not None
    assert found.price.rates == Rates(input=0, output=0)


def test_a_built_in_provider_brings_prices_facts_and_what_its_api_adds() -> None:
    (found,) = catalog({"gpt-5.5": {"deployments": [{"provider": "openai"}]}}).deployments

    assert found.price is not None
    assert found.price.source.startswith("genai-prices ")
    assert found.context_window == 1_050_000
    assert found.capabilities == frozenset(
        {"files", "json_object", "json_schema", "n", "reasoning", "seed", "tools", "vision"}
    )
    assert found.provider.quirks.max_tokens_field == "max_completion_tokens"


def test_what_an_api_lacks_is_taken_away() -> None:
    (found,) = catalog({"claude-sonnet-5": {"deployments": [{"provider": "anthropic"}]}}, anthropic={}).deployments

    known = facts.read().find("anthropic", "claude-sonnet-5").capabilities
    assert known is not None
    assert found.capabilities == known - {"audio"}


def test_the_config_wins_over_the_catalogue() -> None:
    stated = {
        "context_window": 1_000,
        "max_output_tokens": 10,
        "capabilities": [],
        "deployments": [{"provider": "openai", "price": {"input": 1, "output": 1}}],
    }
    (found,) = catalog({"gpt-5.5": stated}).deployments

    assert found.price is not None
    assert found.price.source == "config"
    assert (found.context_window, found.max_output_tokens, found.capabilities) == (1_000, 10, frozenset())


def test_the_providers_own_name_of_the_model_is_looked_up() -> None:
    (found,) = catalog({"best": {"deployments": [{"provider": "openai", "name": "gpt-5.5"}]}}).deployments

    assert found.id == "openai/best"
    assert found.price is not None
    assert found.context_window == 1_050_000


def test_a_price_id_finds_prices_for_any_provider() -> None:
    proxy = {**LAB, "price_id": "openai"}
    (found,) = catalog({"gpt-5.5": {"deployments": [{"provider": "proxy"}]}}, proxy=proxy).deployments

    assert found.price is not None
    assert found.capabilities is None  # nobody says what the proxy passes on
    assert found.context_window == 1_000_000  # genai-prices knows it


def test_a_second_account_has_the_prices_and_facts_of_the_first() -> None:
    again = {"like": "openai", "key": "env:AGAIN"}
    document = {"gpt-5.5": {"deployments": [{"provider": "openai"}, {"provider": "again"}]}}
    first, second = catalog(document, again=again).deployments

    assert (second.price, second.context_window, second.capabilities) == (
        first.price,
        first.context_window,
        first.capabilities,
    )
    assert second.price is not None
    assert second.provider.quirks == first.provider.quirks
    assert second.provider.key == "env:AGAIN"


def test_a_provider_of_one_more_row_is_built() -> None:
    row = '[acme]\nname = "Acme"\nprotocol = "openai_chat"\nbase_url = "https://a.example/v1"\nsource = "s"\ndate = "d"'
    known = {**builtin(), **parse(row)}
    document = {"providers": {"acme": {}}, "models": {"m": {"deployments": [{"provider": "acme", "price": 0}]}}}

    found = build(from_mapping(document, source="test", environ={}, known=known), {}, known=known)

    assert [each.id for each in found.deployments] == ["acme/m"]
    assert found.deployments[0].provider.base_url == "https://a.example/v1"


def test_order_is_that_of_the_config() -> None:
    two = {"deployments": [{"provider": "openai", "price": 0}, {"provider": "lab", "price": 0}]}
    found = catalog({"b": two, "a": two})

    assert list(found.models) == ["b", "a"]
    assert [each.id for each in found.deployments] == ["openai/b", "lab/b", "openai/a", "lab/a"]
    assert [each.id for each in found.models["a"]] == ["openai/a", "lab/a"]


@pytest.fixture(scope="module")
def several() -> Catalog:
    at_both = {"deployments": [{"provider": "lab", "price": 0}, {"provider": "other", "price": 0}]}
    at_lab = {"deployments": [{"provider": "lab", "price": 0}]}
    return catalog({"small": at_both, "large": at_lab, "vendor/huge": at_lab}, other=LAB)


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("small", ["lab/small", "other/small"]),
        ("other/small", ["other/small"]),
        ("vendor/huge", ["lab/vendor/huge"]),
        ("lab/vendor/huge", ["lab/vendor/huge"]),
    ],
)
def test_a_name_is_a_models_or_a_deployments(several: Catalog, name: str, ids: list[str]) -> None:
    assert [each.id for each in several.resolve(name)] == ids


def test_an_unknown_name_is_answered_with_close_ones(several: Catalog) -> None:
    with pytest.raises(UnknownModel) as caught:
        several.resolve("smal")

    assert caught.value.message == 'found no model "smal"; did you mean small or lab/small?'
    assert caught.value.param == "model"
    with pytest.raises(UnknownModel, match="GET /v1/models lists them") as caught:
        several.resolve("x" * 10_000)
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    ("patterns", "ids"),
    [
        (["large", "small"], ["lab/large", "lab/small", "other/small"]),
        (["lab/*"], ["lab/small", "lab/large", "lab/vendor/huge"]),
        (["vendor/*"], ["lab/vendor/huge"]),
        (["*all", "lab/small"], ["lab/small", "other/small"]),
        (["nothing"], []),
        ([], []),
    ],
)
def test_patterns_select_in_their_order_and_once(several: Catalog, patterns: list[str], ids: list[str]) -> None:
    assert [each.id for each in several.select(patterns)] == ids


def test_every_model_that_serves_without_a_config_is_fully_known() -> None:
    environ = {row.key_env[0]: "x" for row in builtin().values() if row.key_env}
    config = from_environment(environ)
    assert config is not None

    for found in build(config, environ, today=TODAY).deployments:
        assert found.price is not None, found.id
        assert found.context_window is not None, found.id
        assert found.capabilities is not None, found.id


def test_prices_are_not_loaded_when_the_config_states_them() -> None:
    program = """
import sys
from gearshift.catalog import build
from gearshift.config import from_mapping
lab = {"protocol": "openai_chat", "base_url": "http://127.0.0.1:9001/v1"}
document = {"providers": {"lab": lab}, "models": {"m": {"deployments": [{"provider": "lab", "price": 0}]}}}
build(from_mapping(document, source="test", environ={}), {})
assert "genai_prices" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603 - our own program


def test_a_provider_that_is_like_another_has_its_facts_and_prices_and_a_cloud_those_of_whose_models_it_serves() -> None:
    at = [{"provider": "second"}, {"provider": "openai"}]
    (second, first) = catalog({"gpt-5.5": {"deployments": at}}, second={"like": "openai"}).deployments
    assert (second.context_window, second.capabilities) == (first.context_window, first.capabilities)
    assert second.price == first.price is not None

    here = {"project": "p", "region": "global"}
    models = {
        "claude-sonnet-5-5": {"deployments": [{"provider": "vertex_anthropic"}, {"provider": "anthropic"}]},
        "gemini-3.8-flash": {"deployments": [{"provider": "vertex"}, {"provider": "google"}]},
    }
    clouds = {"vertex": here, "vertex_anthropic": here, "anthropic": {}, "google": {}}
    every = catalog(models, **clouds).deployments
    for cloud, own in (every[:2], every[2:]):
        assert (cloud.context_window, cloud.capabilities) == (own.context_window, own.capabilities)
        assert cloud.capabilities is not None
        assert cloud.price is not None


def test_a_model_of_vectors_is_known_as_one_with_its_price() -> None:
    small = {"deployments": [{"provider": "openai"}]}
    (found,) = catalog({"text-embedding-3-small": small}).deployments

    assert found.capabilities == frozenset({"embeddings"})  # nothing of what the API adds to conversations
    assert (found.embeds, found.chats) == (True, False)
    assert found.price is not None
    assert (found.price.rates.input, found.price.rates.output) == (20_000_000, 0)
    assert (found.context_window, found.max_output_tokens) == (8191, None)


def test_a_model_may_do_both_where_a_config_says_so() -> None:
    (found,) = catalog({"small": {**SMALL, "capabilities": ["embeddings", "chat"]}}).deployments

    assert (found.embeds, found.chats) == (True, True)


def test_what_a_provider_states_is_that_of_its_deployments_which_state_nothing() -> None:
    own = {"provider": "lab", "price": {"input": 1, "output": 2}}
    found = catalog(
        {"a": {"deployments": [{"provider": "lab"}]}, "b": {"capabilities": ["vision"], "deployments": [own]}},
        lab={**LAB, "price": 0, "capabilities": ["tools"]},
    ).deployments
    assert [each.capabilities for each in found] == [frozenset({"tools"}), frozenset({"vision"})]
    assert [each.price.rates.input for each in found if each.price is not None] == [0, 1_000_000_000]
