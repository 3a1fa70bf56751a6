"""Without a config, the keys in the environment make one: live, or as a file to edit."""

from __future__ import annotations

import pytest

from gearshift.config import check_secrets, from_environment, from_mapping, render_initial
from gearshift.config.document import parse
from gearshift.config.rows import builtin
from gearshift.types.decision import CostTier

EVERY = {row.key_env[0]: "x" for row in builtin().values() if row.key_env}


def test_without_keys_there_is_no_config() -> None:
    assert from_environment({}) is None
    assert from_environment({"OPENAI_API_KEY": "", "HOME": "/root"}) is None
    assert from_environment({"DEEPINFRA_API_KEY": "x"}) is None  # it has no default models


def test_a_key_enables_its_provider_with_its_models() -> None:
    config = from_environment({"ANTHROPIC_API_KEY": "x"})

    assert config is not None
    assert list(config.providers) == ["anthropic"]
    assert config.providers["anthropic"].key == "env:ANTHROPIC_API_KEY"
    assert list(config.models) == list(builtin()["anthropic"].models)
    auto = config.routers["auto"]
    assert auto.candidates == builtin()["anthropic"].models
    assert auto.objective == CostTier(tier="medium")
    assert auto.predictor == "builtin"
    assert auto.fallback == builtin()["anthropic"].models[0]


def test_the_first_conventional_name_of_a_key_wins() -> None:
    both = from_environment({"GOOGLE_API_KEY": "x", "GEMINI_API_KEY": "y"})
    one = from_environment({"GOOGLE_API_KEY": "x"})

    assert both is not None
    assert one is not None
    assert both.providers["google"].key == "env:GEMINI_API_KEY"
    assert one.providers["google"].key == "env:GOOGLE_API_KEY"


def test_a_model_of_several_providers_has_several_deployments() -> None:
    config = from_environment({"GROQ_API_KEY": "x", "TOGETHER_API_KEY": "x"})

    assert config is not None
    assert [each.provider for each in config.models["openai/gpt-oss-120b"].deployments] == ["groq", "together"]


def test_all_keys_together_make_one_config_whose_secrets_are_there() -> None:
    config = from_environment(EVERY)

    assert config is not None
    check_secrets(config, EVERY, source="test")


def test_overrides_count_here_too() -> None:
    config = from_environment({"OPENAI_API_KEY": "x", "GEARSHIFT__SERVER__PORT": "0"})

    assert config is not None
    assert config.server.port == 0


@pytest.mark.parametrize("environ", [EVERY, {"OPENAI_API_KEY": "sk-hunter2"}])
def test_the_file_of_the_keys_found_is_the_same_config(environ: dict[str, str]) -> None:
    text = render_initial(environ)

    assert from_mapping(parse(text.encode(), ".yaml"), source="test", environ={}) == from_environment(environ)
    assert "hunter2" not in text


def test_without_keys_the_file_is_an_example_that_is_right_once_its_marks_are_gone() -> None:
    text = render_initial({})
    head, _, example = text.partition("try `gearshift check`.\n\n")
    bare = "".join(line.removeprefix("# ").removeprefix("#") for line in example.splitlines(keepends=True))

    assert parse(text.encode(), ".yaml") == {"server": {"host": "127.0.0.1", "port": 4000}}
    assert "OPENAI_API_KEY" in head
    config = from_mapping(parse(f"{head}\n{bare}".encode(), ".yaml"), source="test", environ={})
    assert set(config.models) == {"small", "large"}
