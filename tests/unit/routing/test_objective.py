from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.routing.objective import TIER_LOSS, Forecast, Ranking, Tier, rank, referred_to
from gearshift.types.catalog import NANO_PER_USD
from gearshift.types.decision import AtLeast, AtMost, CostTier, Estimate, MinQuality, Settled, WillingnessToPay
from tests.unit.routing.scene import deployment, estimate, ids


def forecasts(qualities_and_costs: Mapping[str, tuple[float, int | None]]) -> list[Forecast]:
    return [(deployment(name), estimate(*found)) for name, found in qualities_and_costs.items()]


def order(ranking: Ranking) -> str:
    return "".join(each.deployment.model for each in ranking.candidates)


def utilities(ranking: Ranking) -> list[float | None]:
    return [each.utility for each in ranking.candidates]


CENT = NANO_PER_USD // 100
THREE = forecasts({"a": (0.5, 1 * CENT), "b": (0.7, 2 * CENT), "c": (0.8, 5 * CENT)})


@pytest.mark.parametrize(
    ("usd", "expected"),
    [(0.0, "abc"), (0.04, "abc"), (0.051, "bac"), (0.14, "bca"), (0.29, "bca"), (0.31, "cba"), (100.0, "cba")],
)
def test_willingness_to_pay_buys_quality_for_its_price(usd: float, expected: str) -> None:
    assert order(rank(WillingnessToPay(usd=usd), THREE)) == expected


def test_the_utility_of_willingness_to_pay_is_in_usd() -> None:
    ranking = rank(WillingnessToPay(usd=0.2), THREE)
    assert utilities(ranking) == pytest.approx([0.12, 0.11, 0.09])
    assert ranking.threshold is None
    assert not ranking.detail


def test_willingness_to_pay_puts_unknown_costs_last_by_quality() -> None:
    ranking = rank(WillingnessToPay(usd=1.0), forecasts({"a": (0.2, None), "b": (0.1, CENT), "c": (0.9, None)}))
    assert order(ranking) == "bca"
    assert utilities(ranking)[1:] == [None, None]


def test_at_least_takes_the_cheapest_above_the_bar_and_then_the_best_below() -> None:
    some = forecasts({"r": (0.8, 90), "a": (0.71, 50), "b": (0.75, 40), "c": (0.69, 1), "d": (0.5, 2)})
    ranking = rank(AtLeast(model="r", within=0.1), some, [some[0][1]])
    assert order(ranking) == "barcd"
    assert ranking.threshold == pytest.approx(0.7)
    assert utilities(ranking) == [-4e-8, -5e-8, -9e-8, None, None]
    assert not ranking.detail


def test_at_least_forgives_binary_rounding() -> None:
    some = forecasts({"r": (0.8, 90), "a": (0.7, 1)})
    assert 0.8 - 0.1 > 0.7
    assert order(rank(AtLeast(model="r", within=0.1), some, [some[0][1]])) == "ar"


def test_the_bar_is_the_best_of_the_references_deployments_and_all_of_them_meet_it() -> None:
    some = [
        (deployment("r", provider="one"), estimate(0.9, 90)),
        (deployment("r", provider="two"), estimate(0.8, 80)),
        (deployment("a"), estimate(0.85, 10)),
    ]
    ranking = rank(AtLeast(model="r"), some, [some[0][1], some[1][1]])
    assert ids(ranking.candidates) == ["two/r", "one/r", "lab/a"]
    assert ranking.threshold == 0.9


def test_a_deployment_can_be_the_reference() -> None:
    some = forecasts({"r": (0.8, 90), "a": (0.7, 10)})
    assert order(rank(AtLeast(model="lab/r"), some, [some[0][1]])) == "ra"


def test_at_least_with_a_reference_that_does_not_fit_and_nobody_above_the_bar() -> None:
    ranking = rank(AtLeast(model="r", within=0.05), THREE, [estimate(0.95, 9)])
    assert order(ranking) == "cba"
    assert utilities(ranking) == [None, None, None]
    assert ranking.detail == "no candidate is expected to reach a quality of 0.900; the best was taken"


