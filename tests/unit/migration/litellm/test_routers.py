from __future__ import annotations

import pytest

from tests.unit.migration.litellm.scene import entry, imported, left, read

TWO = (entry("openai/gpt-5.5", "big"), entry("openai/gpt-5.4-mini", "small"))


def aliases(**stated: object) -> dict[str, object]:
    return {"model_group_alias": stated}


def test_auto_is_over_all_models() -> None:
    assert imported(*TWO).config["routers"] == {
        "auto": {"candidates": ["big", "small"], "objective": {"cost_tier": "medium"}, "fallback": "big"}
    }


def test_a_model_named_auto_stays_a_model() -> None:
    assert "routers" not in imported(entry("openai/gpt-5.5", "auto")).config


def test_an_alias_is_a_router_or_where_it_cannot_be_a_copy() -> None:
    found = imported(*TWO, router_settings={"model_group_alias": {"gpt-4": "big", "openai/gpt-4": {"model": "big"}}})

    assert found.config["routers"]["gpt-4"] == {"rules": [{"use": "big"}]}
    assert found.config["models"]["openai/gpt-4"] == {"deployments": [{"provider": "openai", "name": "gpt-5.5"}]}
    assert left(found) == {}


@pytest.mark.parametrize(
    ("stated", "place"),
    [
        ({"x": "nobody"}, "x"),
        ({"x": 7}, "x"),
        ({"x": {"hidden": True}}, "x"),
        ({"small": "big"}, "small"),
        ({"a b": "big"}, "a b"),
        ({"x": {"model": "big", "hidden": True}}, "x.hidden"),
    ],
)
def test_an_alias_that_cannot_be_carried_is_told(stated: dict[str, object], place: str) -> None:
    found = imported(*TWO, router_settings={"model_group_alias": stated})
    assert list(left(found)) == [f"router_settings.model_group_alias.{place}"]


def test_load_is_spread_by_a_router_of_its_own() -> None:
    found = read("load-balancing")

    assert found.config["routers"]["chat-balanced"] == {"weights": {"openai-2/chat": 800, "openai/chat": 200}}
    assert left(found)["model_list[1].model_name"] == "2 deployments of chat, drawn by rpm"


def test_where_no_router_can_have_the_name_it_is_told() -> None:
    found = imported(entry("openai/a", "our/chat"), entry("groq/b", "our/chat"))

    assert list(found.config["routers"]) == ["auto"]
    assert "write a router with weights" in found.not_carried[0].do


def test_litellms_auto_routers_choose_among_the_same_models() -> None:
    found = read("auto-routing")

    assert found.config["routers"]["by-complexity"] == {
        "candidates": ["quick", "thorough"],
        "objective": {"cost_tier": "medium"},
        "fallback": "thorough",
    }
    assert found.config["routers"]["by-bandit"]["fallback"] == "quick"
    told = left(found)
    assert told["model_list[2]"] == "missing among its models"
    assert told["model_list[4].litellm_params.model"] == "auto_router/by-meaning"


@pytest.mark.parametrize("name", ["big", "our/router"])
def test_an_auto_router_needs_a_name_of_its_own(name: str) -> None:
    auto = entry("auto_router/quality_router", name, quality_router_config={"available_models": ["big"]})
    assert left(imported(*TWO, auto))["model_list[2].model_name"] == name


def test_routers_choose_among_models_that_chat() -> None:
    vectors = entry("openai/v", "v", info={"mode": "embedding"})
    auto = entry(
        "auto_router/complexity_router", "r", complexity_router_config={"tiers": {"SIMPLE": "v", "HARD": "it"}}
    )
    found = imported(entry(), vectors, auto)

    assert [found.config["routers"][name]["candidates"] for name in ("auto", "r")] == [["it"], ["it"]]
    assert left(found) == {"model_list[2]": "v among its models"}
