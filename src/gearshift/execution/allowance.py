"""Own what a call may use: asked for before it is made, and told afterwards what it came to."""

from __future__ import annotations

from typing import Final, Protocol

from gearshift import accounting, tokens
from gearshift.budgeting import Need
from gearshift.execution.order import Order
from gearshift.types.catalog import Deployment
from gearshift.types.decision import Decision, Estimate
from gearshift.types.embedding import Asked, EmbeddingRequest
from gearshift.types.ledger import LedgerRow

USUAL_ANSWER: Final = 1000
"""Tokens that an answer is taken to have where nothing was forecast: a long one."""


class Allowance(Protocol):
    """Be what limits calls."""

    @property
    def idle(self) -> bool:
        """Say whether there is no limit at all, so that nobody need be asked."""
        ...

    async def reserve(self, entry: LedgerRow, order: Order, need: Need) -> None:
        """Hold what a call needs; raise OverLimit where a limit has no room."""
        ...

    def settle(self, entry: LedgerRow) -> None:
        """Count what a call came to; never raises."""
        ...


class Unlimited:
    """Limit nobody."""

    idle = True

    async def reserve(self, entry: LedgerRow, order: Order, need: Need) -> None:
        """Let it be."""

    def settle(self, entry: LedgerRow) -> None:
        """Let it be."""


def need_of(order: Order, deployment: Deployment, most: int | None) -> Need:
    """Give what a call needs; `most` is the most that it can cost."""
    request, price = order.request, deployment.price
    if isinstance(request, EmbeddingRequest):
        longest, guess = tokens.most_inputs(request), tokens.estimate_inputs(request)
        expected = None if price is None or guess is None else accounting.expected_cost(price, guess, 0)
        return Need(requests=1, usd=most, usd_expected=expected, input_tokens=longest)
    forecast = _forecast(order.decision, deployment)
    answer = _longest(request, deployment)
    usual = min(USUAL_ANSWER, USUAL_ANSWER if answer is None else answer)
    output = usual if forecast is None else round(forecast.output_tokens)
    cost = None if price is None else accounting.expected_cost(price, tokens.estimate(request), output)
    return Need(
        requests=1,
        usd=most,
        usd_expected=cost if forecast is None or forecast.cost is None else forecast.cost,
        input_tokens=tokens.upper_bound(request),
        output_tokens=answer,
        output_expected=output,
    )


def _longest(request: Asked, deployment: Deployment) -> int | None:
    if isinstance(request, EmbeddingRequest):
        return 0
    known = [each for each in (request.sampling.max_output_tokens, deployment.max_output_tokens) if each is not None]
    return min(known) * (request.sampling.n or 1) if known else None


def _forecast(decision: Decision, deployment: Deployment) -> Estimate | None:
    candidates = (each for step in decision.plan for each in step.candidates)
    return next((each.estimate for each in candidates if each.deployment.id == deployment.id), None)
