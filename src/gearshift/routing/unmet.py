"""Own what a decision does not fulfil of what its request asks for: named, so that nothing is dropped in silence.

Invariant: a wish that an upstream is told is not named where every candidate's upstream is told it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gearshift.protocols.crossing import is_foreign
from gearshift.protocols.registry import CODECS, EMBEDDER_OF
from gearshift.routing.router import Router
from gearshift.types.asking import Unmet
from gearshift.types.catalog import Deployment
from gearshift.types.embedding import Asked, EmbeddingRequest


def unmet(request: Asked, router: Router, plan: Sequence[Deployment]) -> tuple[Unmet, ...]:
    """Give the wishes of `request` that are not fulfilled when `router` decides for `plan`."""
    return (*_ours(request, router), *(each for each in request.routing.unmet if not _told(each, request, plan)))


def _ours(request: Asked, router: Router) -> Iterator[Unmet]:
    routing = request.routing
    yield from router.unmet
    if router.named:
        why = f"{router.name} was named, so no model was chosen; name a router"
        for words, field in ((routing.allowed, "allowed_models"), (routing.excluded, "excluded_models")):
            if words:
                yield Unmet(field=f"plugins.auto-router.{field}", detail=why)
    embeds = isinstance(request, EmbeddingRequest)
    if embeds and routing.middle_out:
        yield Unmet(field="transforms", detail="what is embedded is not shortened, for its vector would be another's")
    if embeds or router.objective is None:
        why = "vectors of different models cannot be compared, so none is weighed against another; leave it out"
        why = why if embeds else f"{router.name} weighs no cost against quality; name a router that has an objective"
        if routing.cost_tier is not None:
            yield Unmet(field="plugins.auto-router.cost_tier", detail=why)
        if routing.constraint is not None:
            yield Unmet(field="routing_constraint", detail=why)


def _told(wish: Unmet, request: Asked, plan: Sequence[Deployment]) -> bool:
    """Say whether every upstream of `plan` is told a wish."""
    if not wish.word or not plan:
        return False
    return all(wish.word in each.provider.quirks.extensions and _is_patched(request, each) for each in plan)


def _is_patched(request: Asked, deployment: Deployment) -> bool:
    """Say whether a deployment is told a request in the caller's own bytes."""
    protocol = deployment.provider.protocol
    if isinstance(request, EmbeddingRequest):
        return EMBEDDER_OF[protocol].name == request.protocol
    return protocol == request.protocol and not is_foreign(request, CODECS[protocol])
