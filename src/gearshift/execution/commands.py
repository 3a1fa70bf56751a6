"""Own what the plan and the driver say to each other: commands one way, signals the other."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from gearshift.errors import GearshiftError, UpstreamError
from gearshift.execution.health import Pass
from gearshift.types.catalog import Deployment, Seconds
from gearshift.types.decision import Accept
from gearshift.types.record import Purpose


class Send(Struct, frozen=True, kw_only=True):
    """Ask the driver to call `deployment` and to wait for the first content; `remaining` is the time left in all.

    Where nothing has come after `hedge_after` seconds, the call of `hedge` is made as well, and the first to have
    content answers. `prefill`: it is given the beginning of the answer that it is to go on with.
    """

    attempt_id: str
    deployment: Deployment
    remaining: Seconds
    purpose: Purpose = "answer"
    prefill: bool = False
    hedge: Send | None = None
    hedge_after: Seconds = 0.0
    buffered: bool = False
    """Wait for the whole answer, also where it is streamed."""


class Sleep(Struct, frozen=True, kw_only=True):
    """Ask the driver to let `seconds` pass."""

    seconds: Seconds


class Commit(Struct, frozen=True, kw_only=True):
    """Ask the driver to pass the answer of `attempt_id` on to the caller, to its end."""

    attempt_id: str


class Judge(Struct, frozen=True, kw_only=True):
    """Ask the driver to find out whether the answer of the last attempt is good enough; it is kept meanwhile.

    Further attempts for it are numbered from `number` on.
    """

    attempt_id: str
    accept: Accept
    number: int
    at: Seconds
    remaining: Seconds


class Hedged(Struct, frozen=True, kw_only=True):
    """Say that the hedge was called too, as `admitted`: `won` when it answers, `error` how it failed."""

    admitted: Pass = Pass()
    won: bool = False
    error: UpstreamError | None = None


class Ready(Struct, frozen=True, kw_only=True):
    """Say that the attempt, or its hedge, has content; `at` is seconds since the exchange began.

    `error` is how the attempt itself failed where its hedge answers.
    """

    at: Seconds
    hedged: Hedged | None = None
    error: UpstreamError | None = None


class Failed(Struct, frozen=True, kw_only=True):
    """Say that the attempt, and its hedge if there was one, failed before any content."""

    at: Seconds
    error: UpstreamError
    hedged: Hedged | None = None


class Slept(Struct, frozen=True, kw_only=True):
    """Say that the time has passed."""

    at: Seconds


class Judged(Struct, frozen=True, kw_only=True):
    """Say whether the answer is good enough, and how many attempts it took to find out."""

    at: Seconds
    accepted: bool
    made: int


class Ended(Struct, frozen=True, kw_only=True):
    """Say that the answer was passed on; `error` when it broke on the way, `resumable` where another can go on."""

    at: Seconds
    error: UpstreamError | None
    resumable: bool = False


Command: TypeAlias = Send | Sleep | Commit | Judge
Signal: TypeAlias = Ready | Failed | Slept | Ended | Judged


class Verdict(Struct, frozen=True, kw_only=True):
    """Say how the walk ended: `committed` when the caller has seen an answer begin, `error` when it ended badly."""

    committed: bool
    error: GearshiftError | None
