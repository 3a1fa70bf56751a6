from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from gearshift.config.policy import PolicyConfig
from gearshift.learning.logged import Choice
from gearshift.learning.target import chances, forecaster
from gearshift.routing.estimate import Option
from gearshift.types.catalog import Deployment
from gearshift.types.chat import Request
from gearshift.types.decision import Estimate
from tests.fakes.nouns import deployment, provider

SMALL, LARGE, OTHER = deployment("small"), deployment("large"), deployment("small", provider("other"))


def option(of: Deployment, quality: float, cost: int | None) -> Option:
    return of, Estimate(quality=quality, quality_std=0.1, cost=cost, output_tokens=1.0)


OPTIONS = (option(LARGE, 0.9, 10_000), option(SMALL, 0.8, 1_000), option(OTHER, 0.8, 2_000))


def policy(**fields: object) -> PolicyConfig:
    return PolicyConfig.model_validate(fields)


@pytest.mark.parametrize(
    ("objective", "chosen"),
    [
        ({"at_least": {"model": "large", "within": 0.1}}, "lab/small"),
        ({"at_least": {"model": "large", "within": 0.05}}, "lab/large"),
        ({"willingness_to_pay": 1.0}, "lab/large"),
        ({"cost_tier": "low"}, "lab/small"),
        ({"at_most": {"model": "other/small"}}, "lab/small"),
    ],
)
def test_an_objective_ranks_the_logged_candidates(objective: dict[str, Any], chosen: str) -> None:
    assert chances(policy(objective=objective), OPTIONS) == {chosen: 1.0}


def test_weights_are_shared_as_when_serving() -> None:
    found = chances(policy(weights={"small": 3.0, "large": 1.0}), OPTIONS)
    assert found == {"lab/small": 0.75, "lab/large": 0.25}


def test_weights_need_no_estimate_and_an_objective_does() -> None:
    bare = [(each, None) for each, _ in OPTIONS]
    assert chances(policy(weights={"lab/small": 1.0}), bare) == {"lab/small": 1.0}
    assert chances(policy(objective={"cost_tier": "low"}), bare) == "no_estimate"


def test_candidates_narrow_the_choice_but_not_the_reference() -> None:
    aim = {"at_least": {"model": "large", "within": 0.2}}
    assert chances(policy(objective=aim, candidates=("other/*",)), OPTIONS) == {"other/small": 1.0}
    assert chances(policy(objective=aim, candidates=("lab/large",)), OPTIONS[1:]) == "no_candidate"


def test_a_reference_that_was_no_candidate_is_not_guessed() -> None:
    for aim in ({"at_least": {"model": "large"}}, {"at_most": {"model": "large"}}):
        assert chances(policy(objective=aim), OPTIONS[1:]) == "no_reference"


class Oracle:
    version = "1"

    def __init__(self) -> None:
        self.asked: list[tuple[Request, Sequence[Deployment]]] = []

    def predict(self, request: Request, deployments: Sequence[Deployment]) -> list[Estimate]:
        self.asked.append((request, deployments))
        qualities = [0.5 + 0.1 * number for number, _ in enumerate(deployments)]
        return [Estimate(quality=each, quality_std=0.0, cost=1, output_tokens=1.0) for each in qualities]


def choice(prompt: str | None) -> Choice:
    bare = tuple((deployment(each.model, each.provider, price=None), None) for each in (LARGE, SMALL))
    return Choice(
        setting=("auto", "", "weighted"),
        options=bare,
        chosen="lab/large",
        propensity=0.5,
        cost=None,
        score=None,
        session=None,
        prompt=prompt,
    )


def test_a_predictor_is_asked_about_the_logged_prompt_at_the_catalogues_prices() -> None:
    oracle = Oracle()
    found = forecaster(oracle, [SMALL])(choice("Hello"))
    assert isinstance(found, tuple)
    assert [(each.id, guess and guess.quality) for each, guess in found] == [("lab/large", 0.5), ("lab/small", 0.6)]
    ((request, asked),) = oracle.asked
    assert "Hello" in str(request.messages[0].parts)
    assert [each.price is None for each in asked] == [True, False]


def test_without_prompt_or_answer_there_is_no_forecast() -> None:
    assert forecaster(Oracle(), [])(choice(None)) == "no_prompt"

    class Broken(Oracle):
        def predict(self, request: Request, deployments: Sequence[Deployment]) -> list[Estimate]:
            raise ValueError(request, deployments)

    assert forecaster(Broken(), [])(choice("Hello")) == "no_estimate"
