"""Own the policy that a replay asks about: what it would have chosen among the candidates of a logged decision.

Invariant: `routing.objective.rank` and `routing.policy` choose, the code that serves; only the estimates and the
candidates come from the log. What cannot be decided from these is a reason to leave the row out, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from gearshift.config.names import matches
from gearshift.config.policy import PolicyConfig
from gearshift.learning.logged import Choice, Reason
from gearshift.routing.estimate import Option, estimate
from gearshift.routing.objective import Forecast, rank, referred_to
from gearshift.routing.policy import Best, Policy, Weighted
from gearshift.routing.predict import Predictor
from gearshift.types.catalog import Deployment
from gearshift.types.chat import Message, Request, Text
from gearshift.types.decision import Candidate, Settled

Chances: TypeAlias = dict[str, float]
"""The probability of each deployment that may be chosen, by id."""
Forecaster: TypeAlias = Callable[[Choice], "tuple[Option, ...] | Reason"]
"""Estimate the candidates of a choice anew, or say why not."""


def forecaster(predictor: Predictor, deployments: Sequence[Deployment]) -> Forecaster:
    """Ask `predictor` about the logged prompt; `deployments` give the prices.

    The log has the text of the last user turn, so a long conversation is forecast from its end.
    """
    known = {each.id: each for each in deployments}

    def forecast(choice: Choice) -> tuple[Option, ...] | Reason:
        if not choice.prompt:
            return "no_prompt"
        request = Request(model="", messages=(Message(role="user", parts=(Text(text=choice.prompt),)),))
        answer = estimate(predictor, request, [known.get(each.id, each) for each, _ in choice.options])
        return "no_estimate" if answer.failure else tuple(answer.options)

    return forecast


def chances(policy: PolicyConfig, options: Sequence[Option]) -> Chances | Reason:
    """Give what `policy` would choose among `options`, or why that cannot be told."""
    fits = [option for option in options if _is_candidate(policy, option[0])]
    if not fits:
        return "no_candidate"
    if policy.weights is not None:
        draw = Weighted(policy.weights)
        return _chances(draw, [Candidate(deployment=each, estimate=found) for each, found in fits])
    objective = policy.objective
    return "no_candidate" if objective is None else _by_objective(objective, fits, options)


def _is_candidate(policy: PolicyConfig, deployment: Deployment) -> bool:
    """Say whether the router of this policy would have the deployment among its candidates."""
    for patterns in (policy.candidates, policy.weights):
        if patterns is not None and not any(matches(each, deployment.id, deployment.model) for each in patterns):
            return False
    return True


def _by_objective(objective: Settled, fits: Sequence[Option], options: Sequence[Option]) -> Chances | Reason:
    forecasts = _forecasts(fits)
    if len(forecasts) < len(fits):
        return "no_estimate"
    referred = referred_to(objective)
    reference = [found for each, found in _forecasts(options) if referred in {each.id, each.model}]
    if referred is not None and not reference:
        return "no_reference"
    return _chances(Best(), rank(objective, forecasts, reference).candidates)


def _forecasts(options: Sequence[Option]) -> list[Forecast]:
    return [(each, found) for each, found in options if found is not None]


def _chances(policy: Policy, candidates: Sequence[Candidate]) -> Chances:
    found = zip(candidates, policy.chances(candidates), strict=True)
    return {each.deployment.id: chance for each, chance in found if chance > 0}
