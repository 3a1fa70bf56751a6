"""Own what "best" means: each objective orders candidates by their estimates.

Every objective makes two groups. Those that meet it come first, by descending utility; those that do not meet it (and
have no utility) follow, for when the first ones fail. Ties: lower cost, then higher quality, then id.

    objective            meets it                        utility (cost in USD)   the others
    willingness_to_pay   cost is known                   quality x usd - cost    best first
    at_least             quality >= reference - within   -cost                   best first
    cost_tier            quality >= best - loss(tier)    -cost                   best first
    at_most              cost <= bound                   quality                 cheapest first

Where `at_least` was calibrated, its margin stands in place of `within`.

Invariant: pure, total over valid estimates (finite, quality in [0, 1]); an unknown cost counts as higher than any.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf
from typing import Final, Literal, TypeAlias, assert_never

from msgspec import Struct

from gearshift.types.catalog import NANO_PER_USD, Deployment
from gearshift.types.decision import AtLeast, AtMost, Candidate, CostTier, Estimate, Objective, WillingnessToPay

Forecast: TypeAlias = tuple[Deployment, Estimate]

Tier: TypeAlias = Literal["low", "medium", "high", "xhigh", "max"]
TIER_LOSS: Final[dict[Tier, float]] = {"max": 0.0, "xhigh": 0.01, "high": 0.03, "medium": 0.06, "low": 0.12}
"""Expected quality that each cost tier gives up against the best candidate, so that it may take the cheapest above.

The words are OpenRouter's (`plugins[].cost_tier`), where a tier is a band of prices. A band says nothing of what is
lost on this request, so here a tier is a loss, two to three times as large with each step down."""

ROUNDING: Final = 1e-9
"""0.8 - 0.1 is a little more than 0.7 in binary; a quality of 0.7 meets that bar all the same."""


class Ranking(Struct, frozen=True, kw_only=True):
    """Hold candidates in the order of an objective.

    `threshold`: see `Decision.threshold`. `detail` says when no candidate meets the objective, else "".
    """

    candidates: tuple[Candidate, ...]
    threshold: float | None = None
    detail: str = ""


def referred_to(objective: Objective | None) -> str | None:
    """Give the model (or deployment) that the objective compares with, whose estimates `rank` needs as `reference`."""
    return objective.model if isinstance(objective, AtLeast | AtMost) else None


def rank(objective: Objective, forecasts: Sequence[Forecast], reference: Sequence[Estimate] = ()) -> Ranking:
    """Order candidates by `objective`.

    `reference` holds the estimates of all deployments of `referred_to`: its best quality sets the bar of `at_least`,
    its lowest known cost the bound of `at_most` (0 when none is known). Raises ValueError when `at_least` lacks it.
    """
    match objective:
        case WillingnessToPay(usd=usd):
            return _by_worth(forecasts, usd)
        case AtLeast(model=model, within=within, margin=margin):
            allowed = within if margin is None else margin
            return _cheapest_above(forecasts, max(each.quality for each in reference) - allowed, model)
        case CostTier(tier=tier):
            best = max((estimate.quality for _, estimate in forecasts), default=0.0)
            return _cheapest_above(forecasts, best - TIER_LOSS[tier], None)
        case AtMost(usd_per_1k_requests=float(usd)):
            return _best_below(forecasts, usd / 1000 * NANO_PER_USD)
        case AtMost():
            return _best_below(forecasts, min((each.cost for each in reference if each.cost is not None), default=0))
        case _:
            assert_never(objective)


def _by_worth(forecasts: Iterable[Forecast], usd: float) -> Ranking:
    known, unknown = [], []
    for forecast in forecasts:
        cost = forecast[1].cost
        if cost is None:
            unknown.append(forecast)
        else:
            known.append((forecast[1].quality * usd - cost / NANO_PER_USD, forecast))
    known.sort(key=lambda pair: (-pair[0], *_cheap_first(pair[1])))
    unknown.sort(key=_good_first)
    first = [Candidate(deployment=d, estimate=e, utility=worth) for worth, (d, e) in known]
    return Ranking(candidates=(*first, *_without_utility(unknown)))


def _cheapest_above(forecasts: Iterable[Forecast], bar: float, reference: str | None) -> Ranking:
    """Put the cheapest with quality of at least `bar` first; the reference model meets its own bar."""
    meets: list[Forecast] = []
    others: list[Forecast] = []
    for forecast in forecasts:
        meeting = forecast[1].quality >= bar - ROUNDING or reference in {forecast[0].model, forecast[0].id}
        (meets if meeting else others).append(forecast)
    meets.sort(key=_cheap_first)
    others.sort(key=_good_first)
    first = [
        Candidate(deployment=d, estimate=e, utility=None if e.cost is None else -e.cost / NANO_PER_USD)
        for d, e in meets
    ]
    detail = "" if meets else f"no candidate is expected to reach a quality of {bar:.3f}; the best was taken"
    return Ranking(candidates=(*first, *_without_utility(others)), threshold=bar, detail=detail)


def _best_below(forecasts: Iterable[Forecast], bound: float) -> Ranking:
    """Put the best with a cost of at most `bound` nano-USD first."""
    meets: list[Forecast] = []
    others: list[Forecast] = []
    for forecast in forecasts:
        (meets if _cost(forecast[1]) <= bound else others).append(forecast)
    meets.sort(key=_good_first)
    others.sort(key=_cheap_first)
    first = [Candidate(deployment=d, estimate=e, utility=e.quality) for d, e in meets]
    found = f"no candidate is expected to cost at most ${bound / NANO_PER_USD:.6f}; the cheapest was taken"
    detail = "" if meets else found
    return Ranking(candidates=(*first, *_without_utility(others)), threshold=bound, detail=detail)


def _without_utility(forecasts: Iterable[Forecast]) -> list[Candidate]:
    return [Candidate(deployment=deployment, estimate=estimate) for deployment, estimate in forecasts]


def _cost(estimate: Estimate) -> float:
    return inf if estimate.cost is None else estimate.cost


def _cheap_first(forecast: Forecast) -> tuple[float, float, str]:
    deployment, estimate = forecast
    return _cost(estimate), -estimate.quality, deployment.id


def _good_first(forecast: Forecast) -> tuple[float, float, str]:
    deployment, estimate = forecast
    return -estimate.quality, _cost(estimate), deployment.id
