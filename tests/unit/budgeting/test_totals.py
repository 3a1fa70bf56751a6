"""What the ledger says was used is what counters are filled with."""

from __future__ import annotations

from gearshift.budgeting import Budgets, totals
from gearshift.types.budget import Budget, Scope, Unit, Window
from tests.fakes.nouns import ledger_row

NOW = 1_000_000.0


def budget(unit: Unit, name: str, *, rolling: bool = False) -> Budget:
    window = Window("hour", "rolling" if rolling else "calendar")
    return Budget(id=name, scope=Scope("key", "k"), unit=unit, limit=100, window=window)


def summed(budgets: list[Budget], rows: list[object], counted: frozenset[str] = frozenset()) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in totals(Budgets(budgets), rows, NOW, counted):  # type: ignore[arg-type]
        found[each.budget] = found.get(each.budget, 0) + each.amount
    return found


def test_rows_of_the_window_are_added_up_by_whose_they_are() -> None:
    rows: list[object] = [
        ledger_row(id="a", exchange_id="x", created=NOW, key="k", cost=5),
        ledger_row(id="b", exchange_id="x", created=NOW, key="k", cost=7),
        ledger_row(id="c", exchange_id="y", created=NOW, key="other", cost=100),
        ledger_row(id="d", exchange_id="z", created=NOW - 7200, key="k", cost=1000),
    ]
    budgets = [budget("usd", "usd"), budget("requests", "requests"), budget("input_tokens", "tokens")]
    assert summed(budgets, rows) == {"usd": 12, "requests": 1, "tokens": 20}


def test_what_counts_by_itself_is_left_out() -> None:
    rows: list[object] = [
        ledger_row(id="a", exchange_id="x", created=NOW, key="k", cost=5),
        ledger_row(id="b", exchange_id="y", created=NOW, key="k", cost=7),
    ]
    budgets = [budget("usd", "usd"), budget("requests", "requests")]
    assert summed(budgets, rows, frozenset({"a", "y"})) == {"usd": 7, "requests": 1}


def test_an_unknown_cost_counts_as_its_bound_where_it_was_sent() -> None:
    rows: list[object] = [
        ledger_row(id="a", created=NOW, key="k", cost=None, bound=50, billing="maybe_billed"),
        ledger_row(id="b", created=NOW, key="k", cost=None, bound=900, billing="not_sent"),
    ]
    assert summed([budget("usd", "usd")], rows) == {"usd": 50}


def test_a_rolling_window_keeps_its_buckets_apart_and_slots_are_nobody_s() -> None:
    rows: list[object] = [
        ledger_row(id="a", created=NOW, key="k", cost=5),
        ledger_row(id="b", created=NOW - 1800, key="k", cost=7),
        ledger_row(id="c", created=NOW - 3800, key="k", cost=900),
    ]
    found = totals(Budgets([budget("usd", "usd", rolling=True)]), rows, NOW)  # type: ignore[arg-type]
    assert sorted(each.amount for each in found) == [5, 7]
    slots = Budget(id="s", scope=Scope("all"), unit="concurrent", limit=3)
    assert totals(Budgets([slots]), rows, NOW) == []  # type: ignore[arg-type]


def test_tags_are_read() -> None:
    tagged = Budget(id="t", scope=Scope("tag", "plan=free"), unit="usd", limit=1, window=Window("hour"))
    rows: list[object] = [ledger_row(id="a", created=NOW, tags='{"plan":"free"}', cost=5)]
    assert summed([tagged], rows) == {"t": 5}
