"""Own one decision, told top to bottom.

    request ─ split ─> fits ─ estimate ─> options ─ affordable ─ rank ─> candidates ─ choose ─> order ─> Decision
                 └─ rejected, each with its reason ─┘

Invariants: pure; the same request, snapshot, router and dice give the same decision. Deciding never waits, and a
predictor that fails costs quality, not the answer: then the router's fallback serves, and the reason says `degraded`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from gearshift.errors import InvalidRequest, NoCandidate
from gearshift.routing.eligible import affordable, split
from gearshift.routing.estimate import Option, estimate, unasked
from gearshift.routing.objective import TIER_LOSS, Ranking, rank
from gearshift.routing.order import as_asked
from gearshift.routing.policy import Dice, Fixed
from gearshift.routing.router import Router
from gearshift.types.catalog import Deployment
from gearshift.types.chat import Request
from gearshift.types.decision import (
    AtLeast,
    Candidate,
    CostTier,
    Decision,
    DecisionReason,
    Objective,
    Rejection,
    Snapshot,
    Step,
)

_FIXED: Final = Fixed()
_TIERS: Final = {str(tier): CostTier(tier=tier) for tier in TIER_LOSS}
_SHOWN_CHARACTERS: Final = 20


class _Slate(Struct, frozen=True, kw_only=True):
    """Hold what a policy chooses from; `failure` says why it is not ranked by the objective, though it should be.

    `promise` says whether the objective's confidence was calibrated.
    """

    ranking: Ranking
    rejected: list[Rejection]
    objective: Objective | None
    failure: str = ""
    promise: str = ""


def decide(request: Request, snapshot: Snapshot, router: Router, dice: Dice) -> Decision:
    """Decide which deployments serve `request`, in which order of trial.

    Raises NoCandidate with every rejection when none fits, InvalidRequest for an unknown cost tier.
    """
    slate = _slate(request, snapshot, router)
    policy = router.policy if slate.ranking.candidates and not slate.failure else _FIXED
    choice = policy.choose(slate.ranking.candidates, dice)
    order = choice.order
    if router.after:
        first = {each.deployment.id for each in order[:1]}
        after = _after(request, snapshot, router, slate)
        order = (*order[:1], *(each for each in after if each.deployment.id not in first))
    if not order:
        raise NoCandidate(_refusal(router, slate.rejected))
    tried = {each.deployment.id for each in order}
    return Decision(
        router=router.name,
        plan=(Step(candidates=as_asked(order, request.routing)),),
        rejected=tuple(each for each in slate.rejected if each.deployment not in tried),
        policy=policy.name,
        reason=_reason(router, slate),
        propensity=choice.propensity,
        objective=slate.objective,
        predictor=router.predictor.version if router.predictor is not None and order[0].estimate is not None else None,
        config=router.config,
        detail="; ".join(filter(None, (router.via, slate.failure, slate.promise, slate.ranking.detail))),
        baseline=router.baseline,
        threshold=slate.ranking.threshold,
    )


def _slate(request: Request, snapshot: Snapshot, router: Router) -> _Slate:
    """Find out who fits, what they are expected to do, and how they rank."""
    fits, rejected = split(request, router.deployments, snapshot, named=router.named)
    objective, max_cost = _objective(request, router), request.routing.max_cost
    reference = router.reference if objective is router.objective else ()
    if fits and (objective is not None or max_cost is not None):
        answer = estimate(router.predictor, request, _with(fits, reference))
    else:
        answer = unasked(fits)
    options = answer.options[: len(fits)]
    if max_cost is not None:
        options, dear = affordable(options, max_cost)
        rejected += dear
    if objective is None or not options:
        return _Slate(ranking=_unranked(options), rejected=rejected, objective=objective)
    if answer.failure:
        ranking = _fallback_first(request, snapshot, router, options)
        return _Slate(ranking=ranking, rejected=rejected, objective=objective, failure=answer.failure)
    compared = {each.id for each in reference}
    ranking = rank(
        objective,
        [(each, found) for each, found in options if found is not None],
        [found for each, found in answer.options if found is not None and each.id in compared],
    )
    promise = _promise(objective, router.deployments, {each.model for each, _ in options})
    return _Slate(ranking=ranking, rejected=rejected, objective=objective, promise=promise)


def _promise(objective: Objective, deployments: Sequence[Deployment], fitting: set[str]) -> str:
    """Say whether `at_least` was calibrated, and for the models that fit."""
    if not isinstance(objective, AtLeast):
        return ""
    if objective.margin is None:
        return "not calibrated"
    whole = all(each.price is None or each.model in fitting for each in deployments)
    return f"calibrated{'' if whole else ' with models that do not fit this request'}, margin {objective.margin:+.3f}"


def _objective(request: Request, router: Router) -> Objective | None:
    """Give the router's objective, or the cost tier that the caller asks for where there is one to replace."""
    tier = request.routing.cost_tier
    if tier is None or router.objective is None:
        return router.objective
    if tier not in _TIERS:
        found, expected = repr(tier[:_SHOWN_CHARACTERS]), ", ".join(reversed(_TIERS))
        raise InvalidRequest(f"cost_tier: found {found}, expected one of {expected}", param="cost_tier")
    return _TIERS[tier]


def _with(fits: list[Deployment], reference: Sequence[Deployment]) -> list[Deployment]:
    """Add what the objective compares with, where it does not fit itself."""
    known = {each.id for each in fits} if reference else set()
    return [*fits, *(each for each in reference if each.id not in known)]


def _unranked(options: Sequence[Option]) -> Ranking:
    return Ranking(candidates=tuple(Candidate(deployment=each, estimate=found) for each, found in options))


def _fallback_first(request: Request, snapshot: Snapshot, router: Router, options: Sequence[Option]) -> Ranking:
    """Put the router's fallback first, at whatever price, then the others in the config's order."""
    _, rejected = split(request, router.fallback, snapshot)
    unfit = {each.deployment for each in rejected if each.reason != "price_unknown"}
    first = [each for each in router.fallback if each.id not in unfit]
    ids = {each.id for each in first}
    return _unranked([*unasked(first).options, *(option for option in options if option[0].id not in ids)])


def _after(request: Request, snapshot: Snapshot, router: Router, slate: _Slate) -> list[Candidate]:
    """Give the caller's fallback models that fit; what is newly rejected joins the slate's rejections."""
    fits, rejected = split(request, router.after, snapshot, named=True)
    options, max_cost = unasked(fits).options, request.routing.max_cost
    if max_cost is not None:
        options, dear = affordable(estimate(router.predictor, request, fits).options, max_cost)
        rejected += dear
    known = {each.deployment for each in slate.rejected}
    slate.rejected.extend(each for each in rejected if each.deployment not in known)
    return [Candidate(deployment=each, estimate=found) for each, found in options]


def _reason(router: Router, slate: _Slate) -> DecisionReason:
    if slate.failure:
        return "degraded"
    if router.named:
        return "rule" if router.via else "named"
    if len(slate.ranking.candidates) < 2:  # noqa: PLR2004
        return "only_candidate" if slate.ranking.candidates else "named"
    return "objective" if slate.objective is not None else "weighted"


def _refusal(router: Router, rejected: Sequence[Rejection]) -> str:
    """List every rejection."""
    lines = (f"  - {each.deployment}: {each.reason}: {each.detail}" for each in rejected)
    return "\n".join([f"no deployment of {router.name} fits this request:", *lines])
