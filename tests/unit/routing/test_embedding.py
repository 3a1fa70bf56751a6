from __future__ import annotations

import pytest
from msgspec import Raw
from msgspec.structs import replace

from gearshift.errors import InvalidRequest
from gearshift.routing.embedding import decide_embedding
from gearshift.routing.router import Router, RouterTable
from gearshift.routing.rules import compile_rule
from gearshift.types.asking import Unmet
from gearshift.types.catalog import Deployment, Quirks
from gearshift.types.chat import Routing
from gearshift.types.decision import Decision, Health, Snapshot
from gearshift.types.embedding import EmbeddingRequest
from tests.fakes.nouns import deployment, provider

EMBEDS = frozenset({"embeddings"})


def at(where: str, model: str = "embed", **changes: object) -> Deployment:
    return deployment(model, provider(where), **{"capabilities": EMBEDS, **changes})  # type: ignore[arg-type]


FIRST, SECOND, OTHER = at("a"), at("b"), at("a", "other")
TALKER = deployment("talker", provider("c"), capabilities=frozenset({"tools"}))


def asked(model: str = "auto", text: str = "Hello", **routing: object) -> EmbeddingRequest:
    return EmbeddingRequest(model=model, inputs=(text,), routing=Routing(**routing))  # type: ignore[arg-type]


def decide(request: EmbeddingRequest, *deployments: Deployment, health: dict[str, Health] | None = None) -> Decision:
    snapshot = Snapshot(now=0.0, deployments=deployments, health=health or {})
    return decide_embedding(request, snapshot, Router(name="auto", deployments=deployments))


def order(decision: Decision) -> list[str]:
    return [each.deployment.id for step in decision.plan for each in step.candidates]


def test_the_deployments_of_the_one_model_are_tried_in_order() -> None:
    found = decide(asked(), TALKER, FIRST, SECOND)
    assert order(found) == ["a/embed", "b/embed"]
    assert (found.reason, found.policy, found.propensity) == ("only_model", "fixed", 1.0)
    assert [(each.deployment, each.reason) for each in found.rejected] == [("c/talker", "capability_missing")]


def test_the_caller_orders_them_as_it_likes() -> None:
    assert order(decide(asked(order=("b",)), FIRST, SECOND)) == ["b/embed", "a/embed"]
    assert order(decide(asked(allow_fallbacks=False), FIRST, SECOND)) == ["a/embed"]
    assert order(decide(asked(only=("b",)), FIRST, SECOND)) == ["b/embed"]


def test_who_names_a_model_is_not_led_to_what_the_config_falls_back_to() -> None:
    named = Router(name="embed", deployments=(FIRST, SECOND, OTHER), named=True)
    found = decide_embedding(asked("embed"), Snapshot(now=0.0, deployments=named.deployments), named)
    assert (order(found), found.reason) == (["a/embed", "b/embed"], "named")


def test_two_models_are_one_too_many_even_when_only_one_is_well() -> None:
    ill = {OTHER.id: Health(healthy=False)}
    for health in (None, ill):
        with pytest.raises(InvalidRequest, match=r"2 models that make embeddings \(embed, other\).*name one of them"):
            decide(asked(), FIRST, OTHER, health=health)
    long = at("a", "other", context_window=1)
    with pytest.raises(InvalidRequest, match="2 models"):
        decide(asked(text="many words " * 50), FIRST, long)


def test_what_the_caller_itself_leaves_out_is_not_in_question() -> None:
    assert order(decide(asked(excluded=("other",)), FIRST, OTHER)) == ["a/embed"]


def test_nobody_fits_when_nobody_makes_vectors() -> None:
    found = decide(asked(), TALKER)
    assert (found.plan, found.reason) == ((), "no_candidate")


def test_the_limit_of_cost_holds() -> None:
    found = decide(asked(max_cost=1), FIRST, at("b", price=None))
    assert found.plan == ()
    reasons = {each.deployment: each.reason for each in found.rejected}
    assert reasons == {"a/embed": "max_cost", "b/embed": "price_unknown"}
    assert order(decide(asked(max_cost=10**6), FIRST)) == ["a/embed"]
    raw = EmbeddingRequest(model="auto", inputs=(Raw(b"{}"),), routing=Routing(max_cost=10**9))
    assert "cannot be estimated" in decide(raw, FIRST).rejected[0].detail


def test_rules_are_not_asked_and_the_caller_s_models_join() -> None:
    rule = compile_rule({"task": "chat"}, "auto", "rules[0]")
    rules = Router(name="rules", deployments=(FIRST, TALKER), rules=(rule,))
    named = {each.model: Router(name=each.model, deployments=(each,), named=True) for each in (FIRST, OTHER)}
    table = RouterTable({"rules": rules}, named)
    assert table.resolve(asked("rules")).deployments == (FIRST, TALKER)
    assert table.resolve(asked("embed", models=("other",))).deployments == (FIRST, OTHER)
    assert table.resolve(asked("embed:floor")).sort == "price"


def test_wishes_that_vectors_leave_unfulfilled_are_named() -> None:
    unmet = Unmet(field="provider.sort", detail="no", word="provider")
    told = at("a").provider
    knows = at("a", "embed", provider=replace(told, quirks=Quirks(extensions=("provider",))))
    request = replace(asked(unmet=(unmet,), cost_tier="low"), protocol="openai_embeddings")
    assert [each.field for each in decide(request, FIRST).unmet] == ["plugins.auto-router.cost_tier", "provider.sort"]
    assert [each.field for each in decide(request, knows).unmet] == ["plugins.auto-router.cost_tier"]
    table = RouterTable({}, {"embed": Router(name="embed", deployments=(FIRST,), named=True)})
    assert [each.field for each in table.resolve(asked("embed:exacto")).unmet] == ["embed:exacto"]
