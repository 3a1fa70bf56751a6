"""The whole way: each documented shape loads in Gearshift, no secret gets through, and nothing makes it crash."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gearshift.catalog import build
from gearshift.config import check_secrets, from_mapping
from gearshift.config.document import parse
from gearshift.errors import ConfigError
from gearshift.migration.litellm import Translation, translate
from gearshift.migration.litellm.reasons import PARAMS
from gearshift.migration.rendering import render
from tests.unit.migration.litellm.scene import CONFIGS, entry, imported, left, read

CARRIED = {"num_retries", "timeout", "stream_timeout", "request_timeout", "fallbacks", "default_fallbacks"}
CARRIED |= {"model_group_alias", "master_key", "store_prompts_in_spend_logs", "max_request_size_mb"}
CLOUDS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "eu-west-1"}
"""What clouds read from the environment where a config states nothing."""
MADE_UP = re.compile(r"[\w.-]*(?:made-up|sk-acme)[\w.-]*")


def written(found: Translation) -> str:
    return render(
        found.config,
        found.origins,
        source="config.yaml",
        not_carried=found.not_carried,
        assumptions=found.assumptions,
    )


def test_there_are_eleven_documented_shapes_each_with_its_page() -> None:
    assert len(CONFIGS) == 11
    for path in CONFIGS:
        assert "https://docs.litellm.ai/docs/" in path.read_text("utf-8").split("model_list")[0]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_what_was_imported_loads_and_needs_only_its_variables(path: Path) -> None:
    found = read(path.stem)
    text = written(found)

    config = from_mapping(parse(text.encode(), ".yaml"), source="imported", environ={})

    assert from_mapping(found.config, source="imported", environ={}) == config
    environ = CLOUDS | dict.fromkeys(re.findall(r"env:(\w+)", text), "{}")
    check_secrets(config, environ, source="imported")
    assert len(build(config, environ).deployments) >= len(config.models)
    assert written(read(path.stem)) == text


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_no_secret_gets_through(path: Path) -> None:
    found = read(path.stem)
    secrets = set(MADE_UP.findall(path.read_text("utf-8")))
    if path.stem in {"quick-start", "model-params", "all-settings", "load-balancing", "credentials", "clouds"}:
        assert secrets

    told = written(found) + str(found)

    assert [secret for secret in secrets if secret in told] == []


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_setting_is_carried_or_told(path: Path) -> None:
    """Whatever LiteLLM's documents list has a place in the config or in the list: none is passed over."""
    document = parse(path.read_bytes(), ".yaml")
    told = left(read(path.stem))
    for section in ("router_settings", "litellm_settings", "general_settings"):
        for key, value in document.get(section, {}).items():
            off = value in (False, "simple-shuffle", {})
            assert key in CARRIED or off or any(where.startswith(f"{section}.{key}") for where in told), key
    for at, stated in enumerate(document["model_list"]):
        name = stated["model_name"]
        if f"model_list[{at}]" not in str(sorted(told)):
            assert name in str(read(path.stem).config)
        for key in stated["litellm_params"].keys() & PARAMS.keys():
            refused = {f"model_list[{at}].litellm_params.model", f"model_list[{at}].model_info.mode"}
            assert f"model_list[{at}].litellm_params.{key}" in told or refused & told.keys()


def test_the_quick_start() -> None:
    found = read("quick-start")

    assert found.config["models"]["assistant"]["deployments"] == [
        {"provider": "azure-2", "name": "assistant-ca"},
        {"provider": "azure", "name": "assistant-eu"},
    ]
    assert found.config["models"]["in-house"]["deployments"] == [
        {"provider": "10.0.0.7-8000", "name": "acme/summariser-7b"}
    ]
    assert found.config["server"] == {"keys": ["env:GEARSHIFT_ADMIN_KEY"], "admin_key": "env:GEARSHIFT_ADMIN_KEY"}
    told = left(found)
    assert told["model_list[4].model_name"] == "*"
    assert told["general_settings.master_key"] == "a secret (not shown)"
    assert {
        "litellm_settings.drop_params",
        "litellm_settings.success_callback",
        "general_settings.alerting",
    } <= told.keys()


def test_parameters_of_one_model_are_told() -> None:
    told = left(read("model-params"))

    for at, keys in enumerate(
        (("azure_ad_token", "seed", "max_tokens"), ("temperature",), ("extra_headers", "organization"))
    ):
        assert {f"model_list[{at}].litellm_params.{key}" for key in keys} <= told.keys()


def test_a_wildcard_stands_for_the_built_in_models() -> None:
    found = read("wildcards")

    assert "anthropic/claude-sonnet-5-5" in found.config["models"]
    assert found.config["models"]["groq/openai/gpt-oss-20b"]["deployments"] == [
        {"provider": "groq", "name": "openai/gpt-oss-20b"}
    ]
    assert [each.where for each in found.not_carried] == [f"model_list[{at}].model_name" for at in range(3)]


def test_an_entry_of_its_own_wins_over_a_wildcard() -> None:
    found = imported(entry("groq/*", "groq/*"), entry("openai/x", "groq/openai/gpt-oss-20b"))

    assert found.config["models"]["groq/openai/gpt-oss-20b"]["deployments"] == [{"provider": "openai", "name": "x"}]
    assert "groq/openai/gpt-oss-120b" in found.config["models"]


def test_modes_that_are_not_served_are_told() -> None:
    found = read("modes")

    assert list(found.config["models"]) == ["talker", "researcher", "vectors", "unmarked-vectors"]
    assert found.config["routers"]["auto"]["candidates"] == ["talker", "researcher"]
    assert found.config["providers"]["openai-2"]["protocol"] == "openai_responses"
    assert len(found.not_carried) == 4


