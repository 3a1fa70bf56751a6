"""Own what happened: attempts, exchanges and feedback. One exchange is one row of the log and one training example."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from gearshift.types.catalog import Deployment, NanoUSD, Seconds
from gearshift.types.chat import Usage
from gearshift.types.decision import Decision

Billing: TypeAlias = Literal["not_sent", "not_billed", "maybe_billed", "billed"]
"""`not_billed`: the upstream answered with an error status, which no provider charges for, or it is known not to charge
for an answer whose caller left."""
Purpose: TypeAlias = Literal["answer", "resume", "hedge", "judge", "sample"]
"""What an upstream was called for: to answer, to go on with an answer that another one broke off, to answer sooner than
one that takes long to begin, to judge an answer, or to answer once more so that the answers can be compared."""
ANSWERS: Final = frozenset({"answer", "resume", "hedge"})
"""Purposes whose answer the caller may get."""
Outcome: TypeAlias = Literal["completed", "failed", "cancelled"]


REJECTED: Final = "answer_rejected"
"""The error of an answer that was not accepted."""


class Loss(Struct, frozen=True, kw_only=True):
    """Hold what became of a field that the other protocol cannot say as it was said.

    `field` is its path as the caller's protocol has it; `detail` says in words what was made of it. A `mapped` field is
    said in another way that means about the same; a `dropped` one is not said.
    """

    field: str
    kind: Literal["dropped", "mapped"]
    detail: str


class Attempt(Struct, frozen=True, kw_only=True):
    """Hold one upstream call.

    Times are seconds since the exchange began; `first_token` None: no content came. `status` is the upstream's HTTP
    status or None. `cost` None: unknown. `upstream_model` is the name that the upstream reported, `call_id` the id of
    the answer's first call of a tool. `losses`: what could not be carried to the upstream's protocol, or back.
    """

    id: str
    deployment: Deployment
    started: Seconds
    first_token: Seconds | None = None
    ended: Seconds
    status: int | None = None
    error: str | None = None
    detail: str | None = None
    usage: Usage | None = None
    cost: NanoUSD | None = None
    billing: Billing
    upstream_model: str | None = None
    response_id: str | None = None
    finish_reason: str | None = None
    call_id: str | None = None
    losses: tuple[Loss, ...] = ()
    purpose: Purpose = "answer"


class Exchange(Struct, frozen=True, kw_only=True):
    """Hold one caller's request with everything that followed.

    `created` is seconds since the epoch; `duration`, `first_token` and `overhead` are seconds. `cost` is the sum over
    attempts, None when any billed attempt's cost is unknown. `decision` is None when the request failed before one.
    `prompt` and `answer` are kept only when content logging is on.
    `cache` is `hit` where the answer of an earlier exchange was given.
    """

    id: str
    created: Seconds
    protocol: str
    path: str
    requested_model: str
    key: str | None
    stream: bool
    outcome: Outcome
    status: int
    error: str | None
    decision: Decision | None
    attempts: tuple[Attempt, ...]
    cost: NanoUSD | None
    baseline_cost: NanoUSD | None
    duration: Seconds
    first_token: Seconds | None
    overhead: Seconds
    session: str | None = None
    prompt: str | None = None
    answer: str | None = None
    cache: str | None = None
    team: str | None = None
    user_id: str | None = None

    @property
    def served(self) -> Attempt | None:
        """Give the attempt whose answer the caller got, whole or cut short; None when no content came."""
        return served_of(self.attempts)

    @property
    def estimated(self) -> bool:
        """Tell whether the cost rests on tokens that we counted, not the upstream."""
        return any(attempt.usage is not None and attempt.usage.estimated for attempt in self.attempts)


def served_of(attempts: Sequence[Attempt]) -> Attempt | None:
    """Give the attempt whose answer the caller got: of a cascade the one that was not turned down."""
    for each in reversed(attempts):
        if each.first_token is not None and each.purpose in ANSWERS and each.error != REJECTED:
            return each
    return None


class Spending(Struct, frozen=True, kw_only=True):
    """Hold what the log says of a router's spending: `spent` nano-USD since a window began.

    An exchange whose cost is not known counts as what its tokens cost at the baseline; `unknown` are those of which
    that is not known either. `recent` counts the exchanges that began since some later time.
    """

    spent: NanoUSD = 0
    unknown: int = 0
    recent: int = 0


class Feedback(Struct, frozen=True, kw_only=True):
    """Hold a judgement of an exchange or of a whole session; `score` in [0, 1], higher is better."""

    created: Seconds
    score: float
    exchange_id: str | None = None
    session_id: str | None = None
    label: str | None = None
    comment: str | None = None