def test_an_unknown_cost_comes_last_among_those_that_meet_the_bar() -> None:
    ranking = rank(AtLeast(model="r"), forecasts({"a": (0.9, None), "b": (0.6, 5), "c": (0.1, 0)}), [estimate(0.5)])
    assert order(ranking) == "bac"
    assert utilities(ranking) == [-5e-9, None, None]


def test_at_least_without_an_estimate_of_the_reference_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="empty"):
        rank(AtLeast(model="r"), THREE)


@pytest.mark.parametrize(
    ("tier", "expected"), [("max", "d"), ("xhigh", "c"), ("high", "b"), ("medium", "a"), ("low", "e")]
)
def test_a_cost_tier_takes_the_cheapest_within_its_loss_of_the_best(tier: Tier, expected: str) -> None:
    some = forecasts(
        {"a": (0.84, 30), "b": (0.87, 40), "c": (0.89, 50), "d": (0.9, 90), "e": (0.78, 20), "f": (0.7, 1)}
    )
    ranking = rank(CostTier(tier=tier), some)
    assert order(ranking)[0] == expected
    assert ranking.threshold == pytest.approx(0.9 - TIER_LOSS[tier])


def test_at_most_takes_the_best_under_the_bound_and_then_the_cheapest_above() -> None:
    some = forecasts({"a": (0.9, 5_000_001), "b": (0.6, 5_000_000), "c": (0.7, 1), "d": (0.95, 9_000_000)})
    ranking = rank(AtMost(usd_per_1k_requests=5.0), some)
    assert order(ranking) == "cbad"
    assert utilities(ranking) == [0.7, 0.6, None, None]
    assert ranking.threshold == 5_000_000
    assert not ranking.detail


def test_at_most_a_models_cost_means_its_cheapest_deployment() -> None:
    ranking = rank(AtMost(model="r"), THREE, [estimate(0.1, 3 * CENT), estimate(0.1, 2 * CENT), estimate(0.1, None)])
    assert order(ranking) == "bac"


def test_at_most_a_model_of_unknown_cost_admits_what_is_free() -> None:
    ranking = rank(AtMost(model="r"), forecasts({"a": (0.9, 1), "b": (0.1, 0)}), [estimate(0.5, None)])
    assert order(ranking) == "ba"


def test_at_most_with_nobody_under_the_bound_takes_the_cheapest_and_says_so() -> None:
    some = forecasts({"a": (0.9, 5_000_001), "b": (0.6, None), "c": (0.7, 4_000_000)})
    ranking = rank(AtMost(usd_per_1k_requests=2.5), some)
    assert order(ranking) == "cab"
    assert ranking.detail == "no candidate is expected to cost at most $0.002500; the cheapest was taken"


OBJECTIVES: list[Settled] = [
    WillingnessToPay(usd=0.5),
    AtLeast(model="z", within=0.1),
    AtMost(usd_per_1k_requests=1.0),
    AtMost(model="z"),
    *(CostTier(tier=tier) for tier in TIER_LOSS),
]
REFERENCE = [estimate(0.5, 1_000)]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_ties_fall_to_the_lower_cost_then_the_higher_quality_then_the_first_id(objective: Settled) -> None:
    assert order(rank(objective, forecasts({"b": (0.5, 7), "c": (0.5, 7), "a": (0.5, 7)}), REFERENCE)) == "abc"
    assert order(rank(objective, forecasts({"a": (0.5, 8), "b": (0.5, 7)}), REFERENCE)) == "ba"
    assert order(rank(objective, forecasts({"a": (0.5, 0), "b": (0.6, 0)}), REFERENCE)) == "ba" or isinstance(
        objective, AtLeast | CostTier
    )


