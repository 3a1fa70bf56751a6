from collections.abc import Mapping, Sequence
from datetime import date

import pytest
from msgspec.structs import replace

from gearshift import catalog
from gearshift.config import Config, from_mapping
from gearshift.errors import ConfigError
from gearshift.routing.build import build_routers
from gearshift.routing.decide import decide
from gearshift.routing.policy import Best, Weighted
from gearshift.routing.predict import Predictor
from gearshift.routing.router import Router, RouterTable
from gearshift.types.catalog import Deployment
from gearshift.types.decision import AtLeast, CostTier
from tests.unit.routing.scene import Loaded, Oracle, estimate, request, world
from tests.unit.routing.test_calibration import MADE, Proven

PROVIDER = {"protocol": "openai_chat", "base_url": "http://127.0.0.1:1/v1"}
LAB, TWO = ({"provider": name, "price": {"input": 1.0, "output": 2.0}} for name in ("lab", "two"))
MODELS = {
    "small": {"deployments": [LAB]},
    "large": {"deployments": [{"provider": "lab", "price": {"input": 9.0, "output": 18.0}}, TWO]},
    "chatty": {"deployments": [{"provider": "lab", "price": {"input": 0.1, "output": 40.0}}]},
    "odd": {"deployments": [{"provider": "lab"}]},
}
ORACLE = Oracle({"small": estimate(0.7, 1)})


def config(routers: Mapping[str, object]) -> Config:
    stated = {"providers": {"lab": PROVIDER, "two": PROVIDER}, "models": MODELS, "routers": routers}
    return from_mapping(stated, source="test", environ={}, known={})


def table(routers: Mapping[str, object], predictors: Mapping[str, Predictor] | None = None) -> RouterTable:
    stated = config(routers)
    known = {"builtin": ORACLE} if predictors is None else predictors
    return build_routers(stated, catalog.build(stated, {}, today=date(2026, 1, 1), known={}), known)


def built(stated: Mapping[str, object], predictors: Mapping[str, Predictor] | None = None) -> Router:
    return table({"auto": stated}, predictors).routers["auto"]


def ids(deployments: Sequence[Deployment]) -> list[str]:
    return [each.id for each in deployments]


def test_a_router_with_candidates() -> None:
    stated = {
        "candidates": ["small", "*/large"],
        "objective": {"at_least": {"model": "chatty", "within": 0.1}},
        "fallback": "two/large",
    }
    router = built(stated)
    assert ids(router.deployments) == ["lab/small", "lab/large", "two/large"]
    assert router.policy == Best()
    assert router.objective == AtLeast(model="chatty", within=0.1)
    assert router.predictor == ORACLE
    assert ids(router.reference) == ["lab/chatty"]
    assert ids(router.fallback) == ["two/large"]
    assert router.config == config({"auto": stated}).version


def test_without_an_objective_the_configs_default_holds() -> None:
    router = built({"candidates": ["small"]})
    assert router.objective == CostTier(tier="medium")
    assert (router.reference, router.fallback) == ((), ())


@pytest.mark.parametrize(
    ("stated", "baseline"),
    [
        ({"candidates": ["small", "large", "chatty", "odd"]}, "lab/large"),
        ({"candidates": ["small", "odd"]}, "lab/small"),
        ({"candidates": ["odd"]}, None),
        ({"candidates": ["large", "small"], "objective": {"at_least": {"model": "small"}}}, "lab/small"),
        ({"candidates": ["small"], "objective": {"at_most": {"model": "large"}}}, "lab/large"),
        ({"weights": {"small": 1.0, "chatty": 1.0}}, "lab/chatty"),
    ],
)
def test_the_baseline_is_the_reference_or_the_dearest(stated: Mapping[str, object], baseline: str | None) -> None:
    assert built(stated).baseline == baseline


def test_each_router_has_its_own_predictor() -> None:
    other = Oracle({}, version="other")
    routers = table(
        {"auto": {"candidates": ["small"]}, "mine": {"candidates": ["small"], "predictor": "mine/"}},
        {"mine/": other},
    )
    assert routers.routers["auto"].predictor is None
    assert routers.routers["mine"].predictor == other
    assert routers.resolve(request("small")).predictor == other


