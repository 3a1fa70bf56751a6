"""Own what "best" means: each objective orders candidates by their estimates.

Every objective makes two groups. Those that meet it come first, by descending utility; those that do not meet it (and
have no utility) follow, for when the first ones fail. Ties: lower cost, then higher quality, then id. Wherever this
says cost, what the objective counts the expected latency as (`latency_price`) is part of it.

    objective            meets it                        utility (cost in USD)   the others
    willingness_to_pay   cost is known                   quality x usd - cost    best first
    at_least             quality >= reference - within   -cost                   best first
    cost_tier            quality >= best - loss(tier)    -cost                   best first
    at_most              cost <= bound                   quality                 cheapest first
    min_quality          quality >= bound                -cost                   best first
    budget               as willingness_to_pay, of a worth that follows the spending (see `budget`)

Where `at_least` was calibrated, its margin stands in place of `within`.

Invariant: pure, total over valid estimates (finite, quality in [0, 1]); an unknown cost counts as higher than any.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf
from typing import Final, Literal, TypeAlias, assert_never

from msgspec import Struct

from gearshift.routing.latency import Tariff, tariff
from gearshift.types.catalog import NANO_PER_USD, Deployment, NanoUSD
from gearshift.types.decision import (
    AtLeast,
    AtMost,
    Candidate,
    CostTier,
    Estimate,
    MinQuality,
    Objective,
    Settled,
    WillingnessToPay,
)

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


class _Weighed(Struct, frozen=True, kw_only=True):
    """Hold a forecast; `wait` is what its latency counts as, `cost` (infinite when unknown) includes it."""

    deployment: Deployment
    estimate: Estimate
    wait: NanoUSD
    cost: float

    @property
    def usd(self) -> float:
        return self.cost / NANO_PER_USD

    @property
    def cheap_first(self) -> tuple[float, float, str]:
        return self.cost, -self.estimate.quality, self.deployment.id

    @property
    def good_first(self) -> tuple[float, float, str]:
        return -self.estimate.quality, self.cost, self.deployment.id

    def candidate(self, utility: float | None = None) -> Candidate:
        return Candidate(deployment=self.deployment, estimate=self.estimate, utility=utility, latency_cost=self.wait)


def rank(objective: Settled, forecasts: Sequence[Forecast], reference: Sequence[Estimate] = ()) -> Ranking:
    """Order candidates by `objective`.

    `reference` holds the estimates of all deployments of `referred_to`: its best quality sets the bar of `at_least`,
    its lowest known cost the bound of `at_most` (0 when none is known). Raises ValueError when `at_least` lacks it.
    """
    by = tariff(objective.latency_price, [*(estimate for _, estimate in forecasts), *reference])
    weighed = [_weigh(deployment, estimate, by) for deployment, estimate in forecasts]
    match objective:
        case WillingnessToPay(usd=usd):
            return _by_worth(weighed, usd)
        case AtLeast(model=model, within=within, margin=margin):
            allowed = within if margin is None else margin
            return _cheapest_above(weighed, max(each.quality for each in reference) - allowed, model)
        case CostTier(tier=tier):
            best = max((estimate.quality for _, estimate in forecasts), default=0.0)
            return _cheapest_above(weighed, best - TIER_LOSS[tier], None)
        case MinQuality(quality=quality):
            return _cheapest_above(weighed, quality, None)
        case AtMost(usd_per_1k_requests=float(usd)):
            return _best_below(weighed, usd / 1000 * NANO_PER_USD)
        case AtMost():
            known = [each.cost + by.charge(each) for each in reference if each.cost is not None]
            return _best_below(weighed, min(known, default=0))
        case _:
            assert_never(objective)


def _by_worth(weighed: Iterable[_Weighed], usd: float) -> Ranking:
    known: list[tuple[float, _Weighed]] = []
    unknown: list[_Weighed] = []
    for each in weighed:
        if each.estimate.cost is None:
            unknown.append(each)
        else:
            known.append((each.estimate.quality * usd - each.usd, each))
    known.sort(key=lambda pair: (-pair[0], *pair[1].cheap_first))
    unknown.sort(key=lambda each: each.good_first)
    first = [each.candidate(worth) for worth, each in known]
    return Ranking(candidates=(*first, *_without_utility(unknown)))


def _cheapest_above(weighed: Iterable[_Weighed], bar: float, reference: str | None) -> Ranking:
    """Put the cheapest with quality of at least `bar` first; the reference model meets its own bar."""
    meets: list[_Weighed] = []
    others: list[_Weighed] = []
    for each in weighed:
        its_own = reference in {each.deployment.model, each.deployment.id}
        (meets if its_own or each.estimate.quality >= bar - ROUNDING else others).append(each)
    meets.sort(key=lambda each: each.cheap_first)
    others.sort(key=lambda each: each.good_first)
    first = [each.candidate(None if each.estimate.cost is None else -each.usd) for each in meets]
    detail = "" if meets else f"no candidate is expected to reach a quality of {bar:.3f}; the best was taken"
    return Ranking(candidates=(*first, *_without_utility(others)), threshold=bar, detail=detail)


def _best_below(weighed: Iterable[_Weighed], bound: float) -> Ranking:
    """Put the best with a cost of at most `bound` nano-USD first."""
    meets: list[_Weighed] = []
    others: list[_Weighed] = []
    for each in weighed:
        (meets if each.cost <= bound else others).append(each)
    meets.sort(key=lambda each: each.good_first)
    others.sort(key=lambda each: each.cheap_first)
    first = [each.candidate(each.estimate.quality) for each in meets]
    found = f"no candidate is expected to cost at most ${bound / NANO_PER_USD:.6f}; the cheapest was taken"
    detail = "" if meets else found
    return Ranking(candidates=(*first, *_without_utility(others)), threshold=bound, detail=detail)


def _without_utility(weighed: Iterable[_Weighed]) -> list[Candidate]:
    return [each.candidate() for each in weighed]


def _weigh(deployment: Deployment, estimate: Estimate, by: Tariff) -> _Weighed:
    wait = by.charge(estimate)
    cost = inf if estimate.cost is None else estimate.cost + wait
    return _Weighed(deployment=deployment, estimate=estimate, wait=wait, cost=cost)
