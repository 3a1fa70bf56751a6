"""What callers are told of limits."""

from __future__ import annotations

import pytest

from gearshift import budgeting
from gearshift.errors import BudgetSpent, RateLimited
from gearshift.types.budget import Refused, Scope, Standing, Unit
from gearshift.types.catalog import NANO_PER_USD

NOW = 1_000_000.0


def refused(unit: Unit, **changes: object) -> Refused:
    found: dict[str, object] = {
        "budget": "b",
        "scope": Scope("key", "k"),
        "unit": unit,
        "limit": 2 * NANO_PER_USD,
        "used": NANO_PER_USD,
        "held": NANO_PER_USD // 4,
        "resets_at": NOW + 59.5,
        **changes,
    }
    return Refused(**found)  # type: ignore[arg-type]


def standing(unit: Unit, limit: int, used: int, resets_at: float | None = NOW + 360) -> Standing:
    return Standing(budget="b", scope=Scope("all"), unit=unit, limit=limit, used=used, held=1, resets_at=resets_at)


def test_a_spent_budget_says_whose_it_is_what_was_used_and_when_it_resets() -> None:
    error = budgeting.error_of(refused("usd"), NOW)
    assert isinstance(error, BudgetSpent)
    assert (error.status, error.code, error.retry_after) == (402, "budget_exceeded", 60)
    assert error.message == (
        "found budget 'b' of key 'k' at $1, $0.25 held for calls under way, of $2: "
        "this request does not fit; resets at 1970-01-12T13:47:39Z"
    )


@pytest.mark.parametrize("unit", ["requests", "input_tokens", "output_tokens", "concurrent"])
def test_other_limits_are_429(unit: Unit) -> None:
    error = budgeting.error_of(refused(unit, limit=3, used=2, held=1, scope=Scope("all"), resets_at=None), NOW)
    assert isinstance(error, RateLimited)
    assert (error.status, error.code, error.retry_after) == (429, "rate_limit_exceeded", 1)
    assert error.message.startswith("found budget 'b' at 2 ")
    assert "resets" not in error.message


def test_lost_counters_and_unknown_prices_say_so() -> None:
    lost = budgeting.error_of(refused("usd", cause="lost", used=None), NOW)
    assert "an unknown use" in lost.message
    assert lost.retry_after == 1
    unpriced = budgeting.error_of(refused("requests", cause="unpriced"), NOW)
    assert isinstance(unpriced, BudgetSpent)
    assert unpriced.retry_after is None


def test_the_tightest_limits_are_spelled_as_openai_does() -> None:
    standings = [
        standing("requests", 100, 10),
        standing("requests", 60, 58),
        standing("input_tokens", 1000, 5000, NOW + 3661.2),
        standing("usd", 5, 1),
        standing("concurrent", 5, 1, None),
    ]
    assert budgeting.headers(standings, NOW) == [
        ("x-ratelimit-limit-requests", "60"),
        ("x-ratelimit-remaining-requests", "1"),
        ("x-ratelimit-reset-requests", "6m0s"),
        ("x-ratelimit-limit-tokens", "1000"),
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "1h1m2s"),
    ]
    assert budgeting.headers([standing("requests", 3, 1, NOW + 1)], NOW)[2][1] == "1s"
    assert budgeting.headers([standing("requests", 3, 1, None)], NOW)[2:] == []
