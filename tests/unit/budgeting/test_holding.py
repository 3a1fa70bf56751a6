"""Which budgets are touched, when their windows begin, and how much is held."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift import budgeting
from gearshift.budgeting import Budgets
from gearshift.budgeting.holding import SLICES
from gearshift.types.budget import EACH, Amounts, Budget, Facts, Kind, Scope, Shape, Span, Unit, Window
from gearshift.types.catalog import NANO_PER_USD, Price, Rates, Tier
from gearshift.types.ledger import Payer
from tests.fakes.nouns import deployment

SPANS: tuple[Span, ...] = ("minute", "hour", "day", "week", "month")
times = st.floats(0, 4_000_000_000)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def budget(kind: Kind, value: str = "", unit: Unit = "usd", name: str = "b") -> Budget:
    return Budget(id=name, scope=Scope(kind, value), unit=unit, limit=100, window=Window("day"))


@pytest.mark.parametrize(
    ("span", "begin", "ends"),
    [
        ("minute", "2028-02-29T13:45:00", "2028-02-29T13:46:00"),
        ("hour", "2028-02-29T13:00:00", "2028-02-29T14:00:00"),
        ("day", "2028-02-29T00:00:00", "2028-03-01T00:00:00"),
        ("week", "2028-02-28T00:00:00", "2028-03-06T00:00:00"),
        ("month", "2028-02-01T00:00:00", "2028-03-01T00:00:00"),
    ],
)
def test_calendar_windows_are_those_of_utc(span: Span, begin: str, ends: str) -> None:
    assert budgeting.bucket(Window(span), at("2028-02-29T13:45:59.5")) == (at(begin), at(ends), 0)


def test_december_ends_with_the_year() -> None:
    assert budgeting.bucket(Window("month"), at("2026-12-31T23:59:59"))[1] == at("2027-01-01T00:00:00")


@given(now=times, span=st.sampled_from(SPANS), shape=st.sampled_from(["calendar", "rolling"]))
def test_now_is_in_its_bucket_and_buckets_follow_one_another(now: float, span: Span, shape: Shape) -> None:
    begin, ends, back = budgeting.bucket(Window(span, shape), now)
    assert begin <= now < ends
    assert budgeting.bucket(Window(span, shape), ends) == (ends, budgeting.bucket(Window(span, shape), ends)[1], back)


@given(now=times, span=st.sampled_from(SPANS))
def test_a_rolling_window_is_never_shorter_than_it_says(now: float, span: Span) -> None:
    length = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "month": 2_592_000}[span]
    begin, ends, back = budgeting.bucket(Window(span, "rolling"), now)
    assert back == SLICES
    assert begin - back * (ends - begin) <= now - length


def test_what_has_no_window_has_one_bucket() -> None:
    assert budgeting.bucket(None, 5.0) == (0, budgeting.FOREVER, 0)


def test_budgets_are_found_by_whom_a_call_is_of() -> None:
    facts = Facts(key="k", team="t", user_id="u", router="r", model="m", provider="p", tags=("a=1", "b=2"))
    matching = [
        budget("key", "k", name="1"),
        budget("team", "t", name="2"),
        budget("user", "u", name="3"),
        budget("router", "r", name="4"),
        budget("model", "m", name="5"),
        budget("provider", "p", name="6"),
        budget("tag", "b=2", name="7"),
        budget("all", name="8"),
        budget("user", EACH, name="9"),
    ]
    others = [budget("key", "other", name="x"), budget("tag", "a=2", name="y"), budget("team", "", name="z")]
    found = Budgets([*matching, *others]).of_call(facts)
    assert sorted(each.id for each, _ in found) == [each.id for each in matching]
    assert {each.id: scope for each, scope in found}["9"] == Scope("user", "u")
    assert [each.id for each, _ in Budgets(matching).of_call(Facts())] == ["8"]


def test_who_is_called_by_the_word_for_everybody_counts_once() -> None:
    found = Budgets([budget("user", EACH)]).of_call(Facts(user_id=EACH))
    assert len(found) == 1


def test_requests_are_an_exchange_s_but_a_model_s_are_its_calls() -> None:
    budgets = Budgets(
        [budget("key", "k", "requests", "1"), budget("model", "m", "requests", "2"), budget("key", "k", "usd", "3")]
    )
    facts = Facts(key="k", model="m")
    assert [each.id for each, _ in budgets.of_exchange(facts)] == ["1"]
    assert sorted(each.id for each, _ in budgets.of_call(facts)) == ["2", "3"]


def test_a_hold_counts_for_whose_it_is_and_an_orphaned_slot_for_nothing() -> None:
    first = budgeting.hold(budget("user", EACH), Scope("user", "u"), 5, 100.0)
    other = budgeting.hold(budget("user", EACH), Scope("user", "v"), 5, 100.0)
    assert first.counter != other.counter
    assert (first.orphaned, budgeting.raised(first, 9).orphaned) == (5, 9)
    slot = budgeting.hold(Budget(id="s", scope=Scope("all"), unit="concurrent", limit=1), Scope("all"), 1, 100.0)
    assert (slot.orphaned, budgeting.raised(slot, 1).orphaned) == (0, 0)


def test_a_name_that_no_store_can_hold_is_made_one() -> None:
    held = budgeting.hold(budget("user", EACH), Scope("user", "a\x00\ud800"), 1, 0.0)
    assert held.counter.encode()
    assert "\x00" not in held.counter


def test_the_most_is_at_the_dearest_rate_that_may_apply() -> None:
    tier = Tier(above_input_tokens=100, rates=Rates(input=2_000_000, output=8_000_000))
    price = Price(
        rates=Rates(input=1_000_000, output=4_000_000, cache_write=3_000_000, cache_read=1), tiers=(tier,), source="t"
    )
    assert budgeting.most(price, 100, [10, None, 50]) == Amounts(usd=340, input_tokens=100, output_tokens=10)
    assert budgeting.most(price, 101, [None, 10]).usd == 101 * 3 + 80
    assert budgeting.most(None, 100, [10]) == Amounts(usd=None, input_tokens=100, output_tokens=10)
    assert budgeting.most(price, None, [10]).usd is None
    assert budgeting.most(price, 100, [None]) == Amounts(usd=None, input_tokens=100)


def test_when_a_window_is_free_again() -> None:
    now = at("2028-02-29T13:45:59.5")
    month = budgeting.hold(budget("all"), Scope("all"), 1, now)
    assert budgeting.frees_at(month, month.begin) == month.ends
    rolling = budgeting.hold(
        Budget(id="r", scope=Scope("all"), unit="requests", limit=1, window=Window("minute", "rolling")),
        Scope("all"),
        1,
        now,
    )
    assert budgeting.frees_at(rolling, rolling.begin - 60) == rolling.begin + 1
    assert budgeting.frees_at(rolling, None) == rolling.ends + 60
    slot = budgeting.hold(Budget(id="s", scope=Scope("all"), unit="concurrent", limit=1), Scope("all"), 1, now)
    assert budgeting.frees_at(slot, 0) is None


def test_since_when_anything_counts() -> None:
    now = at("2028-02-29T13:45:59.5")
    assert Budgets([]).since(now) == now
    month = Budget(id="m", scope=Scope("all"), unit="usd", limit=NANO_PER_USD, window=Window("month"))
    assert Budgets([budget("all"), month]).since(now) == at("2028-02-01T00:00:00")


def test_facts_are_a_payer_s_and_a_deployment_s() -> None:
    payer = Payer(key="k", team="t", user_id="u", router="r", tags={"plan": "free"})
    served = deployment("lab/small")
    found = budgeting.facts(payer, served)
    assert (found.key, found.team, found.user_id, found.router) == ("k", "t", "u", "r")
    assert (found.model, found.provider, found.tags) == (served.model, served.provider.id, ("plan=free",))
    assert budgeting.facts(payer).model is None
