from __future__ import annotations

import pytest

from gearshift.errors import (
    CannotCarry,
    InvalidRequest,
    Kind,
    StreamBroken,
    Unproven,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gearshift.execution.retry import (
    BACKOFF,
    MAX_BACKOFF,
    MAX_INLINE_WAIT,
    Again,
    Elsewhere,
    Move,
    Nowhere,
    after,
    takes_no_beginning,
)


def refused(kind: Kind, status: int, wait: float | None = None) -> UpstreamRefused:
    return UpstreamRefused("no", upstream_status=status, kind=kind, retry_after=wait)


@pytest.mark.parametrize(
    ("error", "move"),
    [
        (CannotCarry(InvalidRequest("no")), Elsewhere()),
        (Unproven("no token"), Elsewhere()),
        (UpstreamTimeout("silent", phase="first_token"), Elsewhere()),
        (UpstreamTimeout("deaf", phase="connect"), Elsewhere()),
        (UpstreamUnreachable("refused"), Again(0.0)),
        (UpstreamUnreachable("reset", sent=True), Again(BACKOFF / 2)),
        (UpstreamInvalid("html"), Again(BACKOFF / 2)),
        (StreamBroken("cut"), Again(BACKOFF / 2)),
        (refused("server", 500), Again(BACKOFF / 2)),
        (refused("overloaded", 529), Again(BACKOFF / 2)),
        (refused("overloaded", 503, 1.0), Again(1.05)),
        (refused("rate_limited", 429), Again(BACKOFF / 2)),
        (refused("rate_limited", 429, 2.0), Again(2.1)),
        (refused("rate_limited", 429, 0.0), Again(0.0)),
        (refused("rate_limited", 429, MAX_INLINE_WAIT + 0.1), Elsewhere()),
        (refused("slow_down", 429, 1.0), Again(1.05)),
        (refused("quota", 429), Elsewhere()),
        (refused("quota", 429, 1.0), Elsewhere()),
        (refused("model_quota", 429, 1.0), Elsewhere()),
        (refused("auth", 401), Elsewhere()),
        (refused("too_large", 413), Elsewhere()),
        (refused("not_found", 404), Elsewhere()),
        (refused("context_overflow", 400), Elsewhere(larger=True)),
        (refused("content_filter", 400), Nowhere()),
        (refused("rejected", 422), Nowhere()),
    ],
)
def test_what_follows_a_failure(error: UpstreamError, move: Move) -> None:
    assert after(error, 1, 1, 0.5) == move


@pytest.mark.parametrize(
    "error", [refused("server", 500), UpstreamUnreachable("no"), refused("rate_limited", 429, 1.0)]
)
def test_a_target_that_had_its_retries_is_left_alone(error: UpstreamError) -> None:
    assert after(error, 2, 1, 0.5) == Elsewhere()
    assert after(error, 1, 0, 0.5) == Elsewhere()
    assert isinstance(after(error, 2, 2, 0.5), Again)


def test_the_backoff_doubles_up_to_its_cap() -> None:
    waits = [after(refused("server", 500), tries, 20, 0.999999) for tries in range(1, 10)]
    seconds = [round(move.wait, 3) for move in waits if isinstance(move, Again)]
    assert seconds[:5] == [0.25, 0.5, 1.0, 2.0, MAX_BACKOFF]
    assert set(seconds[5:]) == {MAX_BACKOFF}


def test_a_wait_that_was_asked_for_is_never_shortened() -> None:
    for chance in (0.0, 0.3, 0.999):
        move = after(refused("rate_limited", 429, 3.0), 1, 1, chance)
        assert isinstance(move, Again)
        assert 3.0 <= move.wait <= 3.3


def test_a_stale_token_is_replaced_at_once() -> None:
    stale = refused("auth", 401)
    stale.renewable = True
    assert after(stale, 1, 1, 0.5) == Again(0.0)
    assert after(stale, 2, 1, 0.5) == Elsewhere()


@pytest.mark.parametrize(
    ("error", "no"),
    [
        (refused("rejected", 400), True),
        (refused("not_found", 404), True),
        (refused("server", 500), False),
        (refused("context_overflow", 400), False),
        (StreamBroken("cut"), False),
        (None, False),
    ],
)
def test_a_refusal_of_the_request_may_be_one_of_the_beginning_that_it_holds(
    error: UpstreamError | None, no: bool
) -> None:
    assert takes_no_beginning(error) is no