def test_a_router_with_weights() -> None:
    router = built({"weights": {"large": 0.75, "lab/small": 0.25}})
    assert ids(router.deployments) == ["lab/large", "two/large", "lab/small"]
    assert router.policy == Weighted({"large": 0.75, "lab/small": 0.25})
    assert (router.objective, router.predictor) == (None, ORACLE)


def test_a_router_with_rules_knows_all_that_they_lead_to() -> None:
    routers = table(
        {
            "rules": {"rules": [{"when": {"metadata.plan": "free"}, "use": "lab/chatty"}, {"use": "auto"}]},
            "outer": {"rules": [{"when": {"stream": True}, "use": "small"}, {"use": "rules"}]},
            "auto": {"candidates": ["large", "small"]},
        }
    )
    assert ids(routers.routers["outer"].deployments) == ["lab/small", "lab/chatty", "lab/large", "two/large"]
    resolved = routers.resolve(request("outer"))
    assert (resolved.name, resolved.via) == ("auto", "routers.rules.rules[1] led to auto")


def test_every_model_and_deployment_can_be_named() -> None:
    routers = table({"auto": {"candidates": ["small"]}})
    assert list(routers.routers) == ["auto"]
    for name, expected in {"large": ["lab/large", "two/large"], "two/large": ["two/large"], "odd": ["lab/odd"]}.items():
        router = routers.resolve(request(name))
        assert (router.named, ids(router.deployments), router.baseline) == (True, expected, None)


def test_a_bound_needs_a_price() -> None:
    bound = {"candidates": ["small"], "objective": {"at_most": {"model": "odd"}}}
    with pytest.raises(ConfigError) as caught:
        table({"one": bound, "two": bound})
    assert caught.value.faults == [
        f"routers.{name}.objective.at_most.model: found odd, whose price is not known, "
        "expected one that has a price; add it to its deployment"
        for name in ("one", "two")
    ]


def test_what_is_built_decides() -> None:
    routers = table({"auto": {"candidates": ["*"], "objective": {"cost_tier": "max"}}})
    decision = decide(request("auto"), world(), routers.resolve(request("auto")), Loaded())
    assert decision.chosen.deployment.id == "lab/small"
    assert [(each.deployment, each.reason) for each in decision.rejected] == [("lab/odd", "price_unknown")]


def test_a_router_that_was_calibrated_gets_its_margin() -> None:
    stated = {"candidates": ["small", "large"], "objective": {"at_least": {"model": "large", "within": 0.02}}}
    proven = Proven((replace(MADE, models=("large", "small"), charges=((1, 2), (1, 2))),))
    router = built(stated, {"builtin": proven})
    assert router.objective == AtLeast(model="large", within=0.02, margin=MADE.margin)
    assert built({**stated, "candidates": ["small"]}, {"builtin": proven}).objective == AtLeast(
        model="large", within=0.02
    )


def test_a_models_fallbacks_serve_behind_its_own_deployments() -> None:
    models = {**MODELS, "small": {"deployments": [LAB], "fallbacks": ["large", "lab/chatty", "small"]}}
    stated = from_mapping(
        {
            "providers": {"lab": PROVIDER, "two": PROVIDER},
            "models": models,
            "routers": {"auto": {"candidates": ["small"]}, "alias": {"rules": [{"use": "small"}]}},
        },
        source="test",
        environ={},
        known={},
    )
    routers = build_routers(stated, catalog.build(stated, {}, today=date(2026, 1, 1), known={}), {"builtin": ORACLE})
    tried = ["lab/small", "lab/large", "two/large", "lab/chatty"]

    for name in ("small", "alias"):
        asked = request(model=name)
        decision = decide(asked, world(), routers.resolve(asked), Loaded(0.9))
        assert [each.deployment.id for each in decision.plan[0].candidates] == tried
    assert ids(routers.routers["alias"].deployments) == tried
    assert ids(routers.resolve(request(model="lab/small")).deployments) == ["lab/small"]  # pinned
    assert ids(routers.routers["auto"].deployments) == ["lab/small"]


def test_a_fallback_is_a_model_or_a_deployment() -> None:
    stated = {"providers": {"lab": PROVIDER}, "models": {"small": {"deployments": [LAB], "fallbacks": ["auto"]}}}

    with pytest.raises(ConfigError, match=r'models.small.fallbacks\[0\]: found "auto", expected a model or deployment'):
        from_mapping(stated, source="test", environ={}, known={})
