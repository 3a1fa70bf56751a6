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
from msgspec.structs import replace

from gearshift.errors import InvalidRequest
from gearshift.routing.budget import FIRST, pacing, settled
from gearshift.routing.calibration import told
from gearshift.routing.cascade import decide_cascade
from gearshift.routing.eligible import affordable, split
from gearshift.routing.estimate import Option, estimate, unasked
from gearshift.routing.latency import in_time, timed
from gearshift.routing.objective import TIER_LOSS, Ranking, rank
from gearshift.routing.order import as_asked, has_say, impatient, late, unsorted
from gearshift.routing.policy import Choice, Dice, Fixed, Policy
from gearshift.routing.router import Router
from gearshift.routing.session import cached, stay
from gearshift.routing.session import told as told_cached
from gearshift.routing.unmet import unmet
from gearshift.types.catalog import Deployment
from gearshift.types.chat import Request, Routing
from gearshift.types.decision import (
    Budget,
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
    """Hold what a policy chooses from; `failure` says why it is not ranked by the objective, though it should be."""

    ranking: Ranking
    rejected: list[Rejection]
    objective: Objective | None
    failure: str = ""


def decide(request: Request, snapshot: Snapshot, router: Router, dice: Dice) -> Decision:
    """Decide which deployments serve `request`, in which order of trial; when none fits the decision has no plan.

    Raises InvalidRequest for an unknown cost tier.
    """
    if router.cascade:
        return decide_cascade(request, snapshot, router)
    slate = _slate(request, snapshot, router)
    routing, speeds, standing = _wishes(request, router), snapshot.speeds, snapshot.standing
    choice, policy = _choose(slate, routing, router, snapshot, dice)
    order = choice.order
    if router.after:
        first = {each.deployment.id for each in order[:1]}
        after = _after(request, snapshot, router, slate)
        order = (*order[:1], *(each for each in after if each.deployment.id not in first))
    if not order:
        return _nobody(request, router, slate)
    tried = {each.deployment.id for each in order}
    weighed = slate.objective is not None and not slate.failure
    order, stays = stay(order, request, standing, router, weighed=weighed)
    plan = as_asked(order, routing, speeds)
    overtaken = plan[0].deployment.model != order[0].deployment.model  # by the caller's wish
    kept = bool(stays) and plan[0].deployment.id == order[0].deployment.id
    return Decision(
        router=router.name,
        plan=(Step(candidates=plan),),
        rejected=tuple(each for each in slate.rejected if each.deployment not in tried),
        policy=policy.name,
        reason="session" if kept and not router.named else _reason(router, slate, routing),
        propensity=1.0 if overtaken or kept else choice.propensity,  # there is no chance in either
        objective=slate.objective,
        predictor=router.predictor.version if router.predictor is not None and order[0].estimate is not None else None,
        config=router.config,
        detail="; ".join(
            filter(None, (stays if kept else "", *_told(router, slate, plan), unsorted(order, routing, speeds)))
        ),
        baseline=router.baseline,
        threshold=slate.ranking.threshold,
        steered=has_say((*slate.ranking.candidates, *order), routing, speeds),
        standing=standing,
        unmet=unmet(request, router, [each.deployment for each in plan]),
    )


def _wishes(request: Request, router: Router) -> Routing:
    """Give what the caller asks for, with what a suffix behind the model's name adds to it."""
    return request.routing if router.sort is None else replace(request.routing, sort=router.sort)


def _choose(slate: _Slate, routing: Routing, router: Router, snapshot: Snapshot, dice: Dice) -> tuple[Choice, Policy]:
    """Let the policy choose among those that are not late; where models are sorted together, nothing is left to it."""
    candidates = slate.ranking.candidates
    if not candidates or slate.failure:
        return _FIXED.choose(candidates, dice), _FIXED
    if routing.sort and routing.sort_across:
        return _FIXED.choose(as_asked(candidates, routing, snapshot.speeds), dice), _FIXED
    if not impatient(routing):
        if not routing.explore:
            return _FIXED.choose(_likeliest_first(router.policy, candidates), dice), _FIXED
        return router.policy.choose(candidates, dice), router.policy
    late_ids = {each.deployment.id for each in candidates if late(each.deployment, routing, snapshot.speeds)}
    early = [each for each in candidates if each.deployment.id not in late_ids]
    choice = router.policy.choose(early or candidates, dice)
    rest = [each for each in candidates if early and each.deployment.id in late_ids]
    return Choice(order=(*choice.order, *rest), propensity=choice.propensity), router.policy


def _likeliest_first(policy: Policy, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Order candidates by how often the policy would take each."""
    chances = policy.chances(candidates)
    return [candidates[index] for index in sorted(range(len(candidates)), key=lambda index: -chances[index])]


def _slate(request: Request, snapshot: Snapshot, router: Router) -> _Slate:
    """Find out who fits, what they are expected to do, and how they rank."""
    fits, rejected = split(request, router.deployments, snapshot, named=router.named)
    objective, max_cost = _objective(request, router), request.routing.max_cost
    fits, slow = in_time(fits, None if objective is None else objective.p95_first_token, snapshot.speeds)
    rejected += slow
    reference = router.reference if objective is router.objective else ()
    if fits and (objective is not None or max_cost is not None):
        answer = estimate(router.predictor, request, _with(fits, reference))
    else:
        answer = unasked(fits)
    known = timed(cached(answer.options, request, snapshot.standing), snapshot.speeds)
    options = known[: len(fits)]
    if max_cost is not None:
        options, dear = affordable(options, max_cost)
        rejected += dear
    if objective is None or not options:
        return _Slate(ranking=_unranked(options), rejected=rejected, objective=objective)
    at = snapshot.paces.get(router.name, FIRST)
    aim = settled(objective, at) if isinstance(objective, Budget) else objective
    if answer.failure:
        ranking = _fallback_first(request, snapshot, router, options)
        return _Slate(ranking=ranking, rejected=rejected, objective=objective, failure=answer.failure)
    compared = {each.id for each in reference}
    ranking = rank(
        aim,
        [(each, found) for each, found in options if found is not None],
        [found for each, found in known if found is not None and each.id in compared],
    )
    if isinstance(objective, Budget):
        ranking = replace(ranking, threshold=at.usd, detail=pacing(objective, at))
    if counted := told_cached(options, snapshot.standing):
        ranking = replace(ranking, detail="; ".join(filter(None, (ranking.detail, counted))))
    return _Slate(ranking=ranking, rejected=rejected, objective=objective)


def _objective(request: Request, router: Router) -> Objective | None:
    """Give the router's objective, or the cost tier that the caller asks for where there is one to replace.

    What the router's objective says of latency holds for the caller's tier too.
    """
    tier = request.routing.cost_tier
    if tier is None or router.objective is None:
        return router.objective
    if tier not in _TIERS:
        found, expected = repr(tier[:_SHOWN_CHARACTERS]), ", ".join(reversed(_TIERS))
        raise InvalidRequest(f"cost_tier: found {found}, expected one of {expected}", param="cost_tier")
    own = router.objective
    return replace(_TIERS[tier], p95_first_token=own.p95_first_token, latency_price=own.latency_price)


def _with(fits: list[Deployment], reference: Sequence[Deployment]) -> list[Deployment]:
    """Add what the objective compares with, where it does not fit itself."""
    known = {each.id for each in fits} if reference else set()
    return [*fits, *(each for each in reference if each.id not in known)]


def _unranked(options: Sequence[Option]) -> Ranking:
    return Ranking(candidates=tuple(Candidate(deployment=each, estimate=found) for each, found in options))


def _fallback_first(request: Request, snapshot: Snapshot, router: Router, options: Sequence[Option]) -> Ranking:
    """Put the router's fallback first, at whatever price, then the others in the config's order."""
    _, rejected = split(request, router.fallback, snapshot)
    _, slow = in_time(router.fallback, router.objective.p95_first_token if router.objective else None, snapshot.speeds)
    unfit = {each.deployment for each in (*rejected, *slow) if each.reason != "price_unknown"}
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


def _reason(router: Router, slate: _Slate, routing: Routing) -> DecisionReason:
    if slate.failure:
        return "degraded"
    if router.named:
        return "rule" if router.via else "named"
    if len(slate.ranking.candidates) < 2:  # noqa: PLR2004
        return "only_candidate" if slate.ranking.candidates else "named"
    if routing.sort and routing.sort_across:
        return "sorted"
    return "objective" if slate.objective is not None else "weighted"


def _told(router: Router, slate: _Slate, plan: Sequence[Candidate]) -> tuple[str, ...]:
    """Tell how the choice came about, and whether it was promised: not where another wish than the objective's won."""
    ranked = slate.ranking.candidates
    kept = bool(ranked) and not slate.failure and plan[0].deployment.model == ranked[0].deployment.model
    fitting = {each.deployment.model for each in ranked}
    promise = told(slate.objective, router.deployments, fitting) if kept else ""
    return router.spelled, router.via, slate.failure, promise, slate.ranking.detail


def _nobody(request: Request, router: Router, slate: _Slate) -> Decision:
    """Decide that no deployment fits."""
    return Decision(
        router=router.name,
        plan=(),
        rejected=tuple(slate.rejected),
        policy=_FIXED.name,
        reason="no_candidate",
        propensity=1.0,
        objective=slate.objective,
        config=router.config,
        detail="; ".join(filter(None, (router.spelled, router.via))),
        baseline=router.baseline,
        unmet=unmet(request, router, ()),
    )
