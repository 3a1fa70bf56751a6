from __future__ import annotations

from gearshift.migration.litellm import Translation
from tests.unit.migration.litellm.scene import entry, imported, left, read

THREE = tuple(entry(f"openai/{name}", name) for name in "abc")


def fallbacks(found: Translation) -> dict[str, object]:
    return {name: model.get("fallbacks") for name, model in found.config["models"].items()}


def test_a_models_fallbacks_are_carried_in_order() -> None:
    found = imported(*THREE, router_settings={"fallbacks": [{"a": ["c", "b", "a", "c"]}]})

    assert fallbacks(found) == {"a": ["c", "b"], "b": None, "c": None}
    assert left(found) == {}


def test_default_fallbacks_are_those_of_models_without_their_own() -> None:
    found = imported(*THREE, litellm_settings={"default_fallbacks": ["c"], "fallbacks": [{"a": "b"}]})

    assert fallbacks(found) == {"a": ["b"], "b": ["c"], "c": None}
    assert fallbacks(imported(*THREE, router_settings={"fallbacks": [{"*": ["c"]}]}))["a"] == ["c"]


def test_an_alias_stands_for_its_model() -> None:
    settings = {"model_group_alias": {"x": "a", "y": {"model": "b"}}, "fallbacks": [{"x": ["y"]}]}
    assert fallbacks(imported(*THREE, router_settings=settings))["a"] == ["b"]


def test_what_is_no_model_is_told() -> None:
    found = imported(*THREE, router_settings={"fallbacks": [{"a": ["b", "gone", {"model": "c"}]}, {"gone": ["a"]}]})

    assert fallbacks(found)["a"] == ["b"]
    assert left(found) == {
        "router_settings.fallbacks[0].a[1]": "gone",
        "router_settings.fallbacks[0].a[2]": "a mapping",
        "router_settings.fallbacks[1].gone": "gone",
    }


def test_as_many_calls_are_allowed_as_there_are_deployments_to_try() -> None:
    chain = {"fallbacks": [{"a": ["b", "c"]}]}
    four = imported(*THREE, entry("groq/x", "c"), litellm_settings=chain)

    assert four.config["reliability"] == {"max_attempts": 4}
    assert "reliability" not in imported(*THREE, litellm_settings=chain).config  # three, as by default
    stated = imported(*THREE, litellm_settings={**chain, "num_retries": 0})
    assert stated.config["reliability"] == {"max_attempts": 3, "retries": 0}
    assert read("reliability").config["reliability"]["max_attempts"] == 4


def test_no_other_model_answers_for_one_of_embeddings() -> None:
    vectors = entry("openai/v", "v", info={"mode": "embedding"})
    stated = {"fallbacks": [{"v": ["a"]}, {"a": ["v", "b"]}], "default_fallbacks": ["c"]}
    found = imported(*THREE, vectors, litellm_settings=stated)

    assert fallbacks(found) == {"a": ["b"], "b": ["c"], "c": None, "v": None}
    assert left(found) == {"litellm_settings.fallbacks[0].v": "v", "litellm_settings.fallbacks[1].a[0]": "v"}
