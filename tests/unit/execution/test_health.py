from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from gearshift.execution.health import (
    ACCOUNT_REST,
    BREATH,
    IN_A_ROW,
    PROBE_PATIENCE,
    REST,
    SAMPLES,
    SPENT_REST,
    WINDOW,
    Cooling,
    Health,
    Pass,
)
from gearshift.types.catalog import Deployment
from tests.fakes.nouns import deployment, provider

LAB = provider("lab")
SMALL, OTHER = deployment("small", LAB), deployment("other", LAB)
DOWN = UpstreamUnreachable("down", sent=True)


def refused(kind: Kind, status: int, wait: float | None = None) -> UpstreamRefused:
    return UpstreamRefused("no", upstream_status=status, kind=kind, retry_after=wait)


def free(of: Deployment, *probes: str) -> Pass:
    return Pass(probes, of.id)


def admitted(health: Health, now: float) -> Pass:
    answer = health.admit(SMALL, now)
    assert isinstance(answer, Pass)
    return answer


def fail(health: Health, now: float, error: UpstreamError = DOWN, times: int = 1) -> None:
    for _ in range(times):
        health.ended(admitted(health, now), SMALL, error, now)


def broken(now: float = 0.0) -> Health:
    health = Health()
    fail(health, now, times=IN_A_ROW)
    return health


@pytest.mark.parametrize(
    "error",
    [
        DOWN,
        UpstreamTimeout("silent", phase="first_token"),
        UpstreamInvalid("html"),
        StreamBroken("cut"),
        refused("server", 500),
        refused("overloaded", 529),
        refused("rate_limited", 429),
        refused("not_found", 404),
    ],
)
def test_five_failures_in_a_row_open_the_circuit_of_the_deployment_alone(error: UpstreamError) -> None:
    health = Health()
    fail(health, 0.0, error, IN_A_ROW - 1)
    assert health.admit(SMALL, 0.0) == free(SMALL)
    fail(health, 0.0, error)
    assert health.admit(SMALL, 0.1) == Cooling(REST, error.code)
    assert health.admit(OTHER, 0.1) == free(OTHER)


@pytest.mark.parametrize(
    "error",
    [
        refused("rejected", 400),
        refused("content_filter", 400),
        refused("context_overflow", 400),
        refused("too_large", 413),
        StreamBroken("filtered", kind="content_filter"),
        CannotCarry(InvalidRequest("no")),
    ],
)
def test_what_is_the_caller_s_fault_opens_nothing(error: UpstreamError) -> None:
    health = Health()
    fail(health, 0.0, error, 100)
    assert health.admit(SMALL, 0.0) == free(SMALL)
    assert health.known([SMALL], 0.0) == {}


def test_a_success_between_failures_keeps_it_closed_while_they_are_few() -> None:
    health = Health()
    for _ in range(3):
        fail(health, 0.0, times=IN_A_ROW - 1)
        health.ended(admitted(health, 0.0), SMALL, None, 0.0)
    assert health.admit(SMALL, 0.0) == free(SMALL)


