from __future__ import annotations

from decimal import Decimal

from gearshift.migration.findings import Findings
from gearshift.migration.litellm.entries import read
from gearshift.migration.litellm.models import metric_of, share
from tests.unit.migration.litellm.scene import entry, imported, left


def served(*entries: object) -> list[str]:
    return [each.get("name", "it") for each in imported(*entries).config["models"]["it"]["deployments"]]


def test_entries_of_one_name_are_deployments_of_one_model() -> None:
    assert served(entry("openai/a"), entry("groq/b"), entry("openai/it")) == ["a", "b", "it"]


def test_the_order_is_stated_then_the_heaviest_first() -> None:
    a, b, c, d = (entry(f"openai/{name}", rpm=rpm) for name, rpm in zip("abcd", (1, 30, 2, 3), strict=True))
    for each, order in ((a, 2), (c, 1), (d, 1)):
        each["litellm_params"]["order"] = order
    assert served(a, b, c, d) == ["d", "c", "a", "b"]


def test_a_copy_of_an_entry_is_told() -> None:
    found = imported(entry("openai/a"), entry("openai/a"))

    assert len(found.config["models"]["it"]["deployments"]) == 1
    assert left(found) == {"model_list[1]": "a copy of model_list[0]"}


def test_a_name_that_no_model_can_have_is_told() -> None:
    found = imported(
        entry("openai/gpt-5.5", "kept"), entry("openai/gpt-5.5", "two words"), entry("openai/gpt-5.5", "x" * 201)
    )

    assert list(found.config["models"]) == ["kept"]
    assert left(found)["model_list[1].model_name"] == "two words"
    assert "model_list[2].model_name" in left(found)


def test_facts_that_differ_are_told_and_the_smaller_counts() -> None:
    server = {"api_base": "http://llm.lan/v1", "api_key": "none"}
    found = imported(
        entry("openai/a", **server, info={"max_input_tokens": 8, "supports_vision": True, "supports_reasoning": True}),
        entry("openai/b", **server, info={"max_input_tokens": 4, "supports_vision": True}),
    )

    assert found.config["models"]["it"]["context_window"] == 4
    assert found.config["models"]["it"]["capabilities"] == ["vision"]
    assert left(found)["model_list[1].model_info"] == "another capabilities"


def test_a_name_that_is_a_deployments_id_means_that_deployment() -> None:
    same = imported(entry("openai/gpt-5.5", "gpt-5.5"), entry("openai/gpt-5.5", "openai/gpt-5.5"))
    other = imported(entry("openai/gpt-5.5", "gpt-5.5"), entry("groq/llama", "openai/gpt-5.5"))

    assert list(same.config["models"]) == list(other.config["models"]) == ["gpt-5.5"]
    assert "its name is that of a deployment of another model" in same.assumptions[0]
    assert left(other) == {"model_list[1].model_name": "openai/gpt-5.5"}


def test_the_weights_are_those_of_simple_shuffle() -> None:
    stated = [entry(weight="2", rpm=5), entry(rpm=7, tpm=9), entry(tpm=-1)]
    first, second, third = read({"model_list": stated}, Findings())

    assert metric_of([first, second]) == "weight"
    assert metric_of([second, third]) == "rpm"
    assert metric_of([third]) is None
    assert share(first, "weight") == Decimal(2)
    assert share(third, "tpm") == 0


def test_a_model_chats_or_makes_embeddings() -> None:
    found = imported(entry("openai/a", info={"mode": "embedding"}), entry("openai/b"))

    assert found.config["models"]["it"]["deployments"] == [{"provider": "openai", "name": "a"}]
    assert left(found) == {"model_list[1].model_name": "it"}


def test_the_catalogue_knows_no_dated_models_of_vertex() -> None:
    info = {"supports_vision": True}
    dated = imported(entry("vertex_ai/claude-sonnet-4-5@20250929", info=info)).config["models"]["it"]

    assert dated["capabilities"] == ["vision"]
    assert "capabilities" not in imported(entry("vertex_ai/claude-sonnet-4-5", info=info)).config["models"]["it"]
