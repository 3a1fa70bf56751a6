"""What a process may spend by itself."""

from __future__ import annotations

from gearshift.budgeting import raised
from gearshift.purse.leases import IDLE, Leases
from gearshift.types.budget import LARGEST, Budget, Hold, Scope, Unit, Window
from gearshift.types.catalog import NANO_PER_USD
from tests.fakes.counters import held

NOW = 1_000_000.0


def budget(limit: int = 1000, unit: Unit = "usd", *, name: str = "b", is_open: bool = False) -> Budget:
    return Budget(
        id=name,
        scope=Scope("key", "k"),
        unit=unit,
        limit=limit,
        window=Window("month"),
        on_loss="open" if is_open else "closed",
    )


def hold(amount: int, of: Budget) -> Hold:
    return held(amount, of, now=NOW)


def leased(*budgets: Budget, replicas: int = 1) -> Leases:
    leases = Leases(budgets, "me", replicas)
    leases.touch([hold(1, each) for each in budgets])
    for call, wanted in leases.wanted():
        leases.take(call, wanted)
    return leases


def test_a_lease_is_a_fiftieth_and_half_a_dollar_at_most() -> None:
    for limit, size in ((1000, 20), (10 * NANO_PER_USD, NANO_PER_USD // 5), (LARGEST, NANO_PER_USD // 2)):
        leases = Leases([budget(limit)], "me", 1)
        leases.touch([hold(1, budget(limit))])
        assert [each.amount for _, each in leases.wanted()] == [size]
    few = budget(49, "requests")
    leases = Leases([few], "me", 1)
    leases.touch([hold(1, few)])
    assert leases.wanted() == []


def test_a_budget_is_leased_once_and_ids_are_never_used_again() -> None:
    leases = leased(budget())
    leases.touch([hold(1, budget())])
    assert leases.wanted() == []
    first = leases.drop()
    again = [call for call, _ in leases.wanted()]
    assert len(first) == len(again) == 1
    assert first != again


def test_all_is_paid_or_nothing() -> None:
    one, two = budget(1000, name="one"), budget(500, name="two")
    leases = leased(one, two)
    refused = leases.spend([hold(15, one), hold(11, two)])
    assert refused is not None
    assert (refused.budget, refused.cause) == ("two", "lost")
    assert leases.spend([hold(20, one), hold(10, two)]) is None
    assert leases.spend([hold(1, one)]) is not None


def test_what_was_not_used_is_given_back_and_what_was_used_beyond_is_taken() -> None:
    one = budget()
    leases = leased(one)
    assert leases.spend([hold(15, one)]) is None
    leases.correct([hold(15, one)], [hold(18, one)])
    assert leases.spend([hold(3, one)]) is not None
    assert leases.spend([hold(2, one)]) is None
    leases.correct([hold(2, one)], ())
    assert leases.spend([hold(2, one)]) is None


def test_a_stream_pays_for_what_it_grows_by() -> None:
    one = budget()
    leases = leased(one)
    assert leases.spend([hold(10, one)]) is None
    assert leases.spend([hold(18, one)], [hold(10, one)]) is None
    assert leases.spend([hold(3, one)]) is not None


def test_an_open_limit_is_shared_out_and_needs_no_lease() -> None:
    one = budget(10, "requests", is_open=True)
    leases = leased(one, replicas=3)
    assert leases.calls == {}
    assert [leases.spend([hold(1, one)]) is None for _ in range(4)] == [True, True, True, False]
    leases.correct([hold(1, one)], [raised(hold(1, one), 0)])
    assert leases.spend([hold(1, one)]) is None


def test_a_lease_that_nobody_wants_is_let_go() -> None:
    leases = leased(budget())
    for _ in range(IDLE):
        assert leases.stale() == []
    leases.touch([hold(1, budget())])
    leases.wanted()
    for _ in range(IDLE):
        assert leases.stale() == []
    assert len(leases.stale()) == 1
    assert leases.calls == {}
