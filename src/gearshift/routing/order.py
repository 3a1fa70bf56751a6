"""Own the caller's wishes about the order of trial: preferred providers, sorting, patience, and no fallbacks.

Source: OpenRouter, "Provider Routing" (`provider.order`, `allow_fallbacks`, `sort`, `preferred_max_latency`,
`preferred_min_throughput`), read 2026-11. There as here a model is chosen first; its providers are then tried in the
order asked for. Only what is known to be too slow (`late`) and a sort across models go before the model.
Invariant: but for these two, the model of the first candidate stays the same, so the policy's propensity stays true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from gearshift.accounting import list_price
from gearshift.routing.check import some
from gearshift.types.catalog import Deployment
from gearshift.types.chat import Percentile, Routing, Sort
from gearshift.types.decision import Candidate, Percentiles, Speed

Speeds: TypeAlias = Mapping[str, Speed]
Place: TypeAlias = tuple[int, float]
"""Where a candidate stands in a sort: 0 and its number where that is known, else what comes after."""


def as_asked(candidates: Sequence[Candidate], routing: Routing, speeds: Speeds) -> tuple[Candidate, ...]:
    """Order `candidates`, of which there is at least one, as the caller asks.

    `order`: of each model, the providers named there come first, in that order; `sort` orders the others. With
    `sort_across` models do not matter. `allow_fallbacks` false: only the first candidate stays, or with `order` the
    deployments of its model (others than those named there are not eligible).
    """
    if not _wishes(routing):
        return tuple(candidates if routing.allow_fallbacks else candidates[:1])
    place = {name.lower(): number for number, name in reversed(list(enumerate(routing.order)))}
    models = {name: number for number, name in enumerate(dict.fromkeys(each.deployment.model for each in candidates))}

    def key(each: Candidate) -> tuple[bool, int, int, Place]:
        return (
            late(each.deployment, routing, speeds),
            0 if routing.sort_across else models[each.deployment.model],
            place.get(each.deployment.provider.id.lower(), len(place)),
            (0, 0.0) if routing.sort is None else _place(each, routing.sort, speeds),
        )

    ordered = tuple(sorted(candidates, key=key))
    if routing.allow_fallbacks:
        return ordered
    if not routing.order:
        return ordered[:1]
    return tuple(each for each in ordered if each.deployment.model == ordered[0].deployment.model)


def impatient(routing: Routing) -> bool:
    """Say whether the caller prefers some speed."""
    return bool(routing.preferred_max_latency or routing.preferred_min_throughput)


def late(deployment: Deployment, routing: Routing, speeds: Speeds) -> bool:
    """Say whether a deployment is known to be slower than the caller prefers, by any percentile stated."""
    speed = speeds.get(deployment.id)
    if speed is None:
        return False
    first, rate = speed.first_token, speed.throughput
    return (first is not None and any(_at(first, *cutoff) > 0 for cutoff in routing.preferred_max_latency)) or (
        rate is not None and any(_at(rate, *cutoff) < 0 for cutoff in routing.preferred_min_throughput)
    )


def _at(measured: Percentiles, percentile: Percentile, limit: float) -> float:
    """Give by how much a percentile is above a limit."""
    value: float = getattr(measured, percentile)
    return value - limit


def has_say(candidates: Sequence[Candidate], routing: Routing, speeds: Speeds) -> bool:
    """Say whether the caller's wishes can put another candidate first than the one that was chosen."""
    if not _wishes(routing):
        return False
    if any(late(each.deployment, routing, speeds) for each in candidates):
        return True
    shared = len({each.deployment.model for each in candidates}) < len(candidates)
    return bool(routing.order or routing.sort) and (shared or routing.sort_across)


def unsorted(candidates: Sequence[Candidate], routing: Routing, speeds: Speeds) -> str:
    """Say whose number was not known when sorting, and what was done with them; "" when there is nothing to say."""
    sort = routing.sort
    if sort is None:
        return ""
    unknown = [each.deployment.id for each in candidates if _place(each, sort, speeds)[0] > 0]
    if not unknown:
        return ""
    then = "they come last" if sort == "price" else "they follow by expected latency, else in their order"
    return f"sorted by {sort}, which is not known of {some(unknown)}; {then}"


def _wishes(routing: Routing) -> bool:
    return bool(routing.order or routing.sort or impatient(routing))


def _place(candidate: Candidate, sort: Sort, speeds: Speeds) -> Place:
    deployment, estimate = candidate.deployment, candidate.estimate
    if sort == "price":
        price = None if deployment.price is None else list_price(deployment.price)
        return (2, 0.0) if price is None else (0, price)
    speed = speeds.get(deployment.id) or Speed()
    if sort == "throughput" and speed.tokens_per_second is not None:
        return 0, -speed.tokens_per_second
    if sort == "latency" and speed.first_token is not None:
        return 0, speed.first_token.p50
    return (2, 0.0) if estimate is None or estimate.latency is None else (1, estimate.latency)
