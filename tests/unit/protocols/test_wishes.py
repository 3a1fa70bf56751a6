from __future__ import annotations

import pytest
from msgspec import Raw

from gearshift.protocols.fields import Misfit
from gearshift.protocols.wishes import MAX_NAMES, Wishes, checked_name, money, one_of, refuse_rest
from gearshift.types.asking import Unmet
from gearshift.types.chat import Routing


def test_wishes_become_routing() -> None:
    wishes = Wishes()
    wishes.names({"only": Raw(b'["a","b"]')}, "only", "provider.")
    wishes.switch({"zdr": Raw(b"true")}, "zdr", "provider.")
    wishes.cutoffs({"preferred_max_latency": Raw(b'{"p99":5,"p50":1.5}')}, "preferred_max_latency", "", "seconds")
    wishes.note("plugins.web", "no such plugin", "plugins")
    assert wishes.routing() == Routing(
        only=("a", "b"),
        zdr=True,
        preferred_max_latency=(("p50", 1.5), ("p99", 5.0)),
        unmet=(Unmet(field="plugins.web", detail="no such plugin", word="plugins"),),
    )


def test_the_same_wish_may_be_said_twice_but_not_two_of_them() -> None:
    wishes = Wishes()
    wishes.add("sort", "price", "provider.sort")
    wishes.add("sort", "price", "providerOptions.gateway.sort")
    with pytest.raises(Misfit, match=r"^providerOptions.gateway.sort: contradicts provider.sort, which asks"):
        wishes.add("sort", "latency", "providerOptions.gateway.sort")


def test_two_wishes_that_exclude_each_other_are_refused_by_both_names() -> None:
    wishes = Wishes()
    wishes.add("cost_tier", "low", "plugins[0].cost_tier")
    wishes.apart("constraint", "cost_tier")
    wishes.add("constraint", None, "routing_constraint.cost_constraint")
    with pytest.raises(Misfit, match=r"^routing_constraint.cost_constraint: contradicts plugins\[0\].cost_tier; say"):
        wishes.apart("constraint", "cost_tier")


def test_a_name_cannot_be_on_two_lists_that_exclude_each_other() -> None:
    wishes = Wishes()
    wishes.names({"only": Raw(b'["a","B"]')}, "only", "provider.")
    wishes.names({"ignore": Raw(b'["b"]')}, "ignore", "provider.")
    with pytest.raises(Misfit, match=r"^provider.ignore: contradicts provider.only: 'b' is in both; say one of them$"):
        wishes.disjoint("ignore", "only")


@pytest.mark.parametrize(
    ("spoken", "amount"),
    [
        (b"1", 1_000_000_000),
        (b"0", 0),
        (b"0.000000001", 1),
        (b'"2.5"', 2_500_000_000),
        (b"1e-2", 10_000_000),
        (b"null", None),
        (b"1e6", 10**15),
    ],
)
def test_money_is_a_number_or_a_string_that_holds_one(spoken: bytes, amount: int | None) -> None:
    assert money({"prompt": Raw(spoken)}, "prompt", "") == amount


@pytest.mark.parametrize(
    ("spoken", "found"),
    [
        (b"-1", "-1"),
        (b'"NaN"', "another string"),
        (b'"1e999999"', "another string"),
        (b"1000001", "1000001"),
        (b"true", "a boolean"),
        (b"{}", "an object"),
        (b"[1]", "a list"),
    ],
)
def test_other_money_is_refused(spoken: bytes, found: str) -> None:
    with pytest.raises(Misfit) as caught:
        money({"prompt": Raw(spoken)}, "prompt", "provider.max_price.")
    assert str(caught.value) == f"provider.max_price.prompt: found {found}, expected US dollars, from 0 to 1000000"


@pytest.mark.parametrize("name", ["m", "openai/gpt-5.5:floor", "m" * 256, "modèle 1"])
def test_a_name_may_be_what_can_be_printed(name: str) -> None:
    assert checked_name(name, "model") == name


def test_too_many_names_or_odd_ones_are_refused() -> None:
    with pytest.raises(Misfit, match=r"^models: found 1001 names, expected at most 1000$"):
        Wishes().names({"models": Raw(b'["a"' + b',"a"' * MAX_NAMES + b"]")}, "models")
    with pytest.raises(Misfit, match=r"^m: found 257 characters, expected 1 to 256 printable characters$"):
        checked_name("m" * 257, "m")
    with pytest.raises(Misfit, match=r"^m: found unprintable characters"):
        checked_name("a\nb", "m")


def test_words_that_nobody_published_are_refused() -> None:
    assert one_of(("a", "b"), "b", "x") == "b"
    with pytest.raises(Misfit, match=r"^x: found 'c', expected one of a, b$"):
        one_of(("a", "b"), "c", "x")
    refuse_rest([], "x.", ("a",))
    with pytest.raises(Misfit, match=r"^x\.c: not known here, expected one of a$"):
        refuse_rest(["c"], "x.", ("a",))
