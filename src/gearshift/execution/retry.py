"""Own what follows a failed attempt: the same target again after a wait, another one, or none.

    nothing reached the upstream             again at once, the target has done nothing yet
    our token was stale                      again at once, with another
    429 that says how long                   again after just so long, where that is short; else elsewhere
    429, 5xx, reset, garbage, cut            again after a backoff
    silence, our account, a model gone       elsewhere: the same would happen again
    more than our tier may send there        elsewhere, whatever its window
    too long a prompt                        elsewhere, where the window is larger
    what the caller said                     nowhere: it would be refused everywhere

A target is retried `retries` times at most. The backoff is exponential with full jitter, so that callers who failed
together do not come back together.
Invariant: pure; dice are an argument.
Sources: Amazon, "Exponential Backoff And Jitter" (2015); RFC 9110 section 10.2.3, `Retry-After`.
"""

from __future__ import annotations

from typing import Final, TypeAlias, assert_never

from msgspec import Struct

from gearshift.errors import (
    CannotCarry,
    NoRoom,
    Unproven,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gearshift.types.catalog import Seconds

BACKOFF: Final[Seconds] = 0.25
MAX_BACKOFF: Final[Seconds] = 4.0
MAX_INLINE_WAIT: Final[Seconds] = 5.0
"""How long a caller is kept waiting for a target that says when it will be back."""
_SPREAD: Final = 0.1
"""By so much at most a wait that the upstream asked for is lengthened, at random."""


class Again(Struct, frozen=True):
    """Try the same target once more after `wait` seconds."""

    wait: Seconds


class Elsewhere(Struct, frozen=True):
    """Try another target; `larger`: only one whose context window is larger helps."""

    larger: bool = False


class Nowhere(Struct, frozen=True):
    """Give the error to the caller: no other target would do better."""


Move: TypeAlias = Again | Elsewhere | Nowhere


def after(error: UpstreamError, tries: int, retries: int, chance: float) -> Move:
    """Say what follows `error`, the end of the target's attempt number `tries`.

    `retries` is how often a target may be tried again, `chance` a die in [0, 1).
    """
    move = _after(error, tries, chance)
    return Elsewhere() if isinstance(move, Again) and tries > retries else move


def takes_no_beginning(error: UpstreamError | None) -> bool:
    """Say whether an upstream may have failed for the beginning of an answer that it was given to go on with."""
    return isinstance(error, UpstreamRefused) and error.kind in {"rejected", "not_found"}


def _after(error: UpstreamError, tries: int, chance: float) -> Move:
    match error:
        case CannotCarry() | NoRoom() | Unproven() | UpstreamTimeout():
            return Elsewhere()
        case UpstreamRefused():
            return _after_refusal(error, tries, chance)
        case UpstreamUnreachable(sent=False):
            return Again(0.0)
        case _:
            return _backed_off(tries, chance)


def _after_refusal(error: UpstreamRefused, tries: int, chance: float) -> Move:
    match error.kind:
        case "context_overflow":
            return Elsewhere(larger=True)
        case "content_filter" | "rejected":
            return Nowhere()
        case "auth" if error.renewable:
            return Again(0.0)
        case "quota" | "model_quota" | "auth" | "not_found" | "too_large":
            return Elsewhere()
        case "rate_limited" | "slow_down" | "overloaded" | "server":
            asked = error.retry_after
            if asked is None:
                return _backed_off(tries, chance)
            return Elsewhere() if asked > MAX_INLINE_WAIT else Again(asked * (1 + _SPREAD * chance))
        case _:
            assert_never(error.kind)


def _backed_off(tries: int, chance: float) -> Again:
    return Again(chance * min(MAX_BACKOFF, BACKOFF * 2 ** (tries - 1)))
