from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gearshift.execution.throttle import Throttle


def entered(throttle: Throttle, wanted: int = 100) -> int:
    return sum(throttle.enter("x") for _ in range(wanted))


def test_nobody_is_bounded_who_did_not_complain() -> None:
    assert entered(Throttle(), 1000) == 1000


def test_a_complaint_halves_what_is_under_way() -> None:
    throttle = Throttle()
    entered(throttle, 40)
    throttle.slow("x")
    assert not throttle.enter("x")
    for _ in range(21):
        throttle.leave("x")
    assert entered(throttle) == 1
    assert throttle.enter("y")


def test_successes_let_more_in_one_by_one_and_at_last_all() -> None:
    throttle = Throttle()
    entered(throttle, 8)
    throttle.slow("x")
    trace = []
    for _ in range(200):
        throttle.grow("x")
        before = entered(throttle)
        trace.append(before)
        for _ in range(before):
            throttle.leave("x")
    for _ in range(8):
        throttle.leave("x")
    assert trace == sorted(trace)
    assert entered(throttle, 1000) == 1000


@given(st.lists(st.sampled_from(["enter", "leave", "slow", "grow"]), max_size=200))
def test_somebody_is_always_let_in_when_nobody_is_under_way(steps: list[str]) -> None:
    throttle, inside = Throttle(), 0
    for step in steps:
        match step:
            case "enter":
                inside += throttle.enter("x")
            case "leave" if inside:
                throttle.leave("x")
                inside -= 1
            case "slow":
                throttle.slow("x")
            case _:
                throttle.grow("x")
    for _ in range(inside):
        throttle.leave("x")
    assert throttle.enter("x")


def test_what_many_complain_of_at_once_is_one_complaint() -> None:
    throttle = Throttle()
    entered(throttle, 40)
    for _ in range(40):
        throttle.slow("x")
        throttle.leave("x")
    assert entered(throttle) == 20
