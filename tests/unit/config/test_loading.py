"""A config is whole or every one of its faults is told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.config import Config, check_secrets, document, from_mapping, load
from gearshift.errors import ConfigError
from gearshift.types.decision import AtLeast

DOCS = Path(__file__).resolve().parents[3] / "docs"
CONTRACT = """
server:    {host: 127.0.0.1, port: 4000, admin_key: env:GEARSHIFT_ADMIN_KEY}
store:     sqlite:///gearshift.db
shared:    memory://
providers:
  openai:    {key: env:OPENAI_API_KEY}
  anthropic: {key: env:ANTHROPIC_API_KEY}
  lab:       {protocol: openai_chat, base_url: http://127.0.0.1:9001/v1, key: env:LAB_KEY}
models:
  gpt-5.5:         {deployments: [{provider: openai}]}
  claude-sonnet-5: {deployments: [{provider: anthropic}]}
  small:
    context_window: 128000
    capabilities: [tools, vision, json_schema]
    deployments:
      - {provider: lab, name: small-v1, price: {input: 0.10, output: 0.40, cached_input: 0.01}}
routers:
  auto:
    candidates: [small, gpt-5.5, claude-sonnet-5]
    predictor: builtin
    objective: {at_least: {model: gpt-5.5, within: 0.02, confidence: 0.95}}
    fallback: gpt-5.5
  batch:   {candidates: [small, gpt-5.5], objective: {at_most: {usd_per_1k_requests: 2.0}}}
  canary:  {weights: {small: 0.9, gpt-5.5: 0.1}}
  claude:  {candidates: ["anthropic/*"]}
  rules:   {rules: [{when: {"metadata.plan": {"$eq": "free"}}, use: small}, {use: auto}]}
reliability: {max_attempts: 3, deadline: 600s, first_token_timeout: 10s, stall_timeout: 30s}
"""

TEN_FAULTS = """
server: {port: 70000, admin_key: sk-live-hunter2}
store: postgresql://user:hunter2@host/db
providers:
  lab: {protocol: openai_chat, base_url: http://127.0.0.1:9001/v1, kye: env:LAB_KEY}
models:
  small: {deployments: [{provider: lap}]}
  large: {deployments: [{provider: lab, price: {input: -1, output: 2}}]}
routers:
  auto: {candidates: [smal, large], objective: {at_least: {model: gpt-5.5}}}
  canary: {weights: {large: 0}}
  first: {rules: [{use: second}]}
  second: {rules: [{use: first}]}
reliability: {deadline: 10y}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "gearshift.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(mapping: dict[str, Any], **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        from_mapping(mapping, source="test", environ=environ)
    return caught.value.faults


def lab(**sections: object) -> dict[str, Any]:
    return {
        "providers": {"lab": {"protocol": "openai_chat", "base_url": "http://127.0.0.1:9001/v1"}},
        "models": {"small": {"deployments": [{"provider": "lab"}]}},
        **sections,
    }


def test_the_config_of_the_contract_is_read(tmp_path: Path) -> None:
    config = load(write(tmp_path, CONTRACT), {})

    assert list(config.models) == ["gpt-5.5", "claude-sonnet-5", "small"]
    assert config.routers["auto"].objective == AtLeast(model="gpt-5.5", within=0.02, confidence=0.95)
    assert config.reliability.deadline == 600
    assert config.server.authenticated


@pytest.mark.parametrize("page", ["reference/configuration.md", "how-to/add-a-provider.md"])
def test_the_examples_of_the_docs_are_right(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    example = text.partition("```yaml\n")[2].partition("```")[0]

    from_mapping(document.parse(example.encode(), ".yaml"), source=page, environ={})


def test_toml_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "gearshift.toml"
    path.write_text(
        '[providers.lab]\nprotocol = "openai_chat"\nbase_url = "http://127.0.0.1:9001/v1"\n'
        '[[models.small.deployments]]\nprovider = "lab"\n'
    )

    assert load(path, {}) == from_mapping(lab(), source="test", environ={})


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, TEN_FAULTS)

    with pytest.raises(ConfigError) as caught:
        load(path, {"GEARSHIFT__LOGGING__CONTENT": "perhaps"})

    expected = [
        "server.port: found 70000, expected at most 65535",
        "server.admin_key: found a text that is no reference (not shown)",
        "store: found a password in the URL, expected none",
        'providers.lab.kye: found an unknown key; did you mean "key"?',
        'models.small.deployments[0].provider: found "lap", expected a provider declared under providers',
        "models.large.deployments[0].price.input: found -1, expected US dollars",
        'routers.auto.candidates[0]: found "smal", expected a model, deployment or glob; did you mean "small"?',
        'routers.auto.objective.at_least.model: found "gpt-5.5", expected a model or deployment',
        "routers.canary.weights.large: found 0, expected more than 0",
        'reliability.deadline: found "10y", expected a duration',
        'GEARSHIFT__LOGGING__CONTENT (logging.content): found "perhaps", expected true or false',
        "routers.first.rules[0].use: found a circle: first > second > first",
        "routers.second.rules[0].use: found a circle: second > first > second",
    ]
    assert len(caught.value.faults) == len(expected)
    for fault, line in zip(caught.value.faults, expected, strict=True):
        assert fault.startswith(line)
    assert caught.value.message.startswith(f"{path}: 13 faults; nothing was started\n  - server.port")
    assert "hunter2" not in caught.value.message


def test_an_empty_config_says_what_it_needs() -> None:
    assert faults({}) == [
        "providers: found nothing, expected a value; add it",
        "models: found nothing, expected a value; add it",
    ]
    assert faults({"providers": {}, "models": {}})[1:] == ["models: found it empty, expected at least one entry"]


def test_the_environment_overrides_the_file() -> None:
    config = from_mapping(
        lab(), source="test", environ={"GEARSHIFT__SERVER__PORT": "0", "GEARSHIFT__MODELS__SMALL__CONTEXT_WINDOW": "9"}
    )

    assert config.server.port == 0
    assert config.models["small"].context_window == 9


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [
        (
            "GEARSHIFT__SERVER__PORT",
            "http",
            'GEARSHIFT__SERVER__PORT (server.port): found "http", expected a whole number',
        ),
        ("GEARSHIFT__SEVER__PORT", "1", 'GEARSHIFT__SEVER__PORT (sever): found an unknown key; did you mean "server"?'),
        ("GEARSHIFT__SERVER__ADMIN_KEY", "hunter2", "GEARSHIFT__SERVER__ADMIN_KEY (server.admin_key): found a text"),
        ("GEARSHIFT__SERVER__PORT__X", "1", 'GEARSHIFT__SERVER__PORT__X: found "X" inside a value that is no mapping'),
    ],
)
def test_a_bad_variable_is_named(variable: str, value: str, fault: str) -> None:
    found = faults(lab(server={"port": 4000}), **{variable: value})

    assert len(found) == 1
    assert found[0].startswith(fault)
    assert "hunter2" not in found[0]


def test_secrets_are_asked_for_where_they_are_used(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    config = from_mapping(
        lab(
            server={
                "keys": ["env:CALLER_KEY", f"file:{tmp_path / 'empty'}"],
                "admin_key": f"file:{tmp_path / 'absent'}",
            },
            providers={
                "lab": {"protocol": "openai_chat", "base_url": "http://127.0.0.1:9001/v1", "key": "env:LAB_KEY"},
                "openai": {},
                "groq": {"key": "env:UNUSED"},
            },
            models={"small": {"deployments": [{"provider": "lab"}, {"provider": "openai"}]}},
        ),
        source="test",
        environ={},
    )

    with pytest.raises(ConfigError) as caught:
        check_secrets(config, {"LAB_KEY": "x"}, source="gearshift.yaml")

    assert caught.value.faults == [
        "server.keys[0]: found the environment variable CALLER_KEY unset or empty; set it",
        f"server.keys[1]: found {tmp_path / 'empty'} empty; fill it",
        f"server.admin_key: found no file {tmp_path / 'absent'}; create it",
        "providers.openai.key: found the environment variable OPENAI_API_KEY unset or empty; set it",
    ]


def test_secrets_that_are_there_are_no_fault() -> None:
    config = from_mapping(lab(server={"keys": ["env:CALLER_KEY"]}), source="test", environ={})

    check_secrets(config, {"CALLER_KEY": "x"}, source="test")


json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=5,
)
sections = st.sampled_from([*Config.model_fields])


@given(st.dictionaries(sections, json))
def test_any_mapping_is_a_config_or_a_list_of_faults(mapping: dict[str, Any]) -> None:
    try:
        from_mapping(mapping, source="test", environ={})
    except ConfigError as error:
        assert error.faults  # noqa: PT017 - either end is right


@pytest.mark.parametrize("providers", [{"ollama": {}}, {"openai": {"discover": True}}, {"vllm": {}, "openai": {}}])
def test_models_need_not_be_declared_where_a_server_is_asked_for_them(providers: dict[str, Any]) -> None:
    assert from_mapping({"providers": providers}, source="test", environ={}).models == {}


@pytest.mark.parametrize("providers", [{"ollama": {"discover": False}}, {"openai": {}}])
def test_elsewhere_they_must(providers: dict[str, Any]) -> None:
    assert faults({"providers": providers}) == ["models: found nothing, expected a value; add it"]
