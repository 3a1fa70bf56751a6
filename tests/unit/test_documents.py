from __future__ import annotations

import json

import msgspec
import pytest

from gearshift import documents
from gearshift.types.chat import Usage
from gearshift.types.decision import AtLeast, AtMost, CostTier, Flip, Objective, Rejection, WillingnessToPay
from tests.fakes.nouns import attempt, decision, deployment, failed, provider


@pytest.mark.parametrize(("cost", "shown"), [(None, None), (0, 0.0), (1, 1e-9), (123_456_789, 0.123456789)])
def test_money_is_dollars_and_unknown_stays_unknown(cost: int | None, shown: float | None) -> None:
    assert documents.usd(cost) == shown


@pytest.mark.parametrize(
    ("aim", "shown"),
    [
        (None, None),
        (WillingnessToPay(usd=0.1), {"willingness_to_pay": {"usd": 0.1}}),
        (AtLeast(model="m", within=0.02), {"at_least": {"model": "m", "within": 0.02, "confidence": 0.95}}),
        (
            AtLeast(model="m", within=0.0, margin=-0.01, repriced=True),
            {"at_least": {"model": "m", "within": 0.0, "confidence": 0.95, "margin": -0.01, "repriced": True}},
        ),
        (AtMost(usd_per_1k_requests=2.0), {"at_most": {"usd_per_1k_requests": 2.0}}),
        (CostTier(tier="low"), {"cost_tier": {"tier": "low"}}),
        (
            CostTier(tier="low", p95_first_token=2.0, latency_price=0.001),
            {"cost_tier": {"tier": "low"}, "latency": {"p95_first_token": 2.0}, "latency_price": 0.001},
        ),
    ],
)
def test_an_objective_is_shown_as_the_config_spells_it(aim: Objective | None, shown: dict[str, object] | None) -> None:
    assert documents.objective(aim) == shown


def test_a_refusal_says_who_refused_and_why() -> None:
    refused = Rejection(deployment="lab/blind", reason="capability_missing", detail="no vision")
    made = decision(deployment("small"), rejected=(refused,))
    shown = documents.refusal(made)
    assert (shown["router"], shown["objective"]) == (made.router, documents.objective(made.objective))
    assert shown["rejected"] == [{"deployment": "lab/blind", "reason": "capability_missing", "detail": "no vision"}]


def test_a_decision_has_the_fields_of_the_contract() -> None:
    refused = Rejection(deployment="lab/blind", reason="capability_missing", detail="no vision")
    made = decision(deployment("small"), deployment("large"), quality=0.7, rejected=(refused,), baseline="lab/large")
    shown = documents.decision(made, Flip(would_choose="lab/large", condition="dearer"), "code")
    assert shown["task"] == "code"
    assert shown["chosen"] == "lab/small"
    assert shown["propensity"] == 1.0
    assert shown["rejected"] == [{"deployment": "lab/blind", "reason": "capability_missing", "detail": "no vision"}]
    assert shown["flip"] == {"would choose": "lab/large", "if": "dearer"}
    assert shown["baseline"] == "lab/large"
    candidates = shown["candidates"]
    assert isinstance(candidates, list)
    assert candidates[0] == {
        "deployment": "lab/small",
        "simulated": False,
        "quality": 0.7,
        "quality_std": 0.1,
        "cost_usd": 1e-6,
        "latency_s": None,
        "output_tokens": 5.0,
        "latency_cost_usd": 0.0,
        "utility": None,
    }


def test_a_candidate_that_nobody_estimated_is_shown_without_numbers() -> None:
    option = decision(deployment(of=provider(simulated=True))).chosen
    shown = documents.candidate(option)
    assert shown["simulated"] is True
    assert (shown["quality"], shown["cost_usd"], shown["latency_s"]) == (None, None, None)


def test_an_attempt_is_shown_with_its_tokens_and_money() -> None:
    usage = Usage(input_tokens=10, output_tokens=5, cache_read_tokens=4, reasoning_tokens=2, estimated=True)
    shown = documents.attempt(attempt(usage=usage))
    assert (shown["input_tokens"], shown["cache_read_tokens"], shown["reasoning_tokens"]) == (10, 4, 2)
    assert (shown["usage_estimated"], shown["cost_usd"], shown["billing"]) == (True, 2e-5, "billed")


def test_a_failed_attempt_is_shown_with_unknown_tokens() -> None:
    shown = documents.attempt(failed(detail="lab/small answered 500: no"))
    assert (shown["input_tokens"], shown["usage_estimated"], shown["first_token_s"]) == (None, None, None)
    assert (shown["error"], shown["detail"]) == ("upstream_refused", "lab/small answered 500: no")


def test_every_document_is_plain_json() -> None:
    for document in (documents.decision(decision(quality=0.5)), documents.attempt(attempt())):
        assert json.loads(msgspec.json.encode(document)) == document
