"""Own the plan: which attempt comes next, told as a pure generator of commands.

The driver performs each command and sends back a signal. One exchange is one walk over the decision's steps:

    for each step, for each of its candidates (at most `max_attempts` in all, inside the deadline):
        Send ──> Failed, retryable      the next candidate
             ──> Failed, not retryable  end: the error
             ──> Ready                  the first content (stream) or the whole answer is there
                   Commit ──> Ended     end: answered, or broken in the caller's sight

Invariant: no content reaches the caller before Commit, and after Commit no other candidate is tried.
Every Send carries its own attempt id, `<exchange id>-<number>`.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias, assert_never

from msgspec import Struct

from gearshift.errors import DeadlineExceeded, GearshiftError, UpstreamError, UpstreamTimeout
from gearshift.types.catalog import Deployment, Seconds
from gearshift.types.decision import Decision


class Limits(Struct, frozen=True, kw_only=True):
    """Hold the bounds of one exchange, in seconds but for `max_attempts`.

    `first_token_timeout` and `stall_timeout` bound a stream; an answer that is not streamed comes all at once, and has
    `answer_timeout` for it. `deadline` bounds all attempts together. `keep_alive` is how long a stream may be quiet
    before its caller gets a sign of life; 0: for ever.
    """

    max_attempts: int = 3
    deadline: Seconds = 600.0
    connect_timeout: Seconds = 5.0
    first_token_timeout: Seconds = 10.0
    answer_timeout: Seconds = 300.0
    stall_timeout: Seconds = 30.0
    keep_alive: Seconds = 10.0
    allow_fallbacks: bool = True


class Send(Struct, frozen=True, kw_only=True):
    """Ask the driver to call `deployment` and to wait for the first content; `remaining` is the time left in all."""

    attempt_id: str
    deployment: Deployment
    remaining: Seconds


class Commit(Struct, frozen=True, kw_only=True):
    """Ask the driver to pass the answer of `attempt_id` on to the caller, to its end."""

    attempt_id: str


class Ready(Struct, frozen=True, kw_only=True):
    """Say that the attempt has content; `at` is seconds since the exchange began."""

    at: Seconds


class Failed(Struct, frozen=True, kw_only=True):
    """Say that the attempt failed before any content."""

    at: Seconds
    error: UpstreamError


class Ended(Struct, frozen=True, kw_only=True):
    """Say that the answer was passed on; `error` when it broke on the way."""

    at: Seconds
    error: UpstreamError | None


Command: TypeAlias = Send | Commit
Signal: TypeAlias = Ready | Failed | Ended


class Verdict(Struct, frozen=True, kw_only=True):
    """Say how the walk ended: `committed` when the caller has seen an answer begin, `error` when it ended badly."""

    committed: bool
    error: GearshiftError | None


def execute(decision: Decision, exchange_id: str, limits: Limits) -> Generator[Command, Signal, Verdict]:
    """Walk the plan of `decision`; yield commands, take signals, return the verdict."""
    error: GearshiftError | None = None
    now: Seconds = 0.0
    for number, deployment in enumerate(_trials(decision, limits), start=1):
        attempt_id = f"{exchange_id}-{number}"
        signal = yield Send(attempt_id=attempt_id, deployment=deployment, remaining=limits.deadline - now)
        now = signal.at
        match signal:
            case Ready():
                signal = yield Commit(attempt_id=attempt_id)
                return Verdict(committed=True, error=signal.error if isinstance(signal, Ended) else None)
            case Failed():
                error = signal.error
                if now >= limits.deadline or (isinstance(error, UpstreamTimeout) and error.phase == "total"):
                    return Verdict(committed=False, error=_too_late(limits, error))
                if not error.retryable:
                    break
            case Ended():  # only ever the answer to Commit
                return Verdict(committed=True, error=signal.error)
            case _:
                assert_never(signal)
    return Verdict(committed=False, error=error)


def _too_late(limits: Limits, last: UpstreamError) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"no answer within the deadline of {limits.deadline:g} s; the last attempt said: {last.message}; "
        "raise reliability.deadline (or x-gearshift-timeout-ms), or lower the timeouts of an attempt"
    )


def _trials(decision: Decision, limits: Limits) -> list[Deployment]:
    """Give the deployments in the order of trial, bounded."""
    trials = [candidate.deployment for step in decision.plan for candidate in step.candidates]
    return trials[: limits.max_attempts if limits.allow_fallbacks else 1]
