"""Which limits a request touches, in which window, and what is said where one has no room."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gearshift import budgeting
from gearshift.budgeting import LENGTHS, Need, Place, hold, resets_in, since, touched, window
from gearshift.errors import BudgetSpent, RateLimited
from gearshift.types.budget import Limit, Period, Standing
from gearshift.types.ledger import Payer

BASE = Limit(id="lim", kind="all", scope="", unit="usd", amount=1_000_000_000, period="day")
PAYER = Payer(key="k", team="red", user_id="ada", router="auto", tags={"plan": "free"})
TIMES = st.floats(0, 4_000_000_000)
PERIODS: list[Period] = ["minute", "hour", "day", "week", "month"]


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("period", "begin", "end"),
    [
        ("minute", "2026-12-31T23:59", "2027-01-01T00:00"),
        ("hour", "2026-12-31T23:00", "2027-01-01T00:00"),
        ("day", "2026-12-31", "2027-01-01"),
        ("week", "2026-12-28", "2027-01-04"),
        ("month", "2026-12-01", "2027-01-01"),
    ],
)
def test_the_calendar_is_that_of_utc(period: Period, begin: str, end: str) -> None:
    assert window(period, at("2026-12-31T23:59:30")) == (at(begin), at(end))


def test_february_has_its_own_length() -> None:
    assert window("month", at("2028-02-29T12:00")) == (at("2028-02-01"), at("2028-03-01"))


@given(TIMES, st.sampled_from(PERIODS))
def test_a_window_holds_its_time_and_the_next_begins_at_its_end(now: float, period: Period) -> None:
    begin, end = window(period, now)
    assert begin <= now < end
    assert window(period, end)[0] == end
    assert window(period, begin) == (begin, end)


@given(TIMES, st.sampled_from(PERIODS), st.floats(0, 1))
def test_a_rolling_window_never_forgets_what_is_younger_than_it(now: float, period: Period, share: float) -> None:
    limit = replace(BASE, period=period, calendar=False)
    before = hold(limit, 1, now - share * LENGTHS[period] * 0.999)
    assert before.counter in hold(limit, 1, now).counters
    assert since(limit, now) <= now - LENGTHS[period]


@pytest.mark.parametrize(
    ("kind", "scope", "touches"),
    [
        ("all", "", True),
        ("key", "k", True),
        ("key", "other", False),
        ("team", "red", True),
        ("user", "ada", True),
        ("router", "auto", True),
        ("tag", "plan=free", True),
        ("tag", "plan=paid", False),
        ("tag", "seat=free", False),
    ],
)
def test_money_is_counted_for_each_call_of_whom_it_is_for(kind: str, scope: str, touches: bool) -> None:
    limit = replace(BASE, kind=kind, scope=scope)
    assert (touched([limit], Place(payer=PAYER, model="m", provider="p")) == [limit]) is touches
    assert touched([limit], Place(payer=PAYER)) == []


def test_requests_are_counted_once_and_those_of_a_model_for_each_call() -> None:
    whole, of_model = replace(BASE, unit="requests"), replace(BASE, unit="requests", kind="model", scope="m")
    assert touched([whole, of_model], Place(payer=PAYER)) == [whole]
    assert touched([whole, of_model], Place(payer=PAYER, model="m", provider="p")) == [of_model]
    assert touched([whole, of_model], Place(payer=PAYER, model="n", provider="p")) == []


def test_strict_holds_the_most_and_elastic_what_is_expected() -> None:
    need = Need(requests=1, usd=100, usd_expected=10, input_tokens=7, output_tokens=None, output_expected=5)
    assert need.of(replace(BASE, mode="strict")) == 100
    assert need.of(BASE) == 10
    assert need.of(replace(BASE, unit="output_tokens", mode="strict")) is None
    assert need.of(replace(BASE, unit="output_tokens")) == 5
    assert need.of(replace(BASE, unit="input_tokens")) == 7
    assert need.of(replace(BASE, unit="concurrent", period=None)) == 1
    assert replace(need, usd_expected=None).of(BASE) == 100


def test_a_refusal_says_what_whose_where_and_when() -> None:
    now = at("2026-11-27T23:59:00")
    standing = Standing(budget="lim", used=900_000_000, held=50_000_000, limit=BASE.amount)
    limit = replace(BASE, kind="team", scope="red")
    told = budgeting.refusal(limit, standing, 60_000_000, now)
    assert isinstance(told, BudgetSpent)
    assert (told.status, told.retry_after) == (402, 60.0)
    for part in ("limit lim of team red", "$1 a day", "$0.9 used", "$0.05 held", "$0.06 needed", "in 60 s"):
        assert part in told.message
    busy = budgeting.refusal(replace(BASE, unit="concurrent", period=None, amount=5), replace(standing, used=0), 1, now)
    assert isinstance(busy, RateLimited)
    assert (busy.status, busy.retry_after) == (429, 1.0)
    assert "5 requests at a time" in busy.message


def test_a_strict_limit_refuses_what_has_no_bound() -> None:
    assert budgeting.unbounded(BASE).status == 402


def test_headers_are_of_the_limit_with_the_least_left() -> None:
    wide, narrow = replace(BASE, id="w", unit="requests", amount=100), replace(BASE, id="n", unit="requests", amount=10)
    standings = [
        Standing(budget="w", used=99, held=0, limit=100),
        Standing(budget="n", used=3, held=2, limit=10),
    ]
    told = dict(budgeting.headers([wide, narrow], standings, at("2026-11-27T23:59:00")))
    assert told == {
        b"x-ratelimit-limit-requests": b"100",
        b"x-ratelimit-remaining-requests": b"1",
        b"x-ratelimit-reset-requests": b"60s",
    }
    assert resets_in(replace(BASE, period=None), 0.0) is None
