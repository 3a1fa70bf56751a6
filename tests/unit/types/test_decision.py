from __future__ import annotations

from typing import get_args

from gearshift.types.decision import AtLeast, CostTier, Health, Objective, Snapshot, WillingnessToPay
from tests.fakes.nouns import decision, deployment


def test_the_chosen_is_the_first_candidate_of_the_first_step() -> None:
    assert decision(deployment("small"), deployment("large")).chosen.deployment.model == "small"


def test_an_objective_is_told_by_its_tag_as_the_config_spells_it() -> None:
    tags = {kind.__struct_config__.tag for kind in get_args(Objective)}
    assert tags == {"willingness_to_pay", "at_least", "at_most", "budget", "cost_tier", "min_quality"}


def test_objectives_are_equal_by_value() -> None:
    assert WillingnessToPay(usd=0.1) == WillingnessToPay(usd=0.1)
    assert CostTier(tier="low") != CostTier(tier="high")
    assert AtLeast(model="m") == AtLeast(model="m", within=0.0, confidence=0.95)


def test_what_the_snapshot_does_not_speak_of_is_healthy() -> None:
    world = Snapshot(now=1.0, deployments=(deployment(),))
    assert world.health.get("lab/small", Health()).healthy
