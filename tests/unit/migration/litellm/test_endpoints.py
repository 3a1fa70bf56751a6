"""Where requests go: as LiteLLM sends them, in Gearshift's words."""

from __future__ import annotations

import pytest

from tests.unit.migration.litellm.scene import entry, imported, left

KEY = {"api_key": "os.environ/K"}


def provider(model: str, **params: object) -> tuple[str, dict[str, object], str]:
    """Give the provider that one entry gets, and the model's name there."""
    config = imported(entry(model, **params)).config
    ((name, stated),) = config["providers"].items()
    (deployment,) = config["models"]["it"]["deployments"]
    return name, stated, deployment.get("name", "it")


@pytest.mark.parametrize(
    ("model", "params", "name", "stated", "called"),
    [
        ("openai/gpt-5.5", KEY, "openai", {"key": "env:K"}, "gpt-5.5"),
        ("gpt-5.5", {}, "openai", {"key": "env:OPENAI_API_KEY"}, "gpt-5.5"),
        ("openai/it", {**KEY, "api_base": "https://api.openai.com/v1/"}, "openai", {"key": "env:K"}, "it"),
        ("openai/x", {**KEY, "api_base": "https://api.groq.com/openai/v1"}, "groq", {"key": "env:K"}, "x"),
        (
            "openai/x",
            {**KEY, "base_url": "http://llm.lan:8000/v1/chat/completions"},
            "llm.lan-8000",
            {"protocol": "openai_chat", "base_url": "http://llm.lan:8000/v1", "key": "env:K"},
            "x",
        ),
        (
            "openai/x",
            {"api_base": "http://vllm/v1"},
            "vllm-server",
            {"protocol": "openai_chat", "base_url": "http://vllm/v1"},
            "x",
        ),
        (
            "azure/gpt-x",
            {**KEY, "api_base": "https://a.openai.azure.com"},
            "azure",
            {"base_url": "https://a.openai.azure.com/openai/v1", "key": "env:K"},
            "gpt-x",
        ),
        (
            "azure/gpt5_series/gpt-x",
            {**KEY, "api_base": "https://a.openai.azure.com/openai/deployments/gpt-x"},
            "azure",
            {"base_url": "https://a.openai.azure.com/openai/v1", "key": "env:K"},
            "gpt-x",
        ),
        (
            "anthropic/c",
            {**KEY, "api_base": "https://p.example"},
            "anthropic",
            {"base_url": "https://p.example/v1", "key": "env:K"},
            "c",
        ),
        (
            "anthropic/c",
            {**KEY, "api_base": "https://p.example/v1/messages"},
            "anthropic",
            {"base_url": "https://p.example/v1", "key": "env:K"},
            "c",
        ),
        ("anthropic/c", {**KEY, "api_base": "https://api.anthropic.com"}, "anthropic", {"key": "env:K"}, "c"),
        ("gemini/g", {}, "google", {"key": "env:GEMINI_API_KEY"}, "g"),
        ("ollama_chat/l", {"api_base": "http://box:11434"}, "ollama", {"base_url": "http://box:11434/v1"}, "l"),
        ("ollama/l", {}, "ollama", {}, "l"),
        ("huggingface/org/m", {}, "huggingface", {"key": "env:HF_TOKEN"}, "org/m"),
        (
            "huggingface/org/m",
            {"api_base": "http://127.0.0.1:8001"},
            "127.0.0.1-8001",
            {"protocol": "openai_chat", "base_url": "http://127.0.0.1:8001/v1"},
            "org/m",
        ),
        (
            "perplexity/openai/gpt-5.5",
            {"api_base": "https://api.perplexity.ai"},
            "perplexity",
            {"key": "env:PERPLEXITY_API_KEY"},
            "openai/gpt-5.5",
        ),
        (
            "bedrock/converse/eu-west-1/m.x-v1:0",
            {},
            "bedrock_converse",
            {"region": "eu-west-1"},
            "m.x-v1:0",
        ),
        (
            "bedrock/m",
            {"aws_region_name": "us-west-2", "api_key": "os.environ/K"},
            "bedrock_converse",
            {"region": "us-west-2", "key": "env:K"},
            "m",
        ),
        (
            "bedrock/us.m",
            {"aws_region_name": "us-west-2", "aws_bedrock_runtime_endpoint": "https://vpce.example"},
            "bedrock_converse",
            {"base_url": "https://vpce.example", "region": "us-west-2"},
            "us.m",
        ),
        (
            "bedrock/llama/arn:aws:bedrock:us-east-1:1:imported-model/r4c4kewx2s0n",
            {},
            "bedrock_converse",
            {"region": "us-east-1"},
            "arn:aws:bedrock:us-east-1:1:imported-model/r4c4kewx2s0n",
        ),
        (
            "gemini-3.8-flash",
            {"vertex_project": "acme", "vertex_location": "eu"},
            "vertex",
            {"project": "acme", "region": "eu"},
            "gemini-3.8-flash",
        ),
        ("openai/x", {"api_base": "https://api.groq.com/openai/v1"}, "groq", {"key": "env:GROQ_API_KEY"}, "x"),
        ("gemini/g", {"info": {"mode": "responses"}, **KEY}, "google", {"key": "env:K"}, "g"),
        ("openai/responses/gpt-5.5", KEY, "openai", {"protocol": "openai_responses", "key": "env:K"}, "gpt-5.5"),
        (
            "newcomer/large",
            {**KEY, "api_base": "https://n.example/v1"},
            "n.example",
            {"protocol": "openai_chat", "base_url": "https://n.example/v1", "key": "env:K"},
            "large",
        ),
    ],
)
def test_an_entry_becomes_a_provider(
    model: str, params: dict[str, object], name: str, stated: dict[str, object], called: str
) -> None:
    assert provider(model, **params) == (name, stated, called)


