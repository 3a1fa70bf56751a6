"""Own what a call tells the ledger: that it is about to be made, and what became of it.

Invariant: both rows are whole, so each can be counted without the other; the first says what is true if the process
dies: the call may have been billed, for at most its `bound`.
"""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from gearshift import accounting, tokens
from gearshift.execution.metering import Meter
from gearshift.execution.order import Order
from gearshift.types.catalog import Deployment, NanoUSD, Seconds
from gearshift.types.embedding import Asked, EmbeddingRequest
from gearshift.types.ledger import LedgerRow
from gearshift.types.record import Attempt

LARGEST: Final = 2**63 - 1
"""What a store can hold. A cost beyond it is an upstream's nonsense."""

_json = msgspec.json.Encoder().encode


class Books(Protocol):
    """Be the ledger, as calls see it."""

    def started(self, entry: LedgerRow) -> None:
        """Write down that a call is about to be made; raise LedgerUnavailable where that cannot be done."""
        ...

    def finished(self, entry: LedgerRow) -> None:
        """Write down what became of a call; never raises."""
        ...


class Unkept:
    """Keep no books, where nobody wants them."""

    def started(self, entry: LedgerRow) -> None:
        """Let it be."""

    def finished(self, entry: LedgerRow) -> None:
        """Let it be."""


def begun(order: Order, meter: Meter, now: Seconds) -> LedgerRow:
    """Give the row of a call that is about to be made; `now` is seconds since the epoch."""
    deployment, payer = meter.deployment, order.payer
    return LedgerRow(
        id=meter.id,
        exchange_id=order.exchange_id,
        created=now,
        ended=None,
        deployment=deployment.id,
        model=deployment.model,
        provider=deployment.provider.id,
        key=payer.key,
        team=payer.team,
        user_id=payer.user_id,
        router=payer.router,
        tags=_json(payer.tags).decode() if payer.tags else None,
        purpose=meter.purpose,
        state="unknown",
        status=None,
        error=None,
        billing="maybe_billed",
        estimated=None,
        input_tokens=None,
        output_tokens=None,
        cache_read_tokens=None,
        cache_write_tokens=None,
        reasoning_tokens=None,
        cost=None,
        bound=most(order.request, deployment),
    )


def ended(entry: LedgerRow, attempt: Attempt) -> LedgerRow:
    """Give the row of a call that is over."""
    usage, cost = attempt.usage, attempt.cost
    return msgspec.structs.replace(
        entry,
        ended=entry.created + max(0.0, attempt.ended - attempt.started),
        state="finished",
        purpose=attempt.purpose,
        status=attempt.status,
        error=attempt.error,
        billing=attempt.billing,
        estimated=usage.estimated if usage else None,
        input_tokens=usage.input_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
        cache_read_tokens=usage.cache_read_tokens if usage else None,
        cache_write_tokens=usage.cache_write_tokens if usage else None,
        reasoning_tokens=usage.reasoning_tokens if usage else None,
        cost=cost if cost is not None and cost <= LARGEST else None,
    )


def most(request: Asked, deployment: Deployment) -> NanoUSD | None:
    """Bound what a call can cost, None where its price or the length of its answer has no known end."""
    if deployment.price is None:
        return None
    if isinstance(request, EmbeddingRequest):
        length = tokens.most_inputs(request)
        return None if length is None else accounting.most(deployment.price, length, 0)
    asked, limit = request.sampling.max_output_tokens, deployment.max_output_tokens
    answer = min((each for each in (asked, limit) if each is not None), default=None)
    if answer is None:
        return None
    count = request.sampling.n or 1
    return accounting.most(deployment.price, tokens.upper_bound(request), answer * count)