@pytest.mark.parametrize("objective", [AtLeast(model="z", within=0.1), CostTier(tier="low")])
def test_of_two_at_the_same_price_the_better_is_taken(objective: Settled) -> None:
    assert order(rank(objective, forecasts({"a": (0.5, 7), "b": (0.6, 7)}), REFERENCE)) == "ba"


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_one_candidate_none_and_free_ones(objective: Settled) -> None:
    assert order(rank(objective, [], REFERENCE)) == ""
    assert order(rank(objective, forecasts({"a": (0.0, None)}), REFERENCE)) == "a"
    assert order(rank(objective, forecasts({"a": (0.9, 0), "b": (0.9, 10)}), REFERENCE)) == "ab"


@pytest.mark.parametrize(
    ("objective", "model"),
    [
        (None, None),
        (WillingnessToPay(usd=1.0), None),
        (CostTier(tier="low"), None),
        (AtLeast(model="r"), "r"),
        (AtMost(model="r"), "r"),
        (AtMost(usd_per_1k_requests=1.0), None),
    ],
)
def test_what_an_objective_compares_with(objective: Settled | None, model: str | None) -> None:
    assert referred_to(objective) == model


# Qualities on a grid: on finer ones the order of two nearly equal utilities is a matter of rounding.
ESTIMATES = st.builds(
    estimate, st.integers(0, 1000).map(lambda n: n / 1000), st.one_of(st.none(), st.integers(0, NANO_PER_USD))
)
MANY = st.dictionaries(st.sampled_from("abcdefgh"), ESTIMATES, min_size=1).map(
    lambda found: [(deployment(name), each) for name, each in found.items()]
)
DOLLARS = st.integers(0, 10_000).map(lambda n: n / 100)


@given(MANY, st.sampled_from(OBJECTIVES), st.randoms(use_true_random=False))
def test_a_ranking_keeps_all_and_depends_on_no_order(some: list[Forecast], objective: Settled, dice: object) -> None:
    ranking = rank(objective, some, REFERENCE)
    assert sorted(ids(ranking.candidates)) == sorted(each.id for each, _ in some)
    shuffled = list(some)
    getattr(dice, "shuffle")(shuffled)  # noqa: B009
    assert rank(objective, shuffled, REFERENCE) == ranking


@given(MANY, st.sampled_from(OBJECTIVES))
def test_utilities_descend_and_end_where_the_objective_is_not_met(some: list[Forecast], objective: Settled) -> None:
    found = utilities(rank(objective, some, REFERENCE))
    known = [each for each in found if each is not None]
    assert known == sorted(known, reverse=True)
    if not isinstance(
        objective, AtLeast | CostTier
    ):  # there, one that meets the bar at an unknown cost has none either
        assert found[: len(known)] == known


@given(MANY, DOLLARS, DOLLARS)
def test_a_higher_willingness_never_lowers_the_quality(some: list[Forecast], one: float, other: float) -> None:
    low, high = (rank(WillingnessToPay(usd=usd), some).candidates[0] for usd in sorted((one, other)))
    assert low.estimate is not None
    assert high.estimate is not None
    assert high.estimate.quality >= low.estimate.quality


@given(MANY, ESTIMATES, st.integers(0, 20).map(lambda n: n / 100))
def test_at_least_never_takes_one_below_the_bar_when_one_is_above(
    some: list[Forecast], reference: Estimate, within: float
) -> None:
    bar = reference.quality - within - 1e-9
    first = rank(AtLeast(model="z", within=within), some, [reference]).candidates[0].estimate
    above = [each for _, each in some if each.quality >= bar]
    assert first is not None
    assert first.quality >= bar or not above
    if above:
        assert first.cost == min((each.cost for each in above if each.cost is not None), default=None)


