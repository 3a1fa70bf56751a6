"""Read as conversations: the plan asks, the driver answers."""

from __future__ import annotations

from collections.abc import Generator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.errors import (
    DeadlineExceeded,
    Kind,
    NoHealthyDeployment,
    StreamBroken,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gearshift.execution.bounds import Limits
from gearshift.execution.commands import (
    Command,
    Commit,
    Ended,
    Failed,
    Judge,
    Judged,
    Ready,
    Send,
    Signal,
    Sleep,
    Slept,
    Verdict,
)
from gearshift.execution.guards import Guards
from gearshift.execution.health import IN_A_ROW, REST, Health, Pass
from gearshift.execution.machine import execute
from gearshift.execution.retry_budget import RetryBudget
from gearshift.types.catalog import Deployment, Quirks
from gearshift.types.decision import ByAgreement, Step
from tests.fakes.nouns import decision, deployment, provider

SMALL, MIDDLE, LARGE = deployment("small"), deployment("middle"), deployment("large")
DOWN = UpstreamUnreachable("down")
WRONG = UpstreamRefused("bad request", upstream_status=400)
BEGAN = 1000.0

Plan = Generator[Command, Signal, Verdict]


class Half:
    """Be dice that always show the middle."""

    def random(self) -> float:
        return 0.5


def guards(health: Health | None = None) -> Guards:
    return Guards(health or Health(), RetryBudget(), Half())


def plan(limits: Limits | None = None, *deployments: Deployment, health: Health | None = None) -> Plan:
    chosen = decision(*(deployments or (SMALL, MIDDLE, LARGE)))
    return execute(chosen, "x", limits or Limits(), guards(health), BEGAN)


def refused(kind: Kind, status: int = 500, wait: float | None = None) -> UpstreamRefused:
    return UpstreamRefused("no", upstream_status=status, kind=kind, retry_after=wait)


def resting(*deployments: Deployment) -> Health:
    """Give the health of an outage that began with the exchange."""
    health = Health()
    for each in deployments:
        for _ in range(IN_A_ROW):
            health.ended(Pass(), each, DOWN, BEGAN)
    return health


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


@pytest.mark.parametrize("status", [403, 404, 429, 500, 502, 503])
def test_the_upstream_s_fault_is(status: int) -> None:
    walk = plan()
    next(walk)
    found = answer(walk, failed(UpstreamRefused("no", upstream_status=status)))
    assert isinstance(found, Send)
    assert found.deployment == MIDDLE


@pytest.mark.parametrize("status", [401, 402])
def test_an_account_that_is_refused_is_not_tried_with_another_model(status: int) -> None:
    elsewhere = deployment("small", provider("else"))
    walk = plan(None, SMALL, MIDDLE, elsewhere)
    next(walk)
    found = answer(walk, failed(UpstreamRefused("no", upstream_status=status)))
    assert isinstance(found, Send)
    assert found.deployment == elsewhere


def test_no_more_than_max_attempts() -> None:
    walk = plan(Limits(max_attempts=2))
    next(walk)
    assert isinstance(answer(walk, failed()), Send)
    assert answer(walk, failed()) == Verdict(committed=False, error=DOWN)


def test_no_fallback_when_the_caller_forbids_it() -> None:
    walk = plan(Limits(allow_fallbacks=False, retries=0))
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
    walk = execute(msgspec.structs.replace(whole, plan=steps), "x", Limits(max_attempts=2), guards(), BEGAN)
    next(walk)
    found = answer(walk, failed())
    assert isinstance(found, Send)
    assert found.deployment == LARGE


def sent_to(found: Command | Verdict) -> str:
    assert isinstance(found, Send), found
    return found.deployment.model


def test_a_target_that_fails_is_tried_once_more_after_a_while() -> None:
    walk = plan(None, SMALL, MIDDLE)
    next(walk)
    assert answer(walk, failed(refused("server"))) == Sleep(seconds=0.125)
    again = answer(walk, Slept(at=1.125))
    assert again == Send(attempt_id="x-2", deployment=SMALL, remaining=598.875)
    assert sent_to(answer(walk, failed(refused("server"), at=2.0))) == "middle"


def test_a_wait_that_is_asked_for_is_kept_to() -> None:
    walk = plan(None, SMALL, MIDDLE)
    next(walk)
    assert answer(walk, failed(refused("rate_limited", 429, 2.0))) == Sleep(seconds=2.1)
    assert sent_to(answer(walk, Slept(at=3.1))) == "small"


def test_a_wait_beyond_the_deadline_is_not() -> None:
    walk = plan(Limits(deadline=2.0), SMALL, MIDDLE)
    next(walk)
    assert sent_to(answer(walk, failed(refused("rate_limited", 429, 2.0)))) == "middle"


def test_what_surely_never_arrived_is_sent_again_at_once() -> None:
    walk = plan(None, SMALL, MIDDLE)
    next(walk)
    assert sent_to(answer(walk, failed(DOWN))) == "small"
    assert sent_to(answer(walk, failed(DOWN))) == "middle"


def test_a_silent_target_is_never_asked_twice() -> None:
    walk = plan(None, SMALL, MIDDLE)
    next(walk)
    assert sent_to(answer(walk, failed(UpstreamTimeout("silent", phase="first_token")))) == "middle"


def test_a_retry_takes_nobody_s_place() -> None:
    walk = plan()
    next(walk)
    assert sent_to(answer(walk, failed(refused("server")))) == "middle"
    assert sent_to(answer(walk, failed(refused("server")))) == "large"
    assert isinstance(answer(walk, failed(refused("server"))), Verdict)


def test_when_retries_are_spent_it_is_tried_elsewhere() -> None:
    spent = guards()
    while spent.retries.spend(BEGAN + 1.0):
        pass
    walk = execute(decision(SMALL, MIDDLE), "x", Limits(), spent, BEGAN)
    next(walk)
    assert sent_to(answer(walk, failed(refused("server"), at=0.9))) == "middle"


def test_a_target_that_others_found_broken_meanwhile_is_left_alone() -> None:
    health = Health()
    walk = plan(None, SMALL, MIDDLE, health=health)
    next(walk)
    assert isinstance(answer(walk, failed(refused("server"))), Sleep)
    for _ in range(IN_A_ROW):
        health.ended(Pass(), SMALL, DOWN, BEGAN + 1.0)
    assert sent_to(answer(walk, Slept(at=1.1))) == "middle"


def test_what_is_too_large_for_our_tier_goes_anywhere_else() -> None:
    walk = plan(None, deployment("first", context_window=1000), deployment("smaller", context_window=500))
    next(walk)
    assert sent_to(answer(walk, failed(refused("too_large", 413)))) == "smaller"


def test_the_deadline_counts_from_the_request_s_arrival() -> None:
    walk = plan(Limits(deadline=10.0, spent=4.0))
    assert next(walk) == Send(attempt_id="x-1", deployment=SMALL, remaining=6.0)


def test_nobody_is_asked_once_the_deadline_has_passed() -> None:
    with pytest.raises(StopIteration) as stop:
        next(plan(Limits(deadline=10.0, spent=10.0)))
    assert isinstance(stop.value.value.error, DeadlineExceeded)
    assert "before anybody was asked" in stop.value.value.error.message


def test_too_long_a_prompt_goes_only_where_more_fits() -> None:
    equal, larger = deployment("equal", context_window=1000), deployment("larger", context_window=2000)
    walk = plan(None, deployment("first", context_window=1000), SMALL, equal, larger)
    next(walk)
    assert sent_to(answer(walk, failed(refused("context_overflow", 400)))) == "larger"


def test_too_long_a_prompt_for_all_is_the_caller_s_to_know() -> None:
    walk = plan(None, deployment("first", context_window=1000), deployment("equal", context_window=1000))
    next(walk)
    long = refused("context_overflow", 400)
    assert answer(walk, failed(long)) == Verdict(committed=False, error=long)


def test_a_candidate_that_rests_is_passed_over() -> None:
    walk = plan(None, SMALL, MIDDLE, health=resting(SMALL))
    assert sent_to(next(walk)) == "middle"


def test_without_a_breaker_everybody_is_asked() -> None:
    health = resting(SMALL, MIDDLE)
    walk = plan(Limits(circuit_breaker=False, retries=0), SMALL, MIDDLE, health=health)
    assert sent_to(next(walk)) == "small"
    assert sent_to(answer(walk, failed(refused("server")))) == "middle"


def test_when_all_rest_the_first_to_return_is_waited_for() -> None:
    health = resting(SMALL, MIDDLE)
    walk = plan(None, SMALL, MIDDLE, health=health)
    assert next(walk) == Sleep(seconds=REST)
    assert sent_to(answer(walk, Slept(at=REST))) == "small"
    assert isinstance(answer(walk, Ready(at=REST + 1)), Commit)
    assert isinstance(health.admit(SMALL, BEGAN + REST + 1), Pass)


def test_when_the_wait_is_too_long_it_is_said_how_long() -> None:
    walk = plan(Limits(deadline=3.0), SMALL, MIDDLE, health=resting(SMALL, MIDDLE))
    with pytest.raises(StopIteration) as stop:
        next(walk)
    error = stop.value.value.error
    assert isinstance(error, NoHealthyDeployment)
    assert error.retry_after == REST
    assert SMALL.id in error.message


def test_only_one_of_those_who_waited_is_the_probe() -> None:
    health = resting(SMALL)
    first, second = plan(None, SMALL, health=health), plan(None, SMALL, health=health)
    assert isinstance(next(first), Sleep)
    assert isinstance(next(second), Sleep)
    assert sent_to(answer(first, Slept(at=REST))) == "small"
    verdict = answer(second, Slept(at=REST))
    assert isinstance(verdict, Verdict)
    assert isinstance(verdict.error, NoHealthyDeployment)


def test_a_caller_who_leaves_during_a_probe_leaves_the_next_one_free_to_try() -> None:
    health = resting(SMALL)
    walk = plan(None, SMALL, health=health)
    next(walk)
    answer(walk, Slept(at=REST))
    walk.close()
    assert health.admit(SMALL, BEGAN + REST) == Pass((SMALL.id,), SMALL.id)


BY = ByAgreement(samples=3, min_agreement=0.6)


def cascade(limits: Limits | None = None) -> Plan:
    whole = decision(SMALL, LARGE)
    first, last = ((candidate,) for candidate in whole.plan[0].candidates)
    steps = (Step(candidates=first, accept=BY), Step(candidates=last))
    return execute(msgspec.structs.replace(whole, plan=steps), "x", limits or Limits(retries=0), guards(), BEGAN)


def test_an_answer_is_judged_before_it_is_given() -> None:
    walk = cascade()
    assert next(walk) == Send(attempt_id="x-1", deployment=SMALL, remaining=600.0, buffered=True)
    asked = answer(walk, Ready(at=1.0))
    assert asked == Judge(attempt_id="x-1", accept=BY, number=2, at=1.0, remaining=599.0)
    assert answer(walk, Judged(at=2.0, accepted=True, made=2)) == Commit(attempt_id="x-1")


def test_one_that_was_turned_down_leads_to_the_next_step() -> None:
    walk = cascade()
    next(walk)
    answer(walk, Ready(at=1.0))
    sent = answer(walk, Judged(at=2.0, accepted=False, made=2))
    assert sent == Send(attempt_id="x-4", deployment=LARGE, remaining=598.0)
    assert answer(walk, Ready(at=3.0)) == Commit(attempt_id="x-4")


@pytest.mark.parametrize("error", [refused("server"), refused("rejected", 400), UpstreamTimeout("late", phase="total")])
def test_what_was_turned_down_is_given_where_there_is_nothing_else(error: UpstreamError) -> None:
    walk = cascade()
    next(walk)
    answer(walk, Ready(at=1.0))
    answer(walk, Judged(at=2.0, accepted=False, made=2))
    assert answer(walk, failed(error, at=3.0)) == Commit(attempt_id="x-1")
    assert answer(walk, Ended(at=4.0, error=None)) == Verdict(committed=True, error=None)


def test_what_was_turned_down_is_given_where_no_attempt_is_left_for_the_next_step() -> None:
    first, second, last = (deployment(name) for name in ("first", "second", "last"))
    whole = decision(first, second, last)
    one, two, three = whole.plan[0].candidates
    steps = (Step(candidates=(one, two), accept=BY), Step(candidates=(three,)))
    walk = execute(msgspec.structs.replace(whole, plan=steps), "x", Limits(), guards(), BEGAN)
    assert sent_to(next(walk)) == "first"
    assert sent_to(answer(walk, failed(refused("server")))) == "second"  # nobody is retried in a later step's place
    answer(walk, Ready(at=2.0))
    assert sent_to(answer(walk, Judged(at=3.0, accepted=False, made=1))) == "last"
    assert answer(walk, failed(refused("context_overflow", 400), at=4.0)) == Commit(attempt_id="x-2")


def test_a_first_step_leaves_attempts_for_the_last() -> None:
    cheap = [deployment(name) for name in ("a", "b", "c")]
    whole = decision(*cheap, LARGE)
    candidates = whole.plan[0].candidates
    steps = (Step(candidates=candidates[:3], accept=BY), Step(candidates=candidates[3:]))
    walk = execute(msgspec.structs.replace(whole, plan=steps), "x", Limits(), guards(), BEGAN)
    asked = [sent_to(next(walk))]
    asked += [sent_to(answer(walk, failed(refused("server")))) for _ in range(2)]
    assert asked == ["a", "b", "large"]


def test_a_step_with_one_attempt_gives_back_its_pass() -> None:
    health = Health()
    whole = decision(SMALL, LARGE)
    first, last = ((candidate,) for candidate in whole.plan[0].candidates)
    steps = (Step(candidates=first, accept=BY), Step(candidates=last))
    walk = execute(msgspec.structs.replace(whole, plan=steps), "x", Limits(max_attempts=1), guards(health), BEGAN)
    next(walk)
    assert sent_to(answer(walk, failed(refused("server")))) == "large"
    health.ended(Pass(), SMALL, refused("slow_down", 429), BEGAN)
    assert isinstance(health.admit(SMALL, BEGAN), Pass)  # nobody else is under way


def test_what_a_provider_filters_is_not_gone_on_with() -> None:
    walk = plan(None, SMALL, MIDDLE)
    next(walk)
    answer(walk, Ready(at=1.0))
    filtered = StreamBroken("no", kind="content_filter")
    verdict = answer(walk, Ended(at=2.0, error=filtered, resumable=True))
    assert verdict == Verdict(committed=True, error=filtered)


def test_those_who_wait_behind_a_probe_wait_on_while_there_is_time() -> None:
    health = resting(SMALL)
    first, second = plan(None, SMALL, health=health), plan(None, SMALL, health=health)
    next(first)
    next(second)
    assert sent_to(answer(first, Slept(at=REST))) == "small"
    # it is the probe, and the other one may wait no longer than five seconds in all
    assert isinstance(answer(second, Slept(at=REST)), Verdict)


def test_there_is_an_attempt_for_every_step() -> None:
    walk = cascade(Limits(max_attempts=1))
    next(walk)
    answer(walk, Ready(at=1.0))
    assert sent_to(answer(walk, Judged(at=2.0, accepted=False, made=0))) == "large"


RETRYABLE = st.sampled_from(
    [DOWN, UpstreamTimeout("slow", phase="stall"), StreamBroken("cut"), WRONG, refused("rate_limited", 429, 1.0)]
)
FAILURES = st.lists(st.tuples(RETRYABLE, st.floats(0, 700)), max_size=8)


@given(failures=FAILURES, attempts=st.integers(1, 5), fallbacks=st.booleans(), retries=st.integers(0, 3))
def test_every_walk_ends_within_its_bounds_and_never_repeats_an_attempt(
    failures: list[tuple[UpstreamError, float]], attempts: int, fallbacks: bool, retries: int
) -> None:
    limits = Limits(max_attempts=attempts, allow_fallbacks=fallbacks, retries=retries, deadline=600.0)
    walk, seen, now = plan(limits), [], 0.0
    found: Command | Verdict = next(walk)
    for error, later in failures:
        if isinstance(found, Sleep):
            now += found.seconds
            assert now < limits.deadline
            found = answer(walk, Slept(at=now))
        if not isinstance(found, Send):
            break
        assert 0 < found.remaining <= 600.0
        seen.append(found)
        now += later
        found = answer(walk, failed(error, at=now))
    if isinstance(found, Sleep):
        now += found.seconds
        found = answer(walk, Slept(at=now))
    if isinstance(found, Send):
        seen.append(found)
        assert answer(walk, Ready(at=now)) == Commit(attempt_id=found.attempt_id)
        found = answer(walk, Ended(at=now, error=None))
    assert isinstance(found, Verdict)
    tried = [send.deployment.id for send in seen]
    assert 1 <= len(seen) <= attempts
    assert (
        len(set(tried)) == 1
        if not fallbacks
        else tried == sorted(tried, key=["lab/small", "lab/middle", "lab/large"].index)
    )
    assert all(tried.count(each) <= retries + 1 for each in tried)
    assert len({send.attempt_id for send in seen}) == len(seen)


BEGUN = deployment("begun", provider("begun", quirks=Quirks(prefill="prefix")))
CUT = Ended(at=2.0, error=StreamBroken("cut"), resumable=True)


def broken(walk: Plan) -> Command | Verdict:
    """Let the first candidate answer and break off; give what follows."""
    next(walk)
    assert isinstance(answer(walk, Ready(at=1.0)), Commit)
    return answer(walk, CUT)


def test_who_takes_a_beginning_is_asked_first_to_go_on_with_one() -> None:
    walk = plan(None, SMALL, LARGE, BEGUN)
    resume = broken(walk)
    assert isinstance(resume, Send)
    assert (resume.deployment, resume.purpose, resume.prefill) == (BEGUN, "resume", True)
    assert answer(walk, Ready(at=3.0)) == Commit(attempt_id="x-2")
    assert answer(walk, Ended(at=4.0, error=None)) == Verdict(committed=True, error=None)


def test_who_takes_none_is_not_given_one() -> None:
    resume = broken(plan(None, SMALL, LARGE))
    assert isinstance(resume, Send)
    assert (resume.deployment, resume.prefill) == (LARGE, False)


def test_who_refuses_the_beginning_is_asked_once_to_say_all_again() -> None:
    walk = plan(None, SMALL, BEGUN)
    broken(walk)
    again = answer(walk, Failed(at=3.0, error=WRONG))
    assert isinstance(again, Send)
    assert (again.attempt_id, again.deployment, again.prefill) == ("x-3", BEGUN, False)
    assert answer(walk, Failed(at=4.0, error=WRONG)) == Verdict(committed=True, error=CUT.error)


@pytest.mark.parametrize(
    ("limits", "error"),
    [(Limits(max_attempts=2), WRONG), (Limits(deadline=3.0), WRONG), (Limits(), refused("server"))],
)
def test_what_does_not_come_of_the_beginning_or_has_no_time_left_is_the_end(
    limits: Limits, error: UpstreamError
) -> None:
    walk = plan(limits, SMALL, BEGUN)
    broken(walk)
    assert answer(walk, Failed(at=3.0, error=error)) == Verdict(committed=True, error=CUT.error)