def test_a_rate_of_one_half_opens_it() -> None:
    health = Health()
    for turn in range(SAMPLES // 2):
        fail(health, 0.0)
        if turn < SAMPLES // 2 - 1:
            health.ended(admitted(health, 0.0), SMALL, None, 0.0)
    health.ended(admitted(health, 0.0), SMALL, None, 0.0)
    fail(health, 0.0)
    assert isinstance(health.admit(SMALL, 0.0), Cooling)


def test_old_failures_are_forgotten() -> None:
    health = Health()
    for turn in range(SAMPLES):
        fail(health, float(turn % 2))
        health.ended(admitted(health, 0.0), SMALL, None, 0.0)
        if turn == 8:
            break
    assert health.known([SMALL], 1.0)[SMALL.id].error_rate == 0.5
    for turn in range(3):
        health.ended(admitted(health, 0.0), SMALL, None, (2 + turn) * WINDOW)
    assert health.known([SMALL], 4 * WINDOW) == {}


def test_a_probe_closes_it() -> None:
    health = broken()
    probe = admitted(health, REST)
    assert probe == free(SMALL, SMALL.id)
    assert isinstance(health.admit(SMALL, REST), Cooling)  # one at a time
    health.ended(probe, SMALL, None, REST + 1)
    assert health.admit(SMALL, REST + 1) == free(SMALL)
    assert health.known([SMALL], REST + 1) == {}


def test_a_probe_that_fails_opens_it_again() -> None:
    health = broken()
    health.ended(admitted(health, REST), SMALL, DOWN, REST + 1)
    assert health.admit(SMALL, REST + 1.1) == Cooling(2 * REST + 1, DOWN.code)


@pytest.mark.parametrize("tells", [False, True])
def test_a_probe_that_tells_nothing_lets_the_next_one_try(tells: bool) -> None:
    health = broken()
    probe = admitted(health, REST)
    if tells:
        health.ended(probe, SMALL, refused("rejected", 400), REST + 1)
    else:
        health.void(probe)
    assert health.admit(SMALL, REST + 1) == free(SMALL, SMALL.id)


def test_a_probe_that_never_ends_keeps_nobody_waiting_for_ever() -> None:
    health = broken()
    admitted(health, REST)
    assert isinstance(health.admit(SMALL, REST + PROBE_PATIENCE - 1), Cooling)
    assert health.admit(SMALL, REST + PROBE_PATIENCE) == free(SMALL, SMALL.id)


def test_attempts_from_before_it_opened_do_not_move_it() -> None:
    health = Health()
    early = [admitted(health, 0.0) for _ in range(3)]
    fail(health, 0.0, times=IN_A_ROW)
    health.ended(early[0], SMALL, None, 1.0)
    health.ended(early[1], SMALL, DOWN, REST - 0.1)
    assert health.admit(SMALL, 2.0) == Cooling(REST, DOWN.code)
    probe = admitted(health, REST)
    health.ended(early[2], SMALL, DOWN, REST + 1)
    health.ended(probe, SMALL, None, REST + 2)
    assert health.admit(SMALL, REST + 2) == free(SMALL)


def test_an_upstream_that_asks_for_a_while_is_left_alone_for_the_longest_it_asked() -> None:
    health = Health()
    passes = [admitted(health, 0.0) for _ in range(8)]
    for number, each in enumerate(passes):
        health.ended(each, SMALL, refused("rate_limited", 429, 8.0 - number), 0.0)
    assert health.admit(SMALL, 7.9) == Cooling(8.0, "upstream_rate_limited")
    assert health.known([SMALL], 4.0)[SMALL.id].healthy is False
    assert health.admit(SMALL, 8.0) == free(SMALL)  # nothing was broken: no probe is needed
    assert health.admit(SMALL, 8.0) == free(SMALL)


@pytest.mark.parametrize(
    ("error", "rest"),
    [
        (refused("quota", 429), SPENT_REST),
        (refused("quota", 402), SPENT_REST),
        (refused("auth", 401), ACCOUNT_REST),
        (Unproven("no token"), REST),
    ],
)
def test_the_account_s_trouble_is_that_of_all_its_models(error: UpstreamError, rest: float) -> None:
    health = Health()
    fail(health, 0.0, error)
    assert health.admit(OTHER, 1.0) == Cooling(rest, error.code)
    assert not health.known([SMALL, OTHER], 1.0)[OTHER.id].healthy
    elsewhere = deployment("small", provider("else"))
    assert health.admit(elsewhere, 1.0) == free(elsewhere)
    probe = health.admit(OTHER, rest)
    assert probe == free(OTHER, LAB.id)
    health.ended(probe, OTHER, None, rest)
    assert health.admit(SMALL, rest) == free(SMALL)


def test_a_model_that_our_account_may_not_use_is_that_model_s_trouble() -> None:
    health = Health()
    fail(health, 0.0, refused("auth", 403))
    assert isinstance(health.admit(SMALL, 1.0), Cooling)
    assert health.admit(OTHER, 1.0) == free(OTHER)


def test_accounts_are_pardoned_when_the_config_has_changed() -> None:
    health = broken()
    health.ended(Pass(), SMALL, refused("auth", 401), 0.0)
    health.pardon()
    assert health.admit(OTHER, 1.0) == free(OTHER)
    assert isinstance(health.admit(SMALL, 1.0), Cooling)


def test_changes_are_told() -> None:
    told: list[tuple[str, str, str]] = []
    health = Health(lambda scope, state, why: told.append((scope, state, why)))
    fail(health, 0.0, times=IN_A_ROW)
    health.ended(admitted(health, REST), SMALL, None, REST)
    assert told == [(SMALL.id, state, DOWN.code) for state in ("open", "half_open", "closed")]


ENDS = st.sampled_from([None, DOWN, refused("rejected", 400), refused("rate_limited", 429, 1.0)])


@given(st.lists(st.tuples(st.floats(0, 3), ENDS), max_size=60))
def test_in_an_outage_there_is_one_probe_in_five_seconds_and_whoever_recovers_is_seen(
    steps: list[tuple[float, UpstreamError | None]],
) -> None:
    health, now = Health(), 0.0
    for passed, error in steps:
        now += passed
        answer = health.admit(SMALL, now)
        if isinstance(answer, Pass):
            health.ended(answer, SMALL, error, now)
    probes = []
    for _ in range(400):
        now += 0.1
        answer = health.admit(SMALL, now)
        if isinstance(answer, Pass):
            health.ended(answer, SMALL, DOWN, now)
            probes.append(now)
    opened = probes[IN_A_ROW + SAMPLES :] or probes[-2:]
    assert all(later - earlier >= REST - 1e-6 for earlier, later in pairwise(opened))
    answers = []
    for _ in range(101):
        now += 0.1
        answer = health.admit(SMALL, now)
        answers.append(isinstance(answer, Pass))
        if isinstance(answer, Pass):
            health.ended(answer, SMALL, None, now)
    assert any(answers)
    assert answers[-1]


def test_an_upstream_whose_calls_grew_too_fast_gets_fewer_at_once() -> None:
    health = Health()
    passes = [admitted(health, 0.0) for _ in range(10)]
    health.ended(passes[0], SMALL, refused("slow_down", 429), 0.0)
    assert health.admit(SMALL, 0.0) == Cooling(BREATH, "upstream_rate_limited")
    for each in passes[1:]:
        health.void(each)
    assert sum(isinstance(health.admit(SMALL, 0.0), Pass) for _ in range(20)) == 5


def test_a_stale_token_is_no_trouble_of_the_account() -> None:
    health, stale = Health(), refused("auth", 401)
    stale.renewable = True
    fail(health, 0.0, stale)
    assert health.admit(OTHER, 0.0) == free(OTHER)
    assert health.admit(SMALL, 0.0) == free(SMALL)


def test_a_spent_quota_of_one_model_rests_that_model_and_no_other() -> None:
    health = Health()
    fail(health, 0.0, refused("model_quota", 429, 30.0))
    assert health.admit(SMALL, SPENT_REST - 1.0) == Cooling(SPENT_REST, "upstream_auth")
    assert health.admit(OTHER, 0.0) == free(OTHER)
