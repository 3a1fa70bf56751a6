"""Own the decision on a request for vectors: which deployments of one model, in which order.

Invariant: vectors of different models cannot be compared, and an index of them is spoilt in silence by a single one of
another model. So no router chooses between models here, and none is fallen back to: where more than one could serve,
whatever their health, price or length, the request is refused. Deployments are tried in the order of the config, or as
the caller asks; no predictor has a say, for the vectors are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from gearshift import accounting, tokens
from gearshift.errors import InvalidRequest
from gearshift.routing.check import Check, part, some
from gearshift.routing.eligible import split, too_dear
from gearshift.routing.order import as_asked
from gearshift.routing.policy import Fixed
from gearshift.routing.router import Router
from gearshift.routing.unmet import unmet
from gearshift.types.catalog import Deployment, NanoUSD
from gearshift.types.decision import Candidate, Decision, Rejection, RejectionReason, Snapshot, Step
from gearshift.types.embedding import EmbeddingRequest

_OUT: Final[frozenset[RejectionReason]] = frozenset(
    {"capability_missing", "capability_unknown", "not_allowed", "denied"}
)
"""Reasons that do not come and go: who is rejected by one is not in question at all."""


def decide_embedding(request: EmbeddingRequest, snapshot: Snapshot, router: Router) -> Decision:
    """Decide which deployments are asked for vectors; when none fits the decision has no plan.

    Raises InvalidRequest when more than one model could serve.
    """
    router = _named(request, router)
    fits, rejected = split(request, router.deployments, snapshot, named=router.named)
    _hold_to_one_model(router, rejected)
    if (limit := request.routing.max_cost) is not None:
        fits, dear = part(fits, [_within(request, limit)])
        rejected += dear
    candidates = [Candidate(deployment=each, estimate=None) for each in fits]
    routing = request.routing if router.sort is None else replace(request.routing, sort=router.sort)
    plan = as_asked(candidates, routing, snapshot.speeds) if candidates else ()
    return Decision(
        router=router.name,
        plan=(Step(candidates=plan),) if plan else (),
        rejected=tuple(rejected),
        policy=Fixed.name,
        reason=("named" if router.named else "only_model") if plan else "no_candidate",
        propensity=1.0,
        config=router.config,
        detail=router.spelled,
        unmet=unmet(request, router, [each.deployment for each in plan]),
    )


def _named(request: EmbeddingRequest, router: Router) -> Router:
    """Leave out what the config falls back to where a model is named: it is another one."""
    if not router.named or request.routing.models:
        return router
    own = tuple(each for each in router.deployments if each.model == router.deployments[0].model)
    return replace(router, deployments=own)


def _hold_to_one_model(router: Router, rejected: Sequence[Rejection]) -> None:
    out = {each.deployment for each in rejected if each.reason in _OUT}
    models = list(dict.fromkeys(each.model for each in router.deployments if each.id not in out))
    if len(models) > 1:
        raise InvalidRequest(
            f"model: {router.name} leads to {len(models)} models that make embeddings ({some(models)}), and vectors of "
            "different models cannot be compared, so none is chosen for you; name one of them as the model",
            param="model",
        )


def _within(request: EmbeddingRequest, limit: NanoUSD) -> Check:
    """Check that the vectors cost at most `limit` nano-USD."""
    length = tokens.estimate_inputs(request)

    def check(deployment: Deployment) -> Rejection | None:
        price = deployment.price
        cost = None if price is None or length is None else accounting.expected_cost(price, length, 0.0)
        return too_dear(deployment, cost, limit)

    return check
