from __future__ import annotations

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


def test_a_model_of_embeddings_has_a_window_and_no_output() -> None:
    info = {"mode": "embedding", "max_input_tokens": 8191, "max_tokens": 8191, "supports_vision": True}
    found = imported(entry(**SERVER, info=info))

    assert model(info) == {"capabilities": ["embeddings"], "context_window": 8191}
    assert left(found) == {
        "model_list[0].model_info.max_tokens": "8191",
        "model_list[0].model_info.supports_vision": "true",
    }
    assert found.assumptions == imported(entry(**SERVER)).assumptions


def test_other_facts_are_told() -> None:
    found = imported(
        entry(**SERVER, info={"id": "x", "base_model": "azure/y", "max_input_tokens": "many", "tier": None})
    )

    assert left(found) == {
        "model_list[0].model_info.id": "a text (not shown)",
        "model_list[0].model_info.base_model": "a text (not shown)",
        "model_list[0].model_info.max_input_tokens": "a text (not shown)",
    }
