"""Own how a choice is made: objectives, estimates, candidates, rejections and the decision itself.

Invariant: a decision states its propensity and the versions of everything it depends on, so that it can be replayed.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from gearshift.types.asking import Unmet
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
    "max_price",
    "latency",
    "session_bound",
    "parameters",
    "terms",
    "key_scope",
]

DecisionReason: TypeAlias = Literal[
    "objective",  # the objective chose among several
    "only_candidate",  # one deployment was left
    "named",  # the caller named the model
    "weighted",  # drawn by weight
    "degraded",  # deciding failed; the router's fallback answers
    "rule",  # a rule chose the target
    "session",  # the conversation stays with the model that answered it last
    "sorted",  # the caller had all candidates sorted, across models
    "only_model",  # embeddings: the router has one model that makes them
    "cascade",  # the first step of a cascade
    "no_candidate",  # nobody fits: there is no plan
]

Stay: TypeAlias = Literal["turn", "always", "off"]
"""How long a router keeps the model of a conversation: within a turn, as long as it fits, or not at all."""


class Timed(Struct, frozen=True, kw_only=True):
    """Hold what any objective may add about time; None: nothing.

    `p95_first_token` (hard): no deployment whose 95th percentile of seconds to the first token is known to be higher.
    `latency_price` (soft): US dollars that a second of expected latency counts as, beside the cost.
    """

    p95_first_token: Seconds | None = None
    latency_price: float | None = None


class WillingnessToPay(Timed, frozen=True, kw_only=True, tag="willingness_to_pay"):
    """Maximise quality x `usd` - cost: `usd` dollars for one whole unit of quality on one request."""

    usd: float


class AtLeast(Timed, frozen=True, kw_only=True, tag="at_least"):
    """Take the cheapest whose expected quality is at least that of `model` less `within`.

    `margin` takes the place of `within` where it was calibrated, so that *true* quality keeps to `within` with
    `confidence`; it is negative where forecasts must be better than the reference's. None: not calibrated.
    `repriced`: it was calibrated at other prices, so that others may be the cheapest than were then.
    """

    model: str
    within: float = 0.0
    confidence: float = 0.95
    margin: float | None = None
    repriced: bool = False


class AtMost(Timed, frozen=True, kw_only=True, tag="at_most"):
    """Take the best whose expected cost is at most that of `model`, or `usd_per_1k_requests` / 1000."""

    model: str | None = None
    usd_per_1k_requests: float | None = None


class CostTier(Timed, frozen=True, kw_only=True, tag="cost_tier"):
    """Take a named point on the cost-quality dial."""

    tier: Literal["low", "medium", "high", "xhigh", "max"]


class MinQuality(Timed, frozen=True, kw_only=True, tag="min_quality"):
    """Take the cheapest whose expected quality is at least `quality`, a score in [0, 1]."""

    quality: float


class Budget(Timed, frozen=True, kw_only=True, tag="budget"):
    """Spend at most `usd` dollars in each window (UTC), evenly: what a unit of quality is worth follows that."""

    usd: float
    per: Literal["day", "month"]


Settled: TypeAlias = WillingnessToPay | AtLeast | AtMost | CostTier | MinQuality
"""An objective by which candidates can be ordered, whatever was spent before."""
Objective: TypeAlias = Settled | Budget


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
    """Hold a deployment that fits, with its estimate; `utility` is what the objective ordered by (higher is better).

    `latency_cost` is what the objective counts its expected latency as, in nano-USD; nobody is charged for it.
    """

    deployment: Deployment
    estimate: Estimate | None
    utility: float | None = None
    latency_cost: NanoUSD = 0


class Rejection(Struct, frozen=True, kw_only=True):
    """Hold a deployment that does not fit, and why; `detail` says found, expected, what to do."""

    deployment: str
    reason: RejectionReason
    detail: str


class ByJudge(Struct, frozen=True, kw_only=True, tag="judge"):
    """Accept an answer to which a model gives at least `min_score`, in [0, 1]; `deployments` are tried in order."""

    model: str
    deployments: tuple[Deployment, ...]
    min_score: float


class ByAgreement(Struct, frozen=True, kw_only=True, tag="agreement"):
    """Accept an answer that at least `min_agreement` of `samples` answers of the same model give, itself among them."""

    samples: int
    min_agreement: float


Accept: TypeAlias = ByJudge | ByAgreement
"""How it is found out whether an answer is good enough."""


class Step(Struct, frozen=True, kw_only=True):
    """Hold candidates in the order of trial: the next is tried when the one before fails.

    With `accept`, the answer is held back until it was accepted; else the next step is tried.
    """

    candidates: tuple[Candidate, ...]
    accept: Accept | None = None


class Flip(Struct, frozen=True, kw_only=True):
    """Hold the smallest change that would have changed the choice."""

    would_choose: str
    condition: str


class Health(Struct, frozen=True, kw_only=True):
    """Hold what is known of a deployment's health at the moment of deciding: `error_rate` of its recent attempts."""

    healthy: bool = True
    detail: str = ""
    error_rate: float = 0.0