@given(MANY, st.integers(0, 1_000).map(lambda n: n / 1))
def test_at_most_never_takes_one_over_the_bound_when_one_is_under(some: list[Forecast], usd: float) -> None:
    bound = usd * NANO_PER_USD / 1000
    first = rank(AtMost(usd_per_1k_requests=usd), some).candidates[0].estimate
    under = [each for _, each in some if each.cost is not None and each.cost <= bound]
    assert first is not None
    if under:
        assert first.cost is not None
        assert first.cost <= bound
        assert first.quality == max(each.quality for each in under)


def test_at_least_takes_its_margin_where_it_was_calibrated() -> None:
    some = forecasts({"r": (0.8, 90), "a": (0.79, 10), "b": (0.81, 20), "c": (0.85, 30)})
    ranking = rank(AtLeast(model="r", within=0.1, margin=-0.01), some, [some[0][1]])
    assert order(ranking) == "bcra"
    assert ranking.threshold == pytest.approx(0.81)


SLOW = [
    (deployment("a"), estimate(0.5, 1 * CENT, 30.0)),
    (deployment("b"), estimate(0.7, 2 * CENT, 1.0)),
    (deployment("c"), estimate(0.8, 5 * CENT, None)),
    (deployment("d"), estimate(0.8, 6 * CENT, 2.0)),
]


@pytest.mark.parametrize(
    ("objective", "without", "expected"),
    [
        (WillingnessToPay(usd=0.1), "bacd", "bcda"),
        (CostTier(tier="max"), "cdba", "cdba"),
        (AtLeast(model="z"), "abcd", "bcda"),
        (AtMost(usd_per_1k_requests=70.0), "cdba", "cbda"),
    ],
)
def test_a_price_of_latency_counts_as_cost(objective: Settled, without: str, expected: str) -> None:
    assert order(rank(objective, SLOW, REFERENCE)) == without
    ranking = rank(msgspec.structs.replace(objective, latency_price=0.01), SLOW, REFERENCE)
    assert order(ranking) == expected
    counted = {each.deployment.model: each.latency_cost // CENT for each in ranking.candidates}
    assert counted == {"a": 30, "b": 1, "c": 2, "d": 2}


def test_the_utility_is_less_what_the_latency_counts_as() -> None:
    ranking = rank(WillingnessToPay(usd=1.0, latency_price=0.01), SLOW)
    first = ranking.candidates[0]
    assert first.estimate is not None
    assert first.estimate.latency is None
    assert first.utility == pytest.approx(0.8 - 0.05 - 0.02)  # unknown: as the median of 1, 2 and 30 seconds
    assert utilities(rank(CostTier(tier="max", latency_price=0.01), SLOW))[0] == pytest.approx(-0.07)


def test_the_reference_of_at_most_is_charged_for_its_latency_too() -> None:
    reference = [estimate(0.5, 3 * CENT, 5.0)]  # 3 cents and 5 of waiting
    ranking = rank(AtMost(model="z", latency_price=0.01), SLOW, reference)
    assert ranking.threshold == 8 * CENT
    assert order(ranking) == "cdba"


@given(MANY, st.sampled_from(OBJECTIVES))
def test_where_no_latency_is_known_its_price_changes_nothing(some: list[Forecast], objective: Settled) -> None:
    priced = msgspec.structs.replace(objective, latency_price=5.0)
    assert rank(priced, some, REFERENCE) == rank(objective, some, REFERENCE)


def test_min_quality_takes_the_cheapest_that_reaches_it() -> None:
    some = [(deployment(name), estimate(quality, cost)) for name, quality, cost in (("a", 0.5, 1), ("b", 0.7, 2))]
    assert ids(rank(MinQuality(quality=0.7), some).candidates) == ["lab/b", "lab/a"]
    assert ids(rank(MinQuality(quality=0.2), some).candidates) == ["lab/a", "lab/b"]
    none = rank(MinQuality(quality=0.9), some)
    assert ids(none.candidates) == ["lab/b", "lab/a"]
    assert none.detail == "no candidate is expected to reach a quality of 0.900; the best was taken"
