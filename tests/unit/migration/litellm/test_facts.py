from __future__ import annotations

import pytest

from gearshift.errors import ConfigError
from tests.unit.migration.litellm.scene import entry, imported, left

SERVER = {"api_base": "http://llm.lan/v1", "api_key": "none"}


def model(info: dict[str, object]) -> dict[str, object]:
    found = dict(imported(entry(**SERVER, info=info)).config["models"]["it"])
    del found["deployments"]
    return found


def test_windows_and_capabilities_are_carried() -> None:
    assert model(
        {
            "mode": "chat",
            "max_input_tokens": 128_000,
            "max_output_tokens": "4096",
            "max_tokens": 1,
            "supports_function_calling": True,
            "supports_vision": False,
            "supports_response_schema": True,
        }
    ) == {"context_window": 128_000, "max_output_tokens": 4096, "capabilities": ["json_object", "json_schema", "tools"]}
    assert model({"max_tokens": 512}) == {"max_output_tokens": 512}
    assert model({"supports_vision": False}) == {}


def test_what_the_catalogue_knows_is_not_narrowed() -> None:
    found = imported(entry("openai/gpt-5.5", info={"supports_vision": True}))

    assert "capabilities" not in found.config["models"]["it"]
    assert left(found) == {"model_list[0].model_info.supports_vision": "true"}


@pytest.mark.parametrize("mode", ["embedding", "image_generation", "rerank", "audio_transcription", "completion", 7])
def test_a_mode_that_is_not_served_is_told(mode: object) -> None:
    found = imported(entry("openai/kept", "kept"), entry(info={"mode": mode}))

    assert list(found.config["models"]) == ["kept"]
    assert left(found) == {"model_list[1].model_info.mode": str(mode)}


@pytest.mark.parametrize("name", ["text-embedding-3-small", "openai/whisper-1", "openai/tts-1", "cohere/rerank-v3.5"])
def test_a_name_may_tell_the_mode_where_nothing_else_does(name: str) -> None:
    with pytest.raises(ConfigError, match="its name says that it is no chat model"):
        imported(entry(name))
    assert imported(entry(name, info={"mode": "chat"})).config["models"]


def test_other_facts_are_told() -> None:
    found = imported(
        entry(**SERVER, info={"id": "x", "base_model": "azure/y", "max_input_tokens": "many", "tier": None})
    )

    assert left(found) == {
        "model_list[0].model_info.id": "a text (not shown)",
        "model_list[0].model_info.base_model": "a text (not shown)",
        "model_list[0].model_info.max_input_tokens": "a text (not shown)",
    }
