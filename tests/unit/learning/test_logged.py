from __future__ import annotations

import msgspec
import pytest

from gearshift.learning.logged import REASONS, Log, listed, read_log
from gearshift.storage.store import Row, row
from gearshift.types.decision import AtLeast
from tests.fakes.nouns import decision, deployment, exchange

SMALL, LARGE = deployment("small"), deployment("large")
CHOSEN = decision(
    LARGE, SMALL, quality=0.7, policy="weighted", reason="weighted", propensity=0.25, config="c1", objective=None
)


def logged(**changes: object) -> Row:
    usual = exchange("x", decision=CHOSEN, cost=3_000_000, session="s", prompt="Hello")
    return row(msgspec.structs.replace(usual, **changes))


def read(*rows: Row, router: str = "auto") -> Log:
    return read_log(rows, {"x": 0.5}, router)


def test_a_choice_is_what_the_row_says() -> None:
    (choice,) = read(logged()).choices
    assert choice.setting == ("auto", "c1", "weighted")
    assert (choice.chosen, choice.propensity, choice.cost, choice.score) == ("lab/large", 0.25, 0.003, 0.5)
    assert (choice.session, choice.prompt) == ("s", "Hello")
    assert [(each.id, each.model) for each, _ in choice.options] == [("lab/large", "large"), ("lab/small", "small")]
    (first, _), *_ = [(found, each) for each, found in choice.options]
    assert first is not None
    assert (first.quality, first.quality_std, first.cost, first.output_tokens) == (0.7, 0.1, 1000, 5.0)


def test_what_is_not_known_is_none() -> None:
    bare = msgspec.structs.replace(CHOSEN, plan=decision(LARGE, SMALL).plan)
    (choice,) = read_log([logged(decision=bare, cost=None, session=None, prompt=None)], {}, "auto").choices
    assert (choice.cost, choice.score, choice.session, choice.prompt) == (None, None, None, None)
    assert [found for _, found in choice.options] == [None, None]


def test_an_estimate_without_a_price_keeps_its_quality() -> None:
    text = (logged().decision or "").replace('"cost_usd":1e-6', '"cost_usd":null')
    (choice,) = read(msgspec.structs.replace(logged(), decision=text)).choices
    assert all(found is not None and found.cost is None for _, found in choice.options)


@pytest.mark.parametrize("propensity", [None, 0.0, -0.5, 1.5, float("nan")])
def test_a_row_without_propensity_is_left_out_and_counted(propensity: float | None) -> None:
    found = read(logged(), msgspec.structs.replace(logged(), propensity=propensity))
    assert len(found.choices) == 1
    assert found.left_out == {"no_propensity": 1}


@pytest.mark.parametrize("reason", ["named", "rule", "degraded", "sorted"])
def test_what_no_policy_chose_is_left_out(reason: str) -> None:
    assert read(logged(decision=msgspec.structs.replace(CHOSEN, reason=reason))).left_out == {"not_chosen": 1}


def test_a_row_whose_alternatives_were_cut_is_left_out_but_an_only_candidate_is_not() -> None:
    alone = decision(LARGE, quality=0.7, reason="objective", objective=AtLeast(model="large"))
    assert read(logged(decision=alone)).left_out == {"no_alternatives": 1}
    assert len(read(logged(decision=msgspec.structs.replace(alone, reason="only_candidate"))).choices) == 1


def test_a_row_without_a_readable_decision_is_left_out() -> None:
    broken = msgspec.structs.replace(logged(), decision='{"router": "auto"')
    absent = msgspec.structs.replace(logged(), decision=None)
    assert read(logged(decision=None), broken, absent).left_out == {"no_decision": 3}


def test_other_routers_are_counted_by_name() -> None:
    found = read(logged(), router="canary")
    assert (found.choices, found.routers, found.left_out) == ([], {"auto": 1}, {"other_router": 1})


def test_the_names_are_those_of_all_candidates() -> None:
    names = read(logged()).names
    assert names.models == ("large", "small")
    assert names.deployments == {"lab/large": "large", "lab/small": "small"}


def test_what_was_left_out_is_listed_with_its_reason() -> None:
    found = read(logged(decision=None), logged(decision=None), logged(), router="canary")
    assert listed(found.left_out).startswith("2 failed before a decision")
    assert "; 1 decided by another router" in listed(found.left_out)
    assert listed(read().left_out) == "nothing"


def test_every_reason_is_explained() -> None:
    assert all(text and text[0].islower() for text in REASONS.values())
