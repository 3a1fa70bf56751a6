"""Own the interface of every store, and the row that an exchange becomes.

Invariant: `append` never waits and never raises for a slow or broken disk; `flush` returns when all that was appended
before it is durable. Every store passes `tests/contract/test_store.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from gearshift import documents
from gearshift.types.catalog import NanoUSD, Seconds
from gearshift.types.record import Exchange, Feedback, Spending

_TOKENS: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens")


class Row(Struct, frozen=True, kw_only=True):
    """Hold one exchange as it is stored: flat, with the decision and the attempts as JSON documents.

    Times are seconds (`created` since the epoch), costs nano-USD; None is unknown. Tokens, model and response id are
    those of the attempt that answered; `usage_estimated` says that the cost rests on tokens that we counted, in any
    attempt. `quality` is what the predictor expected of it.
    """

    id: str
    created: float
    protocol: str
    path: str
    requested_model: str
    model: str | None
    deployment: str | None
    provider: str | None
    router: str | None
    reason: str | None
    propensity: float | None
    key: str | None
    session: str | None
    stream: bool
    outcome: str
    status: int
    error: str | None
    response_id: str | None
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    reasoning_tokens: int | None
    usage_estimated: bool | None
    quality: float | None
    cost: NanoUSD | None
    baseline_cost: NanoUSD | None
    duration: float
    first_token: float | None
    overhead: float
    decision: str | None
    attempts: str
    prompt: str | None
    answer: str | None
    cache: str | None = None
    team: str | None = None
    user_id: str | None = None


class LogReader(Protocol):
    """Read what was kept of exchanges."""

    def exchange(self, key: str) -> Row | None:
        """Give the exchange with this id, or whose upstream response id this is; None when there is none."""
        ...

    def exchanges(self, since: float = 0.0) -> Iterator[Row]:
        """Give the exchanges created at or after `since` (seconds since the epoch), oldest first."""
        ...

    def knows(self, *, exchange_id: str | None, session_id: str | None) -> bool:
        """Tell whether an exchange of this id, or of this session, is in the log."""
        ...

    def scores(self) -> dict[str, float]:
        """Give the mean score, in [0, 1], of each exchange with feedback of its own or of its session."""
        ...

    def spending(self, router: str, since: Seconds, lately: Seconds) -> Spending:
        """Give what `router` has spent since `since`, and how many exchanges it had since `lately`."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...


class Store(LogReader, Protocol):
    """Keep exchanges and feedback."""

    @property
    def failing(self) -> bool:
        """Say whether no rows are taken at present: they wait."""
        ...

    @property
    def given_up(self) -> int:
        """Give how many rows were lost: they could not be kept anywhere, or not be written at all."""
        ...

    def append(self, exchange: Exchange) -> None:
        """Take an exchange that has ended."""
        ...

    def feedback(self, feedback: Feedback) -> None:
        """Take a judgement."""
        ...

    def flush(self, timeout: Seconds | None = None) -> bool:
        """Wait until everything taken so far can be read, at most `timeout` seconds, and tell whether it can.

        Blocks, so call it off the event loop; None: as long as it takes.
        """
        ...


def row(exchange: Exchange) -> Row:
    """Flatten an exchange."""
    served, decision = exchange.served, exchange.decision
    deployment = served.deployment if served else None
    usage = served.usage if served else None
    return Row(
        id=exchange.id,
        created=exchange.created,
        protocol=exchange.protocol,
        path=exchange.path,
        requested_model=exchange.requested_model,
        model=deployment.model if deployment else None,
        deployment=deployment.id if deployment else None,
        provider=deployment.provider.id if deployment else None,
        router=decision.router if decision else None,
        reason=decision.reason if decision else None,
        propensity=decision.propensity if decision else None,
        key=exchange.key,
        session=exchange.session,
        stream=exchange.stream,
        outcome=exchange.outcome,
        status=exchange.status,
        error=exchange.error,
        response_id=served.response_id if served else None,
        finish_reason=served.finish_reason if served else None,
        **{name: getattr(usage, name) if usage else None for name in _TOKENS},
        usage_estimated=exchange.estimated if any(attempt.usage for attempt in exchange.attempts) else None,
        quality=_expected_quality(exchange),
        cost=exchange.cost,
        baseline_cost=exchange.baseline_cost,
        duration=exchange.duration,
        first_token=exchange.first_token,
        overhead=exchange.overhead,
        decision=_json(documents.decision(decision)) if decision else None,
        attempts=_json([documents.attempt(attempt) for attempt in exchange.attempts]),
        prompt=exchange.prompt,
        answer=exchange.answer,
        cache=exchange.cache,
        team=exchange.team,
        user_id=exchange.user_id,
    )


def _expected_quality(exchange: Exchange) -> float | None:
    if exchange.served is None or exchange.decision is None:
        return None
    for step in exchange.decision.plan:
        for candidate in step.candidates:
            if candidate.deployment.id == exchange.served.deployment.id and candidate.estimate:
                return candidate.estimate.quality
    return None


def _json(document: documents.Document | list[documents.Document]) -> str:
    return msgspec.json.encode(document).decode()