@pytest.mark.parametrize(
    ("model", "params", "place", "said"),
    [
        ("vertex_ai/g", {}, "model", "Gemini and Claude only"),
        ("vertex_ai/gemini-3.8-flash", {"api_base": "https://psc.example"}, "api_base", "publishers/google"),
        ("perplexity/sonar", {}, "model", "ended on 2026-09-27"),
        ("sagemaker/x", {"api_base": "https://a.example"}, "model", "signatures"),
        ("text-completion-openai/x", {}, "model", "/v1/completions"),
        ("newcomer/x", {}, "model", "no provider of this prefix"),
        ("newcomer/x", {"api_base": "https://user:made-up@a.example/v1"}, "api_base", "without credentials"),
        ("openai/x", {"base_url": "https://llm.lan/v1?key=made-up"}, "base_url", "without credentials"),
        ("custom_openai/x", {}, "model", "no provider of this prefix"),
        ("mystery", {}, "model", "no provider's prefix"),
        ("openai/", {}, "model", "no provider's prefix"),
    ],
)
def test_what_cannot_be_sent_is_left(model: str, params: dict[str, object], place: str, said: str) -> None:
    found = imported(entry("openai/kept", "kept"), entry(model, **params))

    assert list(found.config["models"]) == ["kept"]
    why = {each.where: each.why for each in found.not_carried}
    assert said in why[f"model_list[1].litellm_params.{place}"]
    assert "made-up" not in str(found)


def test_what_the_variable_is_for_may_be_said_by_either_key() -> None:
    (told,) = imported(entry("openai/x", base_url="os.environ/OURS", api_key="none")).not_carried

    assert (told.where, told.found) == ("model_list[0].litellm_params.base_url", "the variable OURS")


def test_a_base_url_in_a_variable_is_a_blank_to_fill_in() -> None:
    found = imported(entry("azure/x", api_base="os.environ/OUR_AZURE", api_key="os.environ/K"))

    assert found.config["providers"]["azure"]["base_url"] == "https://our-azure.invalid/openai/v1"
    (told,) = found.not_carried
    assert told.found == "the variable OUR_AZURE"
    assert "GEARSHIFT__PROVIDERS__AZURE__BASE_URL" in told.do
    stated = imported(
        entry("azure/x", api_base="os.environ/OUR_AZURE"), environment_variables={"OUR_AZURE": "https://o.example"}
    )
    assert stated.config["providers"]["azure"]["base_url"] == "https://o.example/openai/v1"


def test_azure_without_an_address_is_a_blank_too() -> None:
    found = imported(entry("azure/x"))

    assert found.config["providers"]["azure"]["base_url"] == "https://your-azure-resource.invalid/openai/v1"
    assert left(found)["model_list[0].litellm_params.api_base"] == "the variable AZURE_API_BASE"


def test_no_key_goes_to_a_server_of_ones_own() -> None:
    found = imported(entry("openai/x", api_base="http://llm.lan/v1"))

    assert "key" not in found.config["providers"]["llm.lan"]
    assert found.assumptions[0].startswith(
        "model_list[0]: it states no api_key; LiteLLM would send OPENAI_API_KEY to its api_base"
    )


def test_of_two_urls_the_first_counts_and_the_other_is_told() -> None:
    found = imported(entry("bedrock/m", api_base="https://a.example", aws_bedrock_runtime_endpoint="https://b.example"))

    assert found.config["providers"]["bedrock_converse"]["base_url"] == "https://a.example"
    assert left(found) == {"model_list[0].litellm_params.aws_bedrock_runtime_endpoint": "another URL (not shown)"}