class Percentiles(Struct, frozen=True, kw_only=True):
    """Hold a distribution: this share of what was measured was no worse than so much."""

    p50: float
    p75: float
    p90: float
    p95: float
    p99: float


class Speed(Struct, frozen=True, kw_only=True):
    """Hold how fast a deployment has been of late, as measured; None: not known.

    `first_token` is seconds to the first token of a stream, `tokens_per_second` the median of output tokens over the
    whole time of an answer. Of `throughput`, in the same unit, that share of all answers was *at least* so fast.
    """

    first_token: Percentiles | None = None
    tokens_per_second: float | None = None
    throughput: Percentiles | None = None


class Pace(Struct, frozen=True, kw_only=True):
    """Hold where a budget stands: `usd` dollars are worth spending on a whole unit of quality at present.

    `spent` is nano-USD since the window began, by all processes that share the store, None where nobody has looked; it
    lacks the exchanges of which it is not known what they cost, `unknown` of them.
    """

    usd: float
    spent: NanoUSD | None
    unknown: int = 0


class Standing(Struct, frozen=True, kw_only=True):
    """Hold where a conversation stands: who answered it last, and what would be lost by leaving.

    `held` is how many tokens of its prompt are taken to be in that provider's cache still, 0 where that is not known.
    `moved`: more than one provider has answered it, so that its thinking may have been signed by another one. Not
    `exact`: another conversation of the same session stands there, which says who serves it and no more.
    """

    deployment: str
    provider: str
    held: int = 0
    moved: bool = False
    exact: bool = True


class Snapshot(Struct, frozen=True, kw_only=True):
    """Hold all of the world that a decision may see. `now` is seconds since the epoch.

    `health` holds only deployments with something to say; absent means healthy. `speeds` are by deployment id; absent
    means not known. `paces` are by router, of those with a budget. `standing` is that of the request's conversation,
    None: nothing is known of it.
    """

    now: Seconds
    deployments: tuple[Deployment, ...]
    health: dict[str, Health] = msgspec.field(default_factory=dict)
    speeds: dict[str, Speed] = msgspec.field(default_factory=dict)
    paces: dict[str, Pace] = msgspec.field(default_factory=dict)
    standing: Standing | None = None


class Decision(Struct, frozen=True, kw_only=True):
    """Hold the plan for one request and how it came about; without a plan nobody fits, and `rejected` says why.

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
    """What the objective held candidates to: the least quality; the greatest cost in nano-USD for `at_most`; for
    `budget` the US dollars that a whole unit of quality was worth."""
    steered: bool = False
    """The caller's own order had a say after the objective's: a change of an estimate does not tell the choice."""
    standing: Standing | None = None
    """Where the conversation stood."""
    unmet: tuple[Unmet, ...] = ()
    """What the caller asked for and does not get."""
    expected_cost: NanoUSD | None = None
    """Of a cascade: nano-USD for its steps and their acceptance, each as probable as it is; None: not known."""

    @property
    def chosen(self) -> Candidate:
        """Give the first candidate of the first step; there must be a plan."""
        return self.plan[0].candidates[0]
