from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gearshift.execution.retry_budget import FLOOR, RATIO, RetryBudget


def granted(budget: RetryBudget, wanted: int, now: float) -> int:
    return sum(budget.spend(now) for _ in range(wanted))


def test_a_quiet_gateway_may_retry_three_times_a_second() -> None:
    budget = RetryBudget()
    assert granted(budget, 10, 0.0) == FLOOR
    assert granted(budget, 10, 0.5) == 1
    assert granted(budget, 10, 100.0) == FLOOR


def test_requests_earn_retries() -> None:
    budget = RetryBudget()
    for _ in range(100):
        budget.earn(0.0)
    assert granted(budget, 100, 0.0) == FLOOR + RATIO * 100


def test_what_was_earned_fades() -> None:
    budget = RetryBudget()
    for _ in range(100):
        budget.earn(0.0)
    assert granted(budget, 100, 60.0) == FLOOR


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(0, 30), st.integers(0, 30)), max_size=40))
def test_retries_never_exceed_a_fifth_of_the_requests_and_three_a_second(steps: list[tuple[float, int, int]]) -> None:
    budget, now, requests, retries = RetryBudget(), 0.0, 0, 0
    for passed, asked, failed in steps:
        now += passed
        for _ in range(asked):
            budget.earn(now)
        requests += asked
        retries += granted(budget, failed, now)
        assert retries <= RATIO * requests + FLOOR * (now + 1) + 1e-6


def test_a_clock_that_goes_back_gives_nothing() -> None:
    budget = RetryBudget()
    assert granted(budget, 10, 100.0) == FLOOR
    assert granted(budget, 10, 0.0) == 0
