"""Read as conversations: the plan asks, the driver answers."""

from __future__ import annotations

from collections.abc import Generator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.errors import (
    DeadlineExceeded,
    StreamBroken,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gearshift.execution.machine import Command, Commit, Ended, Failed, Limits, Ready, Send, Signal, Verdict, execute
from gearshift.types.decision import Step
from tests.fakes.nouns import decision, deployment

SMALL, MIDDLE, LARGE = deployment("small"), deployment("middle"), deployment("large")
DOWN = UpstreamUnreachable("down")
WRONG = UpstreamRefused("bad request", upstream_status=400)

Plan = Generator[Command, Signal, Verdict]


def plan(limits: Limits | None = None) -> Plan:
    return execute(decision(SMALL, MIDDLE, LARGE), "x", limits or Limits())


def answer(walk: Plan, signal: Signal) -> Command | Verdict:
    """Give the next command, or the verdict that ends the walk."""
    try:
        return walk.send(signal)
    except StopIteration as stop:
        verdict: Verdict = stop.value
        return verdict


def failed(error: UpstreamError = DOWN, at: float = 1.0) -> Failed:
    return Failed(at=at, error=error)


def test_the_first_candidate_answers() -> None:
    walk = plan()
    assert next(walk) == Send(attempt_id="x-1", deployment=SMALL, remaining=600.0)
    assert answer(walk, Ready(at=0.5)) == Commit(attempt_id="x-1")
    assert answer(walk, Ended(at=1.0, error=None)) == Verdict(committed=True, error=None)


def test_a_failure_leads_to_the_next_candidate_with_what_is_left_of_the_time() -> None:
    walk = plan()
    next(walk)
    assert answer(walk, failed(at=10.0)) == Send(attempt_id="x-2", deployment=MIDDLE, remaining=590.0)
    assert answer(walk, failed(at=25.0)) == Send(attempt_id="x-3", deployment=LARGE, remaining=575.0)
    assert answer(walk, Ready(at=26.0)) == Commit(attempt_id="x-3")
    assert answer(walk, Ended(at=27.0, error=None)) == Verdict(committed=True, error=None)


def test_when_every_candidate_fails_the_last_error_is_the_answer() -> None:
    walk = plan()
    next(walk)
    last = UpstreamTimeout("slow", phase="first_token")
    answer(walk, failed())
    answer(walk, failed(at=2.0))
    assert answer(walk, failed(last, at=3.0)) == Verdict(committed=False, error=last)


def test_the_caller_s_fault_is_not_tried_elsewhere() -> None:
    walk = plan()
    next(walk)
    assert answer(walk, failed(WRONG)) == Verdict(committed=False, error=WRONG)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 502, 503])
def test_the_upstream_s_fault_is(status: int) -> None:
    walk = plan()
    next(walk)
    found = answer(walk, failed(UpstreamRefused("no", upstream_status=status)))
    assert isinstance(found, Send)
    assert found.deployment == MIDDLE


def test_no_more_than_max_attempts() -> None:
    walk = plan(Limits(max_attempts=2))
    next(walk)
    assert isinstance(answer(walk, failed()), Send)
    assert answer(walk, failed()) == Verdict(committed=False, error=DOWN)


def test_no_fallback_when_the_caller_forbids_it() -> None:
    walk = plan(Limits(allow_fallbacks=False))
    next(walk)
    assert answer(walk, failed()) == Verdict(committed=False, error=DOWN)


def test_a_stream_that_breaks_after_commit_ends_the_walk() -> None:
    walk = plan()
    next(walk)
    answer(walk, Ready(at=1.0))
    broken = StreamBroken("cut")
    assert answer(walk, Ended(at=2.0, error=broken)) == Verdict(committed=True, error=broken)


def test_after_the_deadline_nothing_more_is_tried() -> None:
    walk = plan(Limits(deadline=5.0))
    next(walk)
    verdict = answer(walk, failed(at=5.0))
    assert isinstance(verdict, Verdict)
    assert isinstance(verdict.error, DeadlineExceeded)
    assert "5 s" in verdict.error.message
    assert "down" in verdict.error.message


def test_an_attempt_that_ran_out_of_all_time_is_the_deadline_whatever_the_clock_says() -> None:
    """A loop's timer may fire a tick before the clock of the exchange gets there."""
    walk = plan(Limits(deadline=5.0))
    next(walk)
    verdict = answer(walk, failed(UpstreamTimeout("late", phase="total"), at=4.9999))
    assert isinstance(verdict, Verdict)
    assert isinstance(verdict.error, DeadlineExceeded)
    assert not verdict.committed


def test_the_steps_of_a_plan_are_walked_in_order() -> None:
    whole = decision(SMALL, LARGE)
    steps = tuple(Step(candidates=(candidate,)) for candidate in whole.plan[0].candidates)
    walk = execute(msgspec.structs.replace(whole, plan=steps), "x", Limits())
    next(walk)
    found = answer(walk, failed())
    assert isinstance(found, Send)
    assert found.deployment == LARGE


RETRYABLE = st.sampled_from([DOWN, UpstreamTimeout("slow", phase="stall"), StreamBroken("cut"), WRONG])
FAILURES = st.lists(st.tuples(RETRYABLE, st.floats(0, 700)), max_size=5)


@given(failures=FAILURES, attempts=st.integers(1, 5), fallbacks=st.booleans())
def test_every_walk_ends_within_its_bounds_and_never_repeats_an_attempt(
    failures: list[tuple[UpstreamError, float]], attempts: int, fallbacks: bool
) -> None:
    limits = Limits(max_attempts=attempts, allow_fallbacks=fallbacks, deadline=600.0)
    walk, seen, now = plan(limits), [], 0.0
    found: Command | Verdict = next(walk)
    for error, later in failures:
        if not isinstance(found, Send):
            break
        assert 0 < found.remaining <= 600.0
        seen.append(found)
        now += later
        found = answer(walk, failed(error, at=now))
    if isinstance(found, Send):
        seen.append(found)
        assert answer(walk, Ready(at=now)) == Commit(attempt_id=found.attempt_id)
        found = answer(walk, Ended(at=now, error=None))
    assert isinstance(found, Verdict)
    assert len(seen) <= min(attempts, 3) if fallbacks else len(seen) == 1
    assert len({send.attempt_id for send in seen}) == len(seen)
    assert len({send.deployment.id for send in seen}) == len(seen)
