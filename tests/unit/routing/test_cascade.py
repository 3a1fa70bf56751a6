from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from gearshift.routing.cascade import decide_cascade, expected_cost
from gearshift.routing.decide import decide
from gearshift.routing.router import Router, Stage
from gearshift.types.chat import Routing
from gearshift.types.decision import Accept, ByAgreement, ByJudge, Candidate, Estimate, Health, Snapshot, Step
from tests.fakes.nouns import deployment, provider, request

SMALL, LARGE = deployment("small"), deployment("large")
TWIN = deployment("small", provider("twin"))
JUDGE = deployment("judge")
BY = ByJudge(model="judge", deployments=(JUDGE,), min_score=0.7)
ROUTER = Router(
    name="careful",
    deployments=(SMALL, TWIN, LARGE),
    cascade=(Stage((SMALL, TWIN), BY), Stage((LARGE,))),
    baseline=LARGE.id,
)
SNAPSHOT = Snapshot(now=0.0, deployments=(SMALL, TWIN, LARGE))


def test_the_plan_has_the_config_s_steps() -> None:
    found = decide(request(), SNAPSHOT, ROUTER, random.Random(0))
    assert [[each.deployment for each in step.candidates] for step in found.plan] == [[SMALL, TWIN], [LARGE]]
    assert [step.accept for step in found.plan] == [BY, None]
    assert found.detail == "lab/small if judge gives it 0.7, else lab/large; cost not known"
    assert (found.reason, found.policy, found.propensity, found.baseline) == ("cascade", "fixed", 1.0, LARGE.id)


def test_a_step_where_nobody_fits_is_left_out_with_its_reasons() -> None:
    sick = replace(SNAPSHOT, health={each.id: Health(healthy=False) for each in (SMALL, TWIN)})
    found = decide_cascade(request(), sick, ROUTER)
    assert [[each.deployment for each in step.candidates] for step in found.plan] == [[LARGE]]
    assert {(each.deployment, each.reason) for each in found.rejected} == {
        (SMALL.id, "unhealthy"),
        (TWIN.id, "unhealthy"),
    }


def test_the_last_step_that_fits_accepts_whatever_it_says() -> None:
    sick = replace(SNAPSHOT, health={LARGE.id: Health(healthy=False)})
    found = decide_cascade(request(), sick, ROUTER)
    assert [step.accept for step in found.plan] == [None]


def test_where_nobody_fits_there_is_no_plan() -> None:
    barred = request(routing=Routing(ignore=("small", "large", "lab", "twin")))
    found = decide_cascade(barred, SNAPSHOT, ROUTER)
    assert (found.plan, found.reason) == ((), "no_candidate")
    assert len(found.rejected) == 3


def step(quality: float, cost: int | None, accept: Accept | None = None) -> Step:
    guess = Estimate(quality=quality, quality_std=0.1, cost=cost, output_tokens=10.0)
    return Step(candidates=(Candidate(deployment=SMALL, estimate=guess),), accept=accept)


def test_it_costs_its_steps_as_often_as_they_are_taken() -> None:
    agreeing = ByAgreement(samples=3, min_agreement=0.5)
    assert expected_cost(request(), (step(0.75, 1_000, agreeing), step(0.9, 8_000))) == 3 * 1_000 + 0.25 * 8_000
    judged = expected_cost(request(), (step(0.75, 1_000, BY), step(0.9, 8_000)))
    assert judged is not None
    assert judged > 1_000 + 0.25 * 8_000  # and the judge, each time


@pytest.mark.parametrize(
    "plan",
    [
        (),
        (step(0.5, None, BY), step(0.5, 1)),
        (step(0.5, 1, replace(BY, deployments=(deployment("judge", price=None),))), step(0.5, 1)),
    ],
)
def test_what_is_not_known_is_not_guessed(plan: tuple[Step, ...]) -> None:
    assert expected_cost(request(), plan) is None
