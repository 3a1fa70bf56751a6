"""A router is one of three kinds, and its objective one of four."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gearshift.config.routers import RouterConfig
from gearshift.types.decision import AtLeast, AtMost, Budget, CostTier, Objective, WillingnessToPay


def router(**stated: object) -> RouterConfig:
    return RouterConfig.model_validate(stated)


def faults(**stated: object) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        router(**stated)
    return [f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in caught.value.errors()]


JUDGED = {"judge": "b", "min_score": 0.7}
CASCADE = [{"model": "a", "accept": JUDGED}, {"model": "b"}]


@pytest.mark.parametrize(
    ("stated", "objective"),
    [
        ({"willingness_to_pay": 0.02}, WillingnessToPay(usd=0.02)),
        ({"willingness_to_pay": 0}, WillingnessToPay(usd=0)),
        ({"at_least": {"model": "a"}}, AtLeast(model="a", within=0.0, confidence=0.95)),
        (
            {"at_least": {"model": "a", "within": 0.02, "confidence": 0.9}},
            AtLeast(model="a", within=0.02, confidence=0.9),
        ),
        ({"at_most": {"model": "a"}}, AtMost(model="a")),
        ({"at_most": {"usd_per_1k_requests": 2.0}}, AtMost(usd_per_1k_requests=2.0)),
        ({"cost_tier": "max"}, CostTier(tier="max")),
        ({"budget": {"usd": 300, "per": "month"}}, Budget(usd=300, per="month")),
        ({"budget": {"usd": 0.5, "per": "day"}, "latency_price": 0.1}, Budget(usd=0.5, per="day", latency_price=0.1)),
        ({"cost_tier": "low", "latency": {"p95_first_token": "2s"}}, CostTier(tier="low", p95_first_token=2.0)),
        (
            {"at_most": {"model": "a"}, "latency": {"p95_first_token": 0.5}, "latency_price": 0.001},
            AtMost(model="a", p95_first_token=0.5, latency_price=0.001),
        ),
        ({"willingness_to_pay": 1, "latency_price": 0}, WillingnessToPay(usd=1, latency_price=0)),
    ],
)
def test_an_objective_is_parsed(stated: dict[str, Any], objective: Objective) -> None:
    assert router(candidates=["a"], objective=stated).objective == objective


def test_the_defaults_of_a_router() -> None:
    found = router(candidates=["a"])

    assert found.objective == CostTier(tier="medium")
    assert found.predictor == "builtin"
    assert found.fallback is None


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({}, "found none of them, expected exactly one of willingness_to_pay, at_least, at_most, budget, "),
        ({"cost_tier": "low", "willingness_to_pay": 1}, "found willingness_to_pay and cost_tier, expected exactly one"),
        ({"cost_tier": "huge"}, "objective.cost_tier: "),
        ({"willingness_to_pay": -1}, "objective.willingness_to_pay: "),
        ({"at_least": {"model": "a", "within": 1.5}}, "objective.at_least.within: "),
        ({"at_least": {"model": "a", "confidence": 1}}, "objective.at_least.confidence: "),
        ({"at_least": {}}, "objective.at_least.model: "),
        ({"at_most": {}}, "found none of them, expected exactly one of model, usd_per_1k_requests"),
        ({"at_most": {"model": "a", "usd_per_1k_requests": 1}}, "found model and usd_per_1k_requests"),
        ({"at_most": {"usd_per_1k_requests": 0}}, "objective.at_most.usd_per_1k_requests: "),
        ({"budget": 10}, "objective.budget: "),
        ({"budget": {"usd": 10}}, "objective.budget.per: "),
        ({"budget": {"usd": 10, "per": "week"}}, "objective.budget.per: "),
        ({"budget": {"usd": 0, "per": "day"}}, "objective.budget.usd: "),
        ({"latency": {"p95_first_token": "2s"}}, "found none of them, expected exactly one of willingness_to_pay"),
        ({"cost_tier": "low", "latency": {}}, "objective.latency.p95_first_token: "),
        (
            {"cost_tier": "low", "latency": {"p95_first_token": 0}},
            "objective.latency.p95_first_token: found 0, expected",
        ),
        ({"cost_tier": "low", "latency": "2s"}, "objective.latency: "),
        ({"cost_tier": "low", "latency_price": -1}, "objective.latency_price: "),
    ],
)
def test_no_other_objective_is_taken(stated: dict[str, Any], said: str) -> None:
    assert any(said in fault for fault in faults(candidates=["a"], objective=stated))


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({}, "found none of them, expected exactly one of candidates, weights, rules"),
        ({"candidates": ["a"], "weights": {"a": 1}}, "found candidates and weights, expected exactly one of"),
        ({"candidates": []}, "candidates: found it empty"),
        ({"candidates": ["a", "b", "a"]}, 'candidates: found "a" twice'),
        ({"candidates": ["a"], "predictor": ""}, "predictor: found it empty"),
        ({"weights": {}}, "weights: found it empty"),
        ({"weights": {"a": 0}}, "weights.a: "),
        ({"weights": {"a": 1}, "objective": {"cost_tier": "low"}}, "found objective without candidates"),
        ({"rules": [{"use": "a"}], "predictor": "x"}, "found predictor without candidates"),
        ({"rules": []}, "rules: found it empty"),
        ({"rules": [{}]}, "rules.0.use: "),
        ({"rules": [{"use": "a"}, {"use": "b"}]}, "rules: found rules after rule 0, which always holds"),
        ({"cascade": [{"model": "a"}]}, "cascade: found 1 step, expected two or more"),
        ({"cascade": [{"model": "a"}, {"model": "b"}]}, "cascade: found no accept in step 0"),
        (
            {"cascade": [{"model": "a", "accept": JUDGED}, {"model": "b", "accept": JUDGED}]},
            "cascade: found accept in the last step",
        ),
        ({"cascade": [{"model": "a", "accept": {}}, {"model": "b"}]}, "exactly one of judge, samples"),
        ({"cascade": [{"model": "a", "accept": {"judge": "b"}}, {"model": "b"}]}, "found judge without min_score"),
        (
            {"cascade": [{"model": "a", "accept": {**JUDGED, "min_agreement": 1}}, {"model": "b"}]},
            "found min_agreement without samples",
        ),
        (
            {"cascade": [{"model": "a", "accept": {"judge": "b", "min_score": 2}}, {"model": "b"}]},
            "cascade.0.accept.min_score: ",
        ),
        ({"cascade": CASCADE, "session": "off"}, "session beside cascade"),
        (
            {"cascade": [{"model": "a", "accept": JUDGED}, {"model": "b"}], "weights": {"a": 1}},
            "found weights and cascade",
        ),
    ],
)
def test_no_other_router_is_taken(stated: dict[str, Any], said: str) -> None:
    found = faults(**stated)

    assert len(found) == 1
    assert said in found[0]


def test_rules_keep_their_conditions_as_written() -> None:
    found = router(rules=[{"when": {"metadata.plan": "free"}, "use": "a"}, {"use": "b"}])

    assert found.rules is not None
    assert [rule.model_dump(exclude_unset=True) for rule in found.rules] == [
        {"when": {"metadata.plan": "free"}, "use": "a"},
        {"use": "b"},
    ]
