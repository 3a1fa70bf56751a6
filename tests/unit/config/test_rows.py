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
from gearshift.config.rows import ProviderRow, builtin, parse, resolve
from gearshift.config.values import PROTOCOLS
from gearshift.errors import ConfigError
from gearshift.types.catalog import CAPABILITIES, EXTENSIONS, Provider, Quirks

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

    assert re.fullmatch(r"[a-z]+", name)
    assert row.protocol in PROTOCOLS
    assert urlsplit(row.base_url).scheme == ("https" if row.key_env else "http")
    assert not row.base_url.endswith("/")
    assert set(row.capabilities) <= CAPABILITIES
    assert set(row.lacks) <= CAPABILITIES
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
        for variable in row.key_env:
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


def test_no_two_rows_share_a_key() -> None:
    variables = [variable for row in builtin().values() for variable in row.key_env]

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
