from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.routing.budget import ENOUGH, FIRST, Choices, options, pace, pacing, settled, window, worth
from gearshift.types.catalog import NANO_PER_USD
from gearshift.types.decision import Budget, Candidate, Pace
from gearshift.types.record import Spending
from tests.unit.routing.scene import deployment, estimate

DAY, MONTH = Budget(usd=10.0, per="day"), Budget(usd=300.0, per="month")
NOON = datetime(2026, 2, 28, 12, tzinfo=UTC).timestamp()
ASKED: list[Choices] = [((0.5, 0.001), (0.7, 0.010), (0.9, 0.100))] * 100


@pytest.mark.parametrize(
    ("budget", "now", "begin", "end"),
    [
        (DAY, (2026, 2, 28, 23, 59), (2026, 2, 28), (2026, 3, 1)),
        (DAY, (2026, 2, 28), (2026, 2, 28), (2026, 3, 1)),
        (MONTH, (2026, 2, 28, 12), (2026, 2, 1), (2026, 3, 1)),
        (MONTH, (2026, 12, 31, 23), (2026, 12, 1), (2027, 1, 1)),
        (MONTH, (2028, 2, 29), (2028, 2, 1), (2028, 3, 1)),
    ],
)
def test_a_window_is_a_day_or_a_month_of_utc(
    budget: Budget, now: tuple[int, int, int], begin: tuple[int, int, int], end: tuple[int, int, int]
) -> None:
    found = window(datetime(*now, tzinfo=UTC).timestamp(), budget)
    assert found == tuple(datetime(*each, tzinfo=UTC).timestamp() for each in (begin, end))


@pytest.mark.parametrize(
    ("allowance", "mean"), [(0.0005, 0.001), (0.001, 0.001), (0.05, 0.010), (0.1, 0.1), (5.0, 0.1)]
)
def test_the_worth_is_the_highest_that_the_allowance_bears(allowance: float, mean: float) -> None:
    usd = worth(ASKED, allowance)
    chosen = [min((cost - quality * usd, cost) for quality, cost in each)[1] for each in ASKED]
    assert sum(chosen) / len(chosen) == pytest.approx(mean)


@given(
    st.lists(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 10)), max_size=4).map(tuple), max_size=9),
    st.floats(0, 20),
)
def test_a_worth_is_never_more_than_the_allowance_bears(asked: list[Choices], allowance: float) -> None:
    usd = worth(asked, allowance)
    costs = [min((cost - quality * usd, cost) for quality, cost in each)[1] for each in asked if each]
    cheapest = [min(cost for _, cost in each) for each in asked if each]
    mean = sum(costs) / max(1, len(costs))
    assert mean <= allowance * (1 + 1e-9) + 1e-12 or mean == pytest.approx(sum(cheapest) / len(cheapest))


def test_what_is_left_is_shared_by_the_requests_to_come() -> None:
    """At noon 5 of 10 dollars are left for 12 hours of a request each 4.32 s, 10,000 of them: 0.0005 each."""
    spending = Spending(spent=5 * NANO_PER_USD, recent=139)
    assert pace(DAY, NOON, spending, ASKED).usd == 0.0
    rich = Spending(spent=0, recent=1)  # 72 requests to come: 0.139 each
    assert pace(DAY, NOON, rich, ASKED).usd == pytest.approx(100.0)


def test_a_spent_budget_is_worth_nothing_and_says_so() -> None:
    found = pace(DAY, NOON, Spending(spent=11 * NANO_PER_USD, recent=5), ASKED)
    assert found == Pace(usd=0.0, spent=11 * NANO_PER_USD)
    assert "the cheapest was taken; raise the budget, or wait for the next day" in pacing(DAY, found)


def test_until_enough_was_asked_the_pace_stays_as_it_was() -> None:
    few = ASKED[: ENOUGH - 1]
    assert pace(DAY, NOON, Spending(spent=7, recent=3), few) == Pace(usd=FIRST.usd, spent=7)
    assert pace(DAY, NOON, Spending(spent=7, recent=3), few, Pace(usd=0.5, spent=1)).usd == 0.5
    assert pace(DAY, NOON, Spending(spent=7, recent=0), ASKED, Pace(usd=0.5, spent=1)).usd == 0.5
    assert pace(DAY, NOON, Spending(recent=3), few, Pace(usd=0.0, spent=1)).usd == FIRST.usd  # a new window


def test_where_it_stands_is_told() -> None:
    told = pacing(MONTH, Pace(usd=0.03, spent=NANO_PER_USD, unknown=2))
    assert told.startswith("$1 of $300 a month are spent, and 2 exchanges cost what is not known; ")
    assert "a unit of quality is worth $0.03" in told


def test_only_options_of_known_cost_count() -> None:
    some = [
        Candidate(deployment=deployment("a"), estimate=estimate(0.5, 10**6)),
        Candidate(deployment=deployment("b"), estimate=estimate(0.9, None)),
        Candidate(deployment=deployment("c"), estimate=None),
    ]
    assert options(some) == ((0.5, 0.001),)


def test_what_is_said_of_time_goes_on() -> None:
    timed = Budget(usd=1.0, per="day", p95_first_token=2.0, latency_price=0.1)
    aim = settled(timed, Pace(usd=0.2, spent=0))
    assert (aim.usd, aim.p95_first_token, aim.latency_price) == (0.2, 2.0, 0.1)


@pytest.mark.parametrize("per", ["day", "month"])
def test_a_simulated_window_ends_within_its_budget_and_near_it(per: Literal["day", "month"]) -> None:
    """Hard and easy prompts come at a rate that changes from hour to hour; costs are twice as dear as forecast."""
    dice, budget = random.Random(0), Budget(usd=40.0, per=per)
    begin, end = window(NOON, budget)
    hours = round((end - begin) / 3600)
    spent, asked, at = 0, list[Choices](), FIRST
    for hour in range(hours):
        count = round(14_400 / hours * (0.5 + dice.random()))
        for step in range(6):
            now = begin + 3600 * hour + 600 * step
            at = pace(budget, now, Spending(spent=spent, recent=count // 6), asked[-200:], at)
            for _ in range(count // 6):
                hard = dice.random() < 0.3
                asked.append(((0.2 if hard else 0.8, 0.0005), (0.6 if hard else 0.85, 0.004), (0.9, 0.02)))
                spent += round(2 * NANO_PER_USD * min((c - q * at.usd, c) for q, c in asked[-1])[1])
    assert 0.85 * budget.usd <= spent / NANO_PER_USD <= 1.02 * budget.usd
