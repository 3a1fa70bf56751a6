"""Own how a choice is made: objectives, estimates, candidates, rejections and the decision itself.

Invariant: a decision states its propensity and the versions of everything it depends on, so that it can be replayed.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from gearshift.types.catalog import Deployment, NanoUSD, Seconds

RejectionReason: TypeAlias = Literal[
    "capability_missing",
    "capability_unknown",
    "context_window",
    "price_unknown",
    "unhealthy",
    "not_allowed",
    "denied",
    "max_cost",
    "latency",
]

DecisionReason: TypeAlias = Literal[
    "objective",  # the objective chose among several
    "only_candidate",  # one deployment was left
    "named",  # the caller named the model
    "weighted",  # drawn by weight
    "degraded",  # deciding failed; the router's fallback answers
    "rule",  # a rule chose the target
]


class WillingnessToPay(Struct, frozen=True, kw_only=True, tag="willingness_to_pay"):
    """Maximise quality x `usd` - cost: `usd` dollars for one whole unit of quality on one request."""

    usd: float


class AtLeast(Struct, frozen=True, kw_only=True, tag="at_least"):
    """Take the cheapest whose expected quality is at least that of `model` less `within`.

    `margin` takes the place of `within` where it was calibrated, so that *true* quality keeps to `within` with
    `confidence`; it is negative where forecasts must be better than the reference's. None: not calibrated.
    """

    model: str
    within: float = 0.0
    confidence: float = 0.95
    margin: float | None = None


class AtMost(Struct, frozen=True, kw_only=True, tag="at_most"):
    """Take the best whose expected cost is at most that of `model`, or `usd_per_1k_requests` / 1000."""

    model: str | None = None
    usd_per_1k_requests: float | None = None


class CostTier(Struct, frozen=True, kw_only=True, tag="cost_tier"):
    """Take a named point on the cost-quality dial."""

    tier: Literal["low", "medium", "high", "xhigh", "max"]


Objective: TypeAlias = WillingnessToPay | AtLeast | AtMost | CostTier


class Estimate(Struct, frozen=True, kw_only=True):
    """Hold what a predictor expects of one deployment on one request.

    `quality` is the expected score in [0, 1], `quality_std` its standard deviation, `cost` nano-USD or None when the
    price is unknown, `output_tokens` a forecast, `latency` seconds to the last token or None.
    """

    quality: float
    quality_std: float
    cost: NanoUSD | None
    output_tokens: float
    latency: Seconds | None = None


class Candidate(Struct, frozen=True, kw_only=True):
    """Hold a deployment that fits, with its estimate; `utility` is what the objective ordered by (higher is better)."""

    deployment: Deployment
    estimate: Estimate | None
    utility: float | None = None


class Rejection(Struct, frozen=True, kw_only=True):
    """Hold a deployment that does not fit, and why; `detail` says found, expected, what to do."""

    deployment: str
    reason: RejectionReason
    detail: str


class Step(Struct, frozen=True, kw_only=True):
    """Hold candidates in the order of trial: the next is tried when the one before fails."""

    candidates: tuple[Candidate, ...]


class Flip(Struct, frozen=True, kw_only=True):
    """Hold the smallest change that would have changed the choice."""

    would_choose: str
    condition: str


class Health(Struct, frozen=True, kw_only=True):
    """Hold what is known of a deployment's health at the moment of deciding."""

    healthy: bool = True
    detail: str = ""


class Snapshot(Struct, frozen=True, kw_only=True):
    """Hold all of the world that a decision may see. `now` is seconds since the epoch.

    `health` holds only deployments with something to say; absent means healthy.
    """

    now: Seconds
    deployments: tuple[Deployment, ...]
    health: dict[str, Health] = msgspec.field(default_factory=dict)


class Decision(Struct, frozen=True, kw_only=True):
    """Hold the plan for one request and how it came about.

    `propensity` is the probability with which the policy chose the first candidate, in (0, 1].
    `predictor` and `config` are versions (short digests).
    """

    router: str
    plan: tuple[Step, ...]
    rejected: tuple[Rejection, ...]
    policy: str
    reason: DecisionReason
    propensity: float
    objective: Objective | None = None
    predictor: str | None = None
    config: str = ""
    detail: str = ""
    flip: Flip | None = None
    baseline: str | None = None
    """Id of the deployment that the saving is stated against, or None."""
    threshold: float | None = None
    """What the objective held candidates to: the least quality, or for `at_most` the greatest cost in nano-USD."""

    @property
    def chosen(self) -> Candidate:
        """Give the first candidate of the first step."""
        return self.plan[0].candidates[0]