def test_clouds_are_called_as_litellm_calls_them() -> None:
    found = read("clouds")

    assert list(found.config["models"]) == ["gemini", "claude", "nova", "by-role", "entra", "vectors"]
    assert found.config["models"]["by-role"]["deployments"] == [
        {
            "provider": "bedrock_converse-2",
            "name": "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc",
        }
    ]
    assert found.config["providers"]["bedrock_converse-2"] == {"like": "bedrock_converse", "region": "eu-central-1"}
    assert found.config["models"]["vectors"] == {
        "context_window": 8191,
        "capabilities": ["embeddings"],
        "deployments": [{"provider": "azure-2", "name": "acme-vectors", "price": {"input": 0.02, "output": 0}}],
    }
    told = left(found)
    assert {f"model_list[{at}].litellm_params.model" for at in (2, 3, 7)} <= told.keys()
    assert {f"model_list[5].litellm_params.aws_{key}_name" for key in ("role", "session")} <= told.keys()


def test_prices_are_carried_only_in_full() -> None:
    models = read("pricing").config["models"]

    assert models["priced"]["deployments"][0]["price"] == {
        "input": 0.15,
        "output": 0.6,
        "cached_input": 0.015,
        "cache_write": 0.1875,
    }
    assert models["free"]["deployments"][0]["price"] == {"input": 0, "output": 0}
    assert ["price" in models[name]["deployments"][0] for name in ("half-priced", "tiered", "by-the-second")] == [
        False
    ] * 3


@pytest.mark.parametrize("document", [{}, {"model_list": []}, {"model_list": None}, {"model_list": {}}, {"other": 1}])
def test_a_config_without_a_model_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="found no model that Gearshift can serve"):
        translate(document, source="test")


def test_the_refusal_says_why() -> None:
    with pytest.raises(ConfigError, match=r"model_list\[0\].litellm_params.model: found vertex_ai/g; on Vertex AI"):
        imported(entry("vertex_ai/g"))


def test_half_a_character_is_refused() -> None:
    with pytest.raises(ConfigError, match="half a character"):
        imported(entry("openai/gpt-5.5", "\ud800"))


SECRET = "kQ9-hidden-7fZ"
TEXTS = st.sampled_from(
    [
        *(
            "openai/gpt-5.5",
            "azure/x",
            "a",
            "b",
            "openai/a",
            "*",
            "openai/*",
            "auto_router/complexity_router",
            "bedrock/m",
        ),
        *("vertex_ai/gemini-x", "vertex_ai/claude-x", "azure_ad_token", "os.environ/AWS_REGION", "eu", "x.json"),
        *(
            "http://h/v1",
            "https://u:p@h/",
            "os.environ/A",
            "os.environ/",
            "none",
            "chat",
            "embedding",
            "1e-6",
            "auto",
            "",
        ),
        *("gemini/g", "responses/x", "huggingface/a/b/c", "a b", "openai/responses/", "like", "x" * 300, "é", "env:A"),
    ]
) | st.text(max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | TEXTS
KEYS = st.sampled_from(
    [
        *("model_list", "router_settings", "litellm_settings", "general_settings", "credential_list"),
        *("environment_variables", "include", "model_name", "litellm_params", "model_info", "model", "api_base"),
        *("fallbacks", "default_fallbacks", "model_group_alias", "num_retries", "timeout", "hidden", "tiers", "order"),
        *("complexity_router_config", "adaptive_router_config", "available_models", "weight", "rpm", "mode", "a", "b"),
        *("input_cost_per_token", "output_cost_per_token", "max_input_tokens", "supports_vision", "aws_region_name"),
        *(
            "vertex_project",
            "vertex_location",
            "vertex_credentials",
            "aws_access_key_id",
            "tenant_id",
            "azure_ad_token",
        ),
        *("credential_name", "credential_values", "litellm_credential_name", "custom_llm_provider", "master_key"),
    ]
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | TEXTS, inner, max_size=5), max_leaves=25
)
ENTRIES = st.fixed_dictionaries(
    {
        "model_name": TEXTS,
        "litellm_params": st.dictionaries(KEYS, VALUES, max_size=4).flatmap(
            lambda params: TEXTS.map(lambda model: {**params, "model": model, "api_key": SECRET})
        ),
    },
    optional={"model_info": st.dictionaries(KEYS, VALUES, max_size=4)},
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=6) | st.fixed_dictionaries(
    {"model_list": st.lists(ENTRIES, min_size=1, max_size=6)},
    optional={
        "router_settings": st.dictionaries(KEYS, VALUES, max_size=4),
        "litellm_settings": st.dictionaries(KEYS, VALUES, max_size=4),
        "general_settings": st.dictionaries(KEYS, VALUES, max_size=3),
        "credential_list": st.lists(st.dictionaries(KEYS, VALUES, max_size=3), max_size=2),
    },
)


def attempt(document: dict[str, Any]) -> Translation | ConfigError:
    try:
        return translate(document, source="test")
    except ConfigError as refusal:
        return refusal


@given(DOCUMENTS)
def test_whatever_yaml_holds_is_imported_or_refused_with_a_reason(document: dict[str, Any]) -> None:
    found = attempt(document)
    if isinstance(found, ConfigError):
        assert found.faults[0].startswith(("found no model", "found a text with half"))
        assert SECRET not in found.message
        return
    text = written(found)
    assert SECRET not in text + str(found)
    assert yaml.safe_load(text) == found.config
    from_mapping(parse(text.encode(), ".yaml"), source="imported", environ={})
    msgspec.json.encode([found.config, found.not_carried, found.assumptions])
