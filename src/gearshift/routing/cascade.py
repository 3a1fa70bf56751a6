"""Own the decision of a cascade: the steps that fit, and what they are expected to cost together.

    step 1 ── accepted ──> it answers
       └─ turned down, or nobody there answers ──> step 2 ── ... ──> the last step answers, whatever it says

A step is expected to be turned down as often as its forecast quality is short of 1; where a forecast or a price is not
known, neither is the cost of the whole.
Invariants: pure; steps keep the config's order; the last step that fits accepts whatever it says.
Source: Chen, Zaharia and Zou, "FrugalGPT" (2023), the cascade.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from gearshift import accounting, tokens
from gearshift.routing.eligible import affordable, split
from gearshift.routing.estimate import estimate, unasked
from gearshift.routing.policy import Fixed
from gearshift.routing.router import Router
from gearshift.routing.unmet import unmet
from gearshift.types.catalog import NanoUSD
from gearshift.types.chat import Request
from gearshift.types.decision import Accept, ByAgreement, ByJudge, Candidate, Decision, Rejection, Snapshot, Step

VERDICT_TOKENS: Final = 50
"""What a judge is expected to say."""
INSTRUCTION_TOKENS: Final = 150
"""What a judge is told beside the question and the answer."""


def decide_cascade(request: Request, snapshot: Snapshot, router: Router) -> Decision:
    """Decide which steps of `router`'s cascade are taken; when none fits the decision has no plan."""
    steps: list[Step] = []
    rejected: dict[str, Rejection] = {}
    for stage in router.cascade:
        fits, unfit = split(request, stage.deployments, snapshot, named=True)
        options = (estimate(router.predictor, request, fits) if router.predictor else unasked(fits)).options
        if request.routing.max_cost is not None:
            options, dear = affordable(options, request.routing.max_cost)
            unfit += dear
        rejected.update((each.deployment, each) for each in unfit)
        if options:
            candidates = tuple(Candidate(deployment=each, estimate=found) for each, found in options)
            steps.append(Step(candidates=candidates, accept=stage.accept))
    if steps:
        steps[-1] = replace(steps[-1], accept=None)
    plan = tuple(steps)
    cost = expected_cost(request, plan)
    return Decision(
        router=router.name,
        plan=plan,
        rejected=tuple(rejected.values()),
        policy=Fixed.name,
        reason="cascade" if plan else "no_candidate",
        propensity=1.0,
        predictor=None if router.predictor is None else router.predictor.version,
        config=router.config,
        detail="; ".join(filter(None, (router.via, _told(plan, cost)))),
        baseline=router.baseline,
        unmet=unmet(request, router, [each.deployment for step in plan for each in step.candidates]),
        expected_cost=cost,
    )


def _told(plan: tuple[Step, ...], cost: NanoUSD | None) -> str:
    """Tell the steps in words."""
    if not plan:
        return ""
    steps = ", else ".join(f"{step.candidates[0].deployment.id}{_condition(step.accept)}" for step in plan)
    return f"{steps}; {'cost not known' if cost is None else f'${accounting.usd(cost)} expected in all'}"


def _condition(accept: Accept | None) -> str:
    match accept:
        case ByJudge():
            return f" if {accept.model} gives it {accept.min_score:g}"
        case ByAgreement():
            return f" if {accept.min_agreement:.0%} of {accept.samples} answers agree"
        case None:
            return ""


def expected_cost(request: Request, plan: tuple[Step, ...]) -> NanoUSD | None:
    """Give what the steps are expected to cost, each as probable as it is; None where that is not known."""
    total, reached = 0.0, 1.0
    for step in plan:
        guess = step.candidates[0].estimate
        if guess is None or guess.cost is None:
            return None
        acceptance = _acceptance(request, step.accept, guess.output_tokens, guess.cost)
        if acceptance is None:
            return None
        total += reached * (guess.cost + acceptance)
        reached *= 1.0 - guess.quality
    return round(total) if plan else None


def _acceptance(request: Request, accept: Accept | None, answer: float, cost: NanoUSD) -> NanoUSD | None:
    """Give what finding out whether an answer of `answer` tokens is good enough is expected to cost."""
    if accept is None:
        return 0
    if not isinstance(accept, ByJudge):
        return (accept.samples - 1) * cost
    price = accept.deployments[0].price
    told = tokens.estimate(request) + round(answer) + INSTRUCTION_TOKENS
    return None if price is None else accounting.expected_cost(price, told, VERDICT_TOKENS)
