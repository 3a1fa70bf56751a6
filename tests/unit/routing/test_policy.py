import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.routing.policy import Best, Fixed, Policy, Weighted
from tests.unit.routing.scene import Loaded, candidate, ids

A, B, C = (candidate(name) for name in "abc")


@pytest.mark.parametrize(("policy", "name"), [(Best(), "best"), (Fixed(), "fixed")])
def test_best_and_fixed_keep_the_order_and_are_certain(policy: Policy, name: str) -> None:
    choice = policy.choose([B, A, C], Loaded())
    assert choice.order == (B, A, C)
    assert choice.propensity == 1.0
    assert policy.name == name


@pytest.mark.parametrize(
    ("shows", "order", "propensity"),
    [(0.0, "bca", 0.6), (0.59, "bca", 0.6), (0.61, "cba", 0.3), (0.91, "abc", 0.1), (0.999999, "abc", 0.1)],
)
def test_weighted_draws_by_weight_and_orders_the_rest_by_weight(shows: float, order: str, propensity: float) -> None:
    choice = Weighted({"a": 1.0, "b": 6.0, "c": 3.0}).choose([A, B, C], Loaded(shows))
    assert "".join(each.deployment.model for each in choice.order) == order
    assert choice.propensity == pytest.approx(propensity)


def test_the_propensity_is_the_share_among_those_that_fit() -> None:
    choice = Weighted({"a": 1.0, "b": 6.0, "c": 3.0}).choose([A, C], Loaded(0.9))
    assert choice.order == (A, C)
    assert choice.propensity == 0.25


def test_a_models_weight_is_for_all_its_deployments() -> None:
    ones = [candidate("a", provider="one"), candidate("b", provider="one"), candidate("a", provider="two")]
    policy = Weighted({"a": 0.9, "b": 0.1})
    assert ids(policy.choose(ones, Loaded(0.89)).order) == ["one/a", "two/a", "one/b"]
    assert ids(policy.choose(ones, Loaded(0.91)).order) == ["one/b", "one/a", "two/a"]
    assert policy.choose(ones, Loaded(0.89)).propensity == 0.9


def test_a_deployment_can_have_a_weight_of_its_own() -> None:
    ones = [candidate("a", provider="one"), candidate("a", provider="two"), candidate("a", provider="three")]
    policy = Weighted({"one/a": 0.75, "two/a": 0.25})
    assert ids(policy.choose(ones, Loaded(0.8)).order) == ["two/a", "one/a", "three/a"]
    assert policy.choose(ones, Loaded(0.8)).propensity == 0.25


def test_no_weight_is_never_drawn_but_stays_a_fallback() -> None:
    choice = Weighted({"b": 1.0}).choose([A, B], Loaded(0.0))
    assert choice.order == (B, A)
    assert choice.propensity == 1.0


def test_without_any_weight_the_order_stays() -> None:
    choice = Weighted({"b": 0.0}).choose([A, B], Loaded(0.5))
    assert choice.order == (A, B)
    assert choice.propensity == 1.0


def test_rounding_at_the_end_draws_someone_with_weight() -> None:
    choice = Weighted({"a": 0.0, "b": 1.0, "c": 2.0}).choose([A, B, C], Loaded(1.0))  # no dice show 1.0: it is rounding
    assert choice.order[0] == C


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 9), min_size=1).filter(lambda w: any(w.values())))
def test_the_propensities_of_all_that_can_be_drawn_sum_to_one(weights: dict[str, int]) -> None:
    policy = Weighted({name: float(weight) for name, weight in weights.items()})
    total = sum(weights.values())
    drawn = {}
    for number in range(total):  # weights are whole, so these are all the cases there are
        choice = policy.choose([candidate(name) for name in weights], Loaded((number + 0.5) / total))
        drawn[choice.order[0].deployment.model] = choice.propensity
        assert sorted(ids(choice.order)) == sorted(f"lab/{name}" for name in weights)
    assert sum(drawn.values()) == pytest.approx(1.0)
    assert drawn == pytest.approx({name: weight / total for name, weight in weights.items() if weight})


def test_draws_come_as_often_as_their_propensity_says() -> None:
    dice, policy = random.Random(7), Weighted({"a": 0.9, "b": 0.1})
    drawn = Counter(policy.choose([A, B], dice).order[0].deployment.model for _ in range(2_000))
    assert drawn["b"] == pytest.approx(200, abs=50)


def test_chances_of_an_order_that_is_kept_are_certain() -> None:
    assert Best().chances([B, A, C]) == (1.0, 0.0, 0.0)
    assert Weighted({"d": 1.0}).chances([A, B]) == (1.0, 0.0)


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True), st.floats(0, 1, exclude_max=True))
def test_what_is_drawn_had_the_chance_that_is_stated(models: list[str], shows: float) -> None:
    policy = Weighted({"a": 1.0, "b": 6.0, "two/c": 3.0})
    candidates = [candidate(model, provider=name) for model in models for name in ("one", "two")]
    chances = policy.chances(candidates)
    assert sum(chances) == pytest.approx(1)
    choice = policy.choose(candidates, Loaded(shows))
    assert chances[candidates.index(choice.order[0])] == pytest.approx(choice.propensity)
