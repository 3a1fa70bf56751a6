"""A provider is one row; what a config states about it wins."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
from pydantic import ValidationError

from gearshift.config import check_secrets, from_mapping
from gearshift.config.model import ProviderConfig
from gearshift.config.proofs import AuthConfig
from gearshift.config.rows import ProviderRow, builtin, parse, resolve, row_of, unplaced
from gearshift.config.values import PROTOCOLS
from gearshift.errors import ConfigError
from gearshift.types.catalog import CAPABILITIES, EXTENSIONS, MEDIA_KINDS, Deployment, Provider, Quirks

DOCS = Path(__file__).resolve().parents[3] / "docs" / "reference" / "providers.md"
ROW = """
[acme]
name = "Acme"
protocol = "openai_chat"
base_url = "https://api.acme.example/v1"
key_env = ["ACME_API_KEY"]
source = "https://docs.acme.example"
date = "2026-11-24"
[acme.quirks.max_tokens_field]
value = "max_completion_tokens"
source = "https://docs.acme.example/chat"
date = "2026-11-24"
"""


@pytest.mark.parametrize("name", builtin())
def test_every_row_is_whole(name: str) -> None:
    row = builtin()[name]

    assert re.fullmatch(r"[a-z]+(_[a-z]+)?", name)
    assert row.protocol in PROTOCOLS
    assert urlsplit(row.base_url).scheme == ("https" if row.key_env or row.auth else "http")
    assert row.unplaced == ("{resource}" in row.base_url)
    assert not row.base_url.endswith("/")
    assert set(row.capabilities) <= CAPABILITIES
    assert set(row.lacks) <= CAPABILITIES
    assert set(row.quirks.quirks.needs_bytes) <= set(MEDIA_KINDS)
    assert urlsplit(row.source).scheme == "https"
    assert date.fromisoformat(row.date) >= date(2026, 1, 1)
    for quirk in msgspec.to_builtins(row.quirks).values():
        if quirk is not None:
            assert urlsplit(quirk["source"]).scheme == "https"
            assert date.fromisoformat(quirk["date"]) >= date(2026, 1, 1)


def test_there_are_a_dozen_rows_and_each_is_in_the_reference() -> None:
    page = DOCS.read_text(encoding="utf-8")

    assert len(builtin()) >= 12
    for name, row in builtin().items():
        assert f"| `{name}` | {row.name} | `{row.protocol}` |" in page
        for variable in (*row.key_env, *row.project_env, *row.region_env):
            assert f"`{variable}`" in page


@pytest.mark.parametrize(
    ("protocol", "stated", "header"),
    [
        ("openai_chat", None, "authorization"),
        ("openai_responses", None, "authorization"),
        ("anthropic_messages", None, "x-api-key"),
        ("gemini", None, "x-goog-api-key"),
        ("gemini", "authorization", "authorization"),
    ],
)
def test_the_header_of_the_key_is_the_protocols_unless_stated(protocol: str, stated: str | None, header: str) -> None:
    config = ProviderConfig(protocol=protocol, base_url="https://a/v1", key_header=stated)
    assert resolve("mine", config, None, {}).key_header == header
    assert resolve("azure", ProviderConfig(base_url="https://a/v1"), builtin()["azure"], {}).key_header == "api-key"


def test_the_words_that_a_provider_understands_may_be_stated() -> None:
    row = builtin()["openrouter"]
    assert set(row.quirks.quirks.extensions) <= set(EXTENSIONS)
    stated = ProviderConfig(protocol="openai_chat", base_url="http://u", extensions=("plugins",))
    assert resolve("mine", stated, None, {}).quirks == Quirks(extensions=("plugins",))
    assert resolve("openrouter", ProviderConfig(extensions=()), row, {}).quirks.extensions == ()
    with pytest.raises(ValidationError, match=r'found "plugin", expected cache_control, .*; did you mean'):
        ProviderConfig(extensions=("plugin",))


def test_how_a_provider_goes_on_and_what_it_charges_may_be_stated() -> None:
    deepseek, bedrock = builtin()["deepseek"], builtin()["bedrock_converse"]
    assert deepseek.quirks.quirks.prefill_path == "/beta/chat/completions"
    assert resolve("deepseek", ProviderConfig(), deepseek, {}).quirks == deepseek.quirks.quirks
    stated = resolve("deepseek", ProviderConfig(prefill="continue"), deepseek, {}).quirks
    assert (stated.prefill, stated.prefill_path, stated.prefill_models) == ("continue", None, ())
    assert resolve("b", ProviderConfig(on_cancel="estimate"), bedrock, {}).quirks.on_cancel == "estimate"
    with pytest.raises(ValidationError, match=r'found "drian", expected estimate, drain, free; did you mean "drain"'):
        ProviderConfig(on_cancel="drian")
    with pytest.raises(ValidationError, match=r"expected none, message, prefix, prefix_echoed, partial, continue"):
        ProviderConfig(prefill="yes")


@pytest.mark.parametrize("name", ["anthropic", "vertex_anthropic", "bedrock_converse"])
def test_claude_is_given_a_beginning_only_where_it_takes_one(name: str) -> None:
    of = Provider(id=name, protocol="x", base_url="u", quirks=builtin()[name].quirks.quirks)
    taken = ["claude-3-5-haiku-20241022", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-opus-4@20250514"]
    refused = ["claude-opus-4-6", "eu.anthropic.claude-sonnet-4-6-v1:0", "claude-sonnet-5-5", "amazon.nova-pro-v1:0"]
    found = {each: Deployment(id="x", model="m", name=each, provider=of).prefill for each in (*taken, *refused)}
    assert found == dict.fromkeys(taken, "message") | dict.fromkeys(refused, "none")


def test_no_two_rows_that_serve_without_a_config_share_a_key() -> None:
    variables = [variable for row in builtin().values() for variable in row.key_env if row.models]

    assert len(variables) == len(set(variables))


def test_a_provider_is_added_by_one_row() -> None:
    known = {**builtin(), **parse(ROW)}
    document = {"providers": {"acme": {}}, "models": {"m": {"deployments": [{"provider": "acme", "price": 0}]}}}

    config = from_mapping(document, source="test", environ={}, known=known)

    check_secrets(config, {"ACME_API_KEY": "x"}, source="test", known=known)
    assert resolve("acme", config.providers["acme"], known["acme"], {}) == Provider(
        id="acme",
        protocol="openai_chat",
        base_url="https://api.acme.example/v1",
        key="env:ACME_API_KEY",
        quirks=Quirks(max_tokens_field="max_completion_tokens"),
    )
    with pytest.raises(ConfigError, match="found no protocol and base_url"):
        from_mapping(document, source="test", environ={})


def test_a_second_account_is_like_the_built_in_provider() -> None:
    document = {
        "providers": {"second": {"like": "mistral", "key": "env:SECOND"}},
        "models": {"m": {"deployments": [{"provider": "second", "price": 0}]}},
    }

    config = from_mapping(document, source="test", environ={})

    found = resolve("second", config.providers["second"], row_of("second", config.providers["second"], builtin()), {})
    assert (found.id, found.key, found.base_url) == ("second", "env:SECOND", builtin()["mistral"].base_url)
    assert found.quirks == builtin()["mistral"].quirks.quirks
    with pytest.raises(ConfigError, match="SECOND unset"):
        check_secrets(config, {"MISTRAL_API_KEY": "x"}, source="test")
    with pytest.raises(ConfigError, match=r"providers.second.like: found \"mistrl\", expected a built-in provider"):
        from_mapping({**document, "providers": {"second": {"like": "mistrl"}}}, source="test", environ={})


def test_a_row_with_an_unknown_field_or_a_quirk_without_source_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `protcol`"):
        parse(ROW.replace("protocol", "protcol"))
    with pytest.raises(msgspec.ValidationError, match="source"):
        parse(ROW.replace('source = "https://docs.acme.example/chat"', ""))


def test_what_the_config_states_wins_over_the_row() -> None:
    stated = ProviderConfig(
        base_url="http://127.0.0.1:1/v1", key="file:/k", key_header="x-api-key", price_id="other", simulated=True
    )

    found = resolve("acme", stated, parse(ROW)["acme"], {})

    assert (found.base_url, found.key, found.key_header) == ("http://127.0.0.1:1/v1", "file:/k", "x-api-key")
    assert (found.price_id, found.simulated, found.protocol) == ("other", True, "openai_chat")


@pytest.mark.parametrize(
    ("environ", "key"),
    [({}, "env:A"), ({"B": "x"}, "env:B"), ({"A": "x", "B": "x"}, "env:A"), ({"A": "", "B": "x"}, "env:B")],
)
def test_the_key_is_the_first_conventional_variable_that_is_set(environ: dict[str, str], key: str) -> None:
    row = ProviderRow(name="n", protocol="p", base_url="u", source="s", date="d", key_env=("A", "B"))

    assert resolve("n", ProviderConfig(), row, environ).key == key


def test_a_provider_without_row_is_what_the_config_says() -> None:
    stated = ProviderConfig(protocol="openai_chat", base_url="http://127.0.0.1:9001/v1")

    assert resolve("lab", stated, None, {}) == Provider(
        id="lab", protocol="openai_chat", base_url="http://127.0.0.1:9001/v1"
    )


PLACE = {"GOOGLE_CLOUD_PROJECT": "project-1", "GOOGLE_CLOUD_LOCATION": "europe-west4"}
VERTEX = "projects/project-1/locations"


@pytest.mark.parametrize(
    ("stated", "url"),
    [
        ({}, f"https://europe-west4-aiplatform.googleapis.com/v1/{VERTEX}/europe-west4/publishers/google"),
        ({"region": "global"}, f"https://aiplatform.googleapis.com/v1/{VERTEX}/global/publishers/google"),
        ({"region": "eu"}, f"https://aiplatform.eu.rep.googleapis.com/v1/{VERTEX}/eu/publishers/google"),
        ({"base_url": "http://127.0.0.1:1/x"}, "http://127.0.0.1:1/x"),
    ],
)
def test_a_clouds_place_is_stated_or_in_its_variables(stated: dict[str, str], url: str) -> None:
    config, row = ProviderConfig(**stated), builtin()["vertex"]
    assert resolve("vertex", config, row, PLACE).base_url == url
    assert unplaced(config, row, PLACE) == []


@pytest.mark.parametrize(
    ("name", "environ", "missing"),
    [
        ("vertex", {}, ["project", "region"]),
        ("vertex", {"GOOGLE_CLOUD_PROJECT": "p"}, ["region"]),
        ("vertex", {**PLACE, "GOOGLE_CLOUD_LOCATION": "evil.example/x"}, ["region"]),
        ("bedrock", {"AWS_BEARER_TOKEN_BEDROCK": "x"}, ["region"]),
        ("openai", {}, []),
    ],
)
def test_a_missing_place_is_a_fault_that_says_what_to_set(
    name: str, environ: dict[str, str], missing: list[str]
) -> None:
    row = builtin()[name]
    faults = unplaced(ProviderConfig(), row, environ)
    assert [fault.partition(":")[0] for fault in faults] == missing
    for fault in faults:
        for variable in row.project_env if fault.startswith("project") else row.region_env:
            assert variable in fault


def test_a_signature_needs_a_region_wherever_it_goes() -> None:
    stated = ProviderConfig(base_url="http://127.0.0.1:1", auth=AuthConfig(kind="sigv4"))
    assert [fault.partition(":")[0] for fault in unplaced(stated, builtin()["bedrock"], {})] == ["region"]
    assert unplaced(stated, None, {}) == []


@pytest.mark.parametrize(
    ("name", "environ", "auth", "key"),
    [
        ("azure", {}, "key", "env:AZURE_OPENAI_API_KEY"),
        ("azure", {"AZURE_CLIENT_SECRET": "x"}, "entra", None),
        ("azure", {"AZURE_CLIENT_SECRET": "x", "AZURE_OPENAI_API_KEY": "x"}, "key", "env:AZURE_OPENAI_API_KEY"),
        ("bedrock", {}, "key", "env:AWS_BEARER_TOKEN_BEDROCK"),
        ("bedrock", {"AWS_ACCESS_KEY_ID": "x"}, "sigv4", None),
        ("vertex", {}, "google", None),
        ("vertex_anthropic", {}, "google", None),
    ],
)
def test_a_key_proves_a_call_else_what_is_usual_there(
    name: str, environ: dict[str, str], auth: str, key: str | None
) -> None:
    made = resolve(name, ProviderConfig(), builtin()[name], environ)
    assert (made.auth, made.key) == (auth, key)
    assert bool(made.parts) == (auth != "key")


def test_how_calls_are_proved_can_be_stated() -> None:
    stated = ProviderConfig(auth=AuthConfig(kind="entra", client_secret="file:/secret"))
    made = resolve("azure", stated, builtin()["azure"], {"AZURE_OPENAI_API_KEY": "x"})
    assert (made.auth, made.key) == ("entra", None)
    assert dict(made.parts)["client_secret"] == "file:/secret"
    keyed = resolve("vertex", ProviderConfig(key="env:K", auth=AuthConfig(kind="key")), builtin()["vertex"], {})
    assert (keyed.auth, keyed.key, keyed.parts) == ("key", "env:K", ())


def test_a_second_account_of_a_cloud_has_a_place_of_its_own() -> None:
    providers = {"eu": {"like": "bedrock", "region": "eu-central-1"}}
    document = {"providers": providers, "models": {"m": {"deployments": [{"provider": "eu", "price": 0}]}}}
    config = from_mapping(document, source="test", environ={})
    check_secrets(config, {"AWS_BEARER_TOKEN_BEDROCK": "x"}, source="test")  # the first one's own variable
    with pytest.raises(ConfigError, match="AWS_BEARER_TOKEN_BEDROCK"):
        check_secrets(config, {}, source="test")
    stated = config.providers["eu"]
    made = resolve("eu", stated, row_of("eu", stated, builtin()), {})
    assert made.base_url == "https://bedrock-runtime.eu-central-1.amazonaws.com/openai/v1"
    with pytest.raises(ConfigError, match='found "bedrok", expected a built-in provider; did you mean "bedrock"'):
        from_mapping({**document, "providers": {"eu": {"like": "bedrok"}}}, source="test", environ={})


def test_a_config_says_which_media_its_provider_takes_by_their_bytes_only() -> None:
    row = builtin()["ollama"]
    assert row.quirks.quirks.needs_bytes == ("image",)
    assert resolve("ollama", ProviderConfig(needs_bytes=()), row, {}).quirks.needs_bytes == ()
    stated = ProviderConfig(protocol="openai_chat", base_url="http://u", needs_bytes=("image", "file"))
    assert resolve("mine", stated, None, {}).quirks == Quirks(needs_bytes=("image", "file"))
    with pytest.raises(ValidationError, match="expected image, audio, file"):
        ProviderConfig(needs_bytes=("images",))
