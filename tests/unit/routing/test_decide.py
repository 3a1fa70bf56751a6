import random
from math import nan
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gearshift.errors import InvalidRequest
from gearshift.routing.budget import FIRST
from gearshift.routing.decide import decide
from gearshift.routing.eligible import split
from gearshift.routing.explain import explain_flip
from gearshift.routing.objective import TIER_LOSS
from gearshift.routing.policy import Best, Dice, Fixed, Weighted
from gearshift.routing.predict import Predictor
from gearshift.routing.router import Router
from gearshift.types.asking import MaxPrice, Unmet
from gearshift.types.catalog import Deployment
from gearshift.types.chat import Request, Routing, Tool
from gearshift.types.decision import (
    AtLeast,
    AtMost,
    Budget,
    CostTier,
    Decision,
    DecisionReason,
    Health,
    MinQuality,
    Objective,
    Pace,
    RejectionReason,
    Snapshot,
    Speed,
    WillingnessToPay,
)
from tests.unit.routing.scene import Broken, Loaded, Oracle, begins, deployment, estimate, ids, request, world

SMALL, MEDIUM, LARGE = deployment("small", usd=0.1), deployment("medium", usd=1.0), deployment("large", usd=10.0)
THREE = (SMALL, MEDIUM, LARGE)
ORACLE = Oracle(
    {"small": estimate(0.6, 100_000), "medium": estimate(0.8, 1_000_000), "large": estimate(0.9, 10_000_000)}
)
CLOSE = AtLeast(model="large", within=0.1)


def auto(
    objective: Objective = CLOSE,
    *,
    predictor: Predictor | None = ORACLE,
    deployments: tuple[Deployment, ...] = THREE,
    fallback: tuple[Deployment, ...] = (),
    after: tuple[Deployment, ...] = (),
    via: str = "",
) -> Router:
    return Router(
        name="auto",
        deployments=deployments,
        policy=Best(),
        objective=objective,
        predictor=predictor,
        reference=(LARGE,) if isinstance(objective, AtLeast | AtMost) else (),
        fallback=fallback,
        baseline="lab/large",
        config="c0ffee",
        after=after,
        via=via,
    )


def decided(router: Router, asked: Request | None = None, dice: Dice | None = None) -> Decision:
    return decide(asked or request(), world(*THREE), router, dice or Loaded())


def order(decision: Decision) -> list[str]:
    return [each.removeprefix("lab/") for each in ids(decision.plan[0].candidates)]


def test_the_objective_chooses() -> None:
    decision = decided(auto())
    assert order(decision) == ["medium", "large", "small"]
    assert decision.chosen.utility == -0.001
    assert decision == Decision(
        router="auto",
        plan=decision.plan,
        rejected=(),
        policy="best",
        reason="objective",
        propensity=1.0,
        objective=CLOSE,
        predictor="oracle-1",
        config="c0ffee",
        detail="not calibrated",
        flip=None,
        baseline="lab/large",
        threshold=0.9 - 0.1,
    )


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        (WillingnessToPay(usd=0.001), ["small", "medium", "large"]),
        (WillingnessToPay(usd=0.05), ["medium", "large", "small"]),
        (WillingnessToPay(usd=1.0), ["large", "medium", "small"]),
        (AtLeast(model="large"), ["large", "medium", "small"]),
        (AtMost(usd_per_1k_requests=1.0), ["medium", "small", "large"]),
        (AtMost(model="large"), ["large", "medium", "small"]),
        (CostTier(tier="max"), ["large", "medium", "small"]),
        (CostTier(tier="low"), ["medium", "large", "small"]),
    ],
)
def test_each_objective(objective: Objective, expected: list[str]) -> None:
    assert order(decided(auto(objective))) == expected


@pytest.mark.parametrize(("tier", "expected"), [("max", "large"), ("low", "medium")])
def test_the_callers_cost_tier_goes_before_the_routers_objective(tier: str, expected: str) -> None:
    decision = decided(auto(WillingnessToPay(usd=0.0)), request(routing=Routing(cost_tier=tier)))
    assert order(decision)[0] == expected
    assert isinstance(decision.objective, CostTier)


def test_the_callers_cost_tier_keeps_what_the_router_says_of_latency() -> None:
    own = WillingnessToPay(usd=0.0, p95_first_token=2.0, latency_price=0.001)
    decision = decided(auto(own), request(routing=Routing(cost_tier="low")))
    assert decision.objective == CostTier(tier="low", p95_first_token=2.0, latency_price=0.001)


QUICK = AtLeast(model="large", within=0.1, p95_first_token=2.0)


def timed(router: Router, speeds: dict[str, Speed], routing: Routing | None = None, *, shows: float = 0.0) -> Decision:
    return decide(request(routing=routing), world(*THREE, speeds=speeds), router, Loaded(shows))


def test_who_is_known_to_begin_too_late_is_rejected_for_its_latency() -> None:
    decision = timed(auto(QUICK), {"lab/medium": begins(3.0), "lab/large": begins(1.0)})
    assert order(decision) == ["large", "small"]
    assert [(each.deployment, each.reason) for each in decision.rejected] == [("lab/medium", "latency")]


def test_an_unknown_latency_is_no_reason() -> None:
    assert order(timed(auto(QUICK), {})) == ["medium", "large", "small"]


def test_when_all_are_too_slow_nobody_serves_and_each_is_named() -> None:
    speeds = {each.id: begins(3.0) for each in THREE}
    decision = timed(auto(QUICK), speeds)
    assert decision.plan == ()
    assert [each.reason for each in decision.rejected] == ["latency"] * 3


def test_a_reference_that_is_too_slow_to_serve_still_sets_the_bar() -> None:
    decision = timed(auto(QUICK), {"lab/large": begins(3.0)})
    assert order(decision) == ["medium", "small"]
    assert decision.threshold == pytest.approx(0.8)


def test_the_limit_holds_when_deciding_fails_too() -> None:
    router = auto(QUICK, predictor=Broken(), fallback=(LARGE,))
    assert order(timed(router, {})) == ["large", "small", "medium"]
    assert order(timed(router, {"lab/large": begins(3.0)})) == ["small", "medium"]


def test_a_latency_that_the_predictor_does_not_know_comes_from_what_was_measured() -> None:
    decision = timed(auto(), {"lab/medium": Speed(tokens_per_second=50.0)})
    latencies = [each.estimate and each.estimate.latency for each in decision.plan[0].candidates]
    assert latencies == [2.0, None, None]


TWINS = (
    deployment("a", provider="dear", usd=5.0),
    deployment("b", usd=3.0),
    deployment("a", provider="cheap", usd=1.0),
    deployment("c", provider="unknown", usd=None),
)
TWIN_ORACLE = Oracle({"a": estimate(0.9, 1), "b": estimate(0.8, 1)})


def test_a_suffix_sorts_the_deployments_of_the_chosen_model() -> None:
    router = auto(CostTier(tier="max"), deployments=TWINS, predictor=TWIN_ORACLE)
    assert ids(decided(router).plan[0].candidates)[:2] == ["cheap/a", "dear/a"]
    dearer = auto(CostTier(tier="max"), deployments=TWINS[:3], predictor=Oracle({"dear/a": estimate(0.95, 1)}))
    floor = decided(msgspec.structs.replace(dearer, sort="price"))
    assert ids(decided(dearer).plan[0].candidates)[0] == "dear/a"
    assert ids(floor.plan[0].candidates) == ["cheap/a", "dear/a", "lab/b"]
    assert (floor.reason, floor.propensity, floor.steered) == ("objective", 1.0, True)


def test_the_floor_of_a_named_model_puts_an_unknown_price_last_and_says_so() -> None:
    router = Router(name="x", deployments=(TWINS[3], TWINS[0], TWINS[2]), named=True, sort="price")
    decision = decided(router)
    assert ids(decision.plan[0].candidates) == ["unknown/c", "cheap/a", "dear/a"]
    assert decision.detail == "sorted by price, which is not known of unknown/c; they come last"
    assert decision.reason == "named"


def test_a_sort_across_models_leaves_nothing_to_the_policy() -> None:
    router = Router(name="canary", deployments=TWINS[:3], policy=Weighted({"a": 0.1, "b": 0.9}))
    decision = timed(router, {}, Routing(sort="price", sort_across=True), shows=0.5)
    assert ids(decision.plan[0].candidates) == ["cheap/a", "lab/b", "dear/a"]
    assert (decision.reason, decision.policy, decision.propensity) == ("sorted", "fixed", 1.0)


def test_the_late_are_kept_for_when_the_others_fail_and_the_draw_is_among_the_others() -> None:
    router = Router(name="canary", deployments=THREE, policy=Weighted({"small": 1.0, "medium": 1.0, "large": 2.0}))
    patience = Routing(preferred_max_latency=(("p50", 1.0),))
    decision = timed(router, {"lab/small": begins(2.0)}, patience)
    assert order(decision) == ["large", "medium", "small"]
    assert decision.propensity == pytest.approx(2 / 3)
    assert decision.rejected == ()


def test_when_all_are_late_the_policy_chooses_among_them_all() -> None:
    speeds = {each.id: begins(2.0) for each in THREE}
    decision = timed(auto(), speeds, Routing(preferred_max_latency=(("p90", 1.0),)))
    assert order(decision) == ["medium", "large", "small"]


def test_a_fallback_model_overtakes_a_router_that_is_late_and_leaves_no_chance() -> None:
    router = Router(
        name="canary", deployments=(SMALL, MEDIUM), policy=Weighted({"small": 1.0, "medium": 3.0}), after=(LARGE,)
    )
    speeds = {"lab/small": begins(2.0), "lab/medium": begins(2.0)}
    decision = timed(router, speeds, Routing(preferred_max_latency=(("p50", 1.0),)))
    assert order(decision) == ["large", "medium"]
    assert decision.propensity == 1.0


def test_a_cost_tier_has_no_say_where_there_is_no_objective() -> None:
    router = Router(name="canary", deployments=THREE, policy=Weighted({"small": 1.0}), predictor=ORACLE)
    assert decided(router, request(routing=Routing(cost_tier="max"))).reason == "weighted"


def test_an_unknown_cost_tier() -> None:
    with pytest.raises(InvalidRequest) as caught:
        decided(auto(), request(routing=Routing(cost_tier="lowest" * 99)))
    assert caught.value.message == (
        "cost_tier: found 'lowestlowestlowestlo', expected one of low, medium, high, xhigh, max"
    )
    assert caught.value.param == "cost_tier"


def test_a_reference_that_does_not_fit_still_sets_the_bar() -> None:
    router = auto(deployments=(SMALL, MEDIUM))
    decision = decided(router)
    assert order(decision) == ["medium", "small"]
    assert decision.threshold == pytest.approx(0.8)


def test_nobody_above_the_bar() -> None:
    decision = decided(auto(AtLeast(model="large"), deployments=(SMALL, MEDIUM)))
    assert order(decision) == ["medium", "small"]
    assert decision.detail == (
        "not calibrated; no candidate is expected to reach a quality of 0.900; the best was taken"
    )


def test_one_candidate_is_left() -> None:
    decision = decided(auto(), request(routing=Routing(allowed=("small",))))
    assert order(decision) == ["small"]
    assert decision.reason == "only_candidate"
    assert [(each.deployment, each.reason) for each in decision.rejected] == [
        ("lab/medium", "not_allowed"),
        ("lab/large", "not_allowed"),
    ]


def test_a_decision_that_nobody_fits_holds_every_rejection_and_no_plan() -> None:
    router = auto(deployments=(deployment("small", usd=None), deployment("large", capabilities=frozenset())))
    decision = decided(router, msgspec.structs.replace(request(), tools=(Tool(name="search"),)))
    assert (decision.plan, decision.reason, decision.router) == ((), "no_candidate", "auto")
    assert (decision.objective, decision.config) == (router.objective, router.config)
    assert [(each.deployment, each.reason) for each in decision.rejected] == [
        ("lab/small", "price_unknown"),
        ("lab/large", "capability_missing"),
    ]


def test_whoever_is_named_serves() -> None:
    router = Router(name="small", deployments=(SMALL, deployment("small", provider="two")), named=True)
    decision = decided(router)
    assert ids(decision.plan[0].candidates) == ["lab/small", "two/small"]
    assert (decision.reason, decision.policy, decision.propensity) == ("named", "fixed", 1.0)
    assert decision.chosen.estimate is None
    assert (decision.objective, decision.predictor, decision.baseline) == (None, None, None)


def test_whoever_a_rule_names_serves() -> None:
    decision = decided(Router(name="small", deployments=(SMALL,), named=True, via="routers.r.rules[0] led to small"))
    assert (decision.reason, decision.detail) == ("rule", "routers.r.rules[0] led to small")


def test_a_rule_that_leads_to_a_router_leaves_the_reason_to_it() -> None:
    decision = decided(auto(via="routers.r.rules[1] led to auto"))
    assert (decision.reason, decision.detail) == ("objective", "routers.r.rules[1] led to auto; not calibrated")


def test_weights_are_drawn_from() -> None:
    router = Router(name="canary", deployments=THREE, policy=Weighted({"small": 0.9, "large": 0.1}))
    decision = decided(router, dice=Loaded(0.95))
    assert order(decision) == ["large", "small", "medium"]
    assert (decision.reason, decision.policy) == ("weighted", "weighted")
    assert decision.propensity == pytest.approx(0.1)


def test_ill_health_is_no_candidate() -> None:
    snapshot = Snapshot(now=0.0, deployments=THREE, health={"lab/medium": Health(healthy=False, detail="open circuit")})
    decision = decide(request(), snapshot, auto(), Loaded())
    assert order(decision) == ["large", "small"]
    assert decision.rejected[0].detail == "open circuit; try again later"


BROKEN: list[tuple[Predictor | None, str]] = [
    (None, "no predictor is loaded; the log says why"),
    (Broken(), "the predictor failed with RuntimeError; check its artefact"),
    (
        Oracle({"medium": estimate(nan)}),
        "the predictor's estimate for lab/medium is out of range; train it again",
    ),
]


@pytest.mark.parametrize(("predictor", "detail"), BROKEN)
def test_without_estimates_the_fallback_serves_first(predictor: Predictor | None, detail: str) -> None:
    decision = decided(auto(predictor=predictor, fallback=(MEDIUM,)), request(text="a secret"))
    assert order(decision) == ["medium", "small", "large"]
    assert (decision.reason, decision.policy, decision.detail) == ("degraded", "fixed", detail)
    assert decision.predictor is None


def test_without_a_fallback_the_configs_order_holds() -> None:
    assert order(decided(auto(predictor=Broken()))) == ["small", "medium", "large"]


def test_a_fallback_needs_neither_a_place_among_the_candidates_nor_a_price() -> None:
    other = deployment("other", usd=None)
    decision = decided(auto(predictor=Broken(), deployments=(*THREE, other), fallback=(other,)))
    assert order(decision) == ["other", "small", "medium", "large"]
    assert decision.rejected == ()


def test_a_fallback_must_be_able_to_serve() -> None:
    unable, ill = deployment("unable", capabilities=frozenset()), deployment("ill", usd=None)
    router = auto(predictor=Broken(), fallback=(unable, ill))
    snapshot = Snapshot(now=0.0, deployments=THREE, health={"lab/ill": Health(healthy=False)})
    asked = msgspec.structs.replace(request(), tools=(Tool(name="search"),))
    assert order(decide(asked, snapshot, router, Loaded())) == ["small", "medium", "large"]


def test_the_callers_cost_limit() -> None:
    decision = decided(auto(), request(routing=Routing(max_cost=999_999)))
    assert order(decision) == ["small"]
    assert [(each.deployment, each.reason) for each in decision.rejected] == [
        ("lab/medium", "max_cost"),
        ("lab/large", "max_cost"),
    ]


def test_a_cost_limit_holds_for_who_is_named_too() -> None:
    router = Router(name="large", deployments=(LARGE,), named=True, predictor=ORACLE)
    assert decided(router, request(routing=Routing(max_cost=10_000_000))).predictor == "oracle-1"
    (refused,) = decided(router, request(routing=Routing(max_cost=9_999_999))).rejected
    assert refused.detail.startswith("it is expected to cost $0.01, above the request's limit")


def test_a_cost_limit_that_cannot_be_kept_is_not_broken() -> None:
    decision = decided(auto(predictor=Broken(), fallback=(SMALL,)), request(routing=Routing(max_cost=10**9)))
    assert decision.plan == ()
    assert all("its cost cannot be estimated" in each.detail for each in decision.rejected)


def test_fallback_models_follow_the_first_choice() -> None:
    other = deployment("other", usd=None)
    assert order(decided(auto(after=(SMALL, MEDIUM, other)))) == ["medium", "small", "other"]


def test_fallback_models_serve_when_no_candidate_does() -> None:
    decision = decided(auto(deployments=(deployment("large", usd=None),), after=(SMALL,)))
    assert order(decision) == ["small"]
    assert (decision.reason, decision.policy) == ("named", "fixed")
    assert [each.reason for each in decision.rejected] == ["price_unknown"]


def test_a_fallback_model_that_a_router_skips_is_not_both_tried_and_rejected() -> None:
    unpriced = deployment("other", usd=None)
    decision = decided(auto(deployments=(*THREE, unpriced), after=(unpriced,)))
    assert order(decision) == ["medium", "other"]
    assert decision.rejected == ()


def test_fallback_models_keep_the_callers_limits() -> None:
    asked = request(routing=Routing(max_cost=1_000_000, ignore=("two",)))
    decision = decided(auto(after=(LARGE, SMALL, deployment("small", provider="two"))), asked)
    assert order(decision) == ["medium", "small"]
    assert [(each.deployment, each.reason) for each in decision.rejected] == [
        ("lab/large", "max_cost"),
        ("two/small", "denied"),
    ]


def test_the_callers_order_of_providers() -> None:
    twin = deployment("medium", provider="two", usd=2.0)
    oracle = Oracle({**ORACLE.estimates, "two/medium": estimate(0.8, 2_000_000)})
    router = auto(deployments=(*THREE, twin), predictor=oracle)
    assert ids(decided(router).plan[0].candidates)[0] == "lab/medium"
    assert ids(decided(router, request(routing=Routing(order=("two",)))).plan[0].candidates) == [
        "two/medium",
        "lab/medium",
        "lab/large",
        "lab/small",
    ]


def test_no_fallbacks() -> None:
    assert order(decided(auto(), request(routing=Routing(allow_fallbacks=False)))) == ["medium"]


QUALITIES = st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3)
COSTS = st.lists(st.integers(0, 10**9), min_size=3, max_size=3)
LISTS = st.lists(st.sampled_from(["small", "medium", "lab/*", "*e*", "none"]), max_size=2).map(tuple)
OBJECTIVES = st.sampled_from(
    [WillingnessToPay(usd=0.1), CLOSE, AtMost(usd_per_1k_requests=100.0), CostTier(tier="high")]
)


@given(QUALITIES, COSTS, OBJECTIVES, LISTS, LISTS)
def test_everyone_is_a_candidate_or_rejected_and_the_same_dice_decide_the_same(
    qualities: list[float],
    costs: list[int],
    objective: Objective,
    allowed: tuple[str, ...],
    excluded: tuple[str, ...],
) -> None:
    names = [each.model for each in THREE]
    oracle = Oracle({n: estimate(q, c) for n, q, c in zip(names, qualities, costs, strict=True)})
    asked = request(routing=Routing(allowed=allowed, excluded=excluded))
    router = auto(objective, predictor=oracle)
    fits, refused = split(asked, THREE, world(*THREE))
    assert len(fits) + len(refused) == len(THREE)
    if not fits:
        assert decided(router, asked).plan == ()
        return
    first, second = (decided(router, asked, random.Random(3)) for _ in range(2))
    candidates, rejected = ids(first.plan[0].candidates), [each.deployment for each in first.rejected]
    assert sorted(candidates) == sorted(each.id for each in fits)
    assert rejected == [each.deployment for each in refused]
    assert first == second
    assert 0 < first.propensity <= 1


@given(st.integers(0, 2**32), st.sets(st.sampled_from(["small", "medium", "large"]), min_size=1))
def test_a_draw_falls_on_an_eligible_one_with_its_share(seed: int, allowed: set[str]) -> None:
    weights = {"small": 5.0, "medium": 3.0, "large": 2.0}
    router = Router(name="canary", deployments=THREE, policy=Weighted(weights))
    decision = decided(router, request(routing=Routing(allowed=tuple(allowed))), random.Random(seed))
    chosen = decision.chosen.deployment.model
    assert chosen in allowed
    assert decision.propensity == pytest.approx(weights[chosen] / sum(weights[each] for each in allowed))


PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "decision.md").read_text(encoding="utf-8")


def test_every_code_of_a_decision_is_in_the_reference() -> None:
    for code in (*get_args(DecisionReason), *get_args(RejectionReason)):
        assert f"\n| `{code}` |" in PAGE


def test_every_cost_tier_is_in_the_reference_with_its_loss() -> None:
    for tier, loss in TIER_LOSS.items():
        assert f"\n| `{tier}` | {loss:.2f} |" in PAGE


def test_a_calibrated_margin_stands_in_place_of_within() -> None:
    decision = decided(auto(replace(CLOSE, margin=-0.01)))
    assert order(decision) == ["large", "medium", "small"]
    assert decision.threshold == pytest.approx(0.91)
    assert decision.detail == "calibrated, margin -0.010"
    assert decision.objective == replace(CLOSE, margin=-0.01)


def test_the_promise_is_of_all_calibrated_models() -> None:
    aim = replace(CLOSE, margin=0.1)
    narrowed = decided(auto(aim), request(routing=Routing(excluded=("small",))))
    assert narrowed.detail == "calibrated with models that do not fit this request, margin +0.100"
    unpriced = (*THREE, deployment("odd", usd=None))
    assert decided(auto(aim, deployments=unpriced)).detail == "calibrated, margin +0.100"


def test_nothing_is_promised_where_another_wish_than_the_objectives_won() -> None:
    aim = replace(CLOSE, margin=0.1)
    assert order(decided(auto(aim)))[0] == "medium"
    fastest = Routing(sort="throughput", sort_across=True)
    overtaken = timed(auto(aim), {"lab/large": Speed(tokens_per_second=90.0)}, fastest)
    assert overtaken.chosen.deployment.model == "large"
    assert "calibrated" not in overtaken.detail


def test_other_objectives_promise_nothing() -> None:
    assert decided(auto(CostTier(tier="max"))).detail == ""


def test_a_budget_chooses_by_its_pace_and_is_what_the_decision_states() -> None:
    budget = Budget(usd=10.0, per="day")
    paced = [msgspec.structs.replace(world(*THREE), paces={"auto": Pace(usd=usd, spent=0)}) for usd in (0.0, 100.0)]
    poor, rich = (decide(request(), each, auto(budget), Loaded()) for each in paced)
    assert (order(poor)[0], order(rich)[0]) == ("small", "large")
    assert (rich.objective, rich.threshold, rich.policy) == (budget, 100.0, "best")
    first = decide(request(), world(*THREE), auto(budget), Loaded())  # before any pace is known
    assert (first.threshold, first.detail[:25]) == (FIRST.usd, "what is spent of $10 a da")


@pytest.mark.parametrize("deployments", [(SMALL,), ()])
def test_a_decision_tells_how_a_name_was_read(deployments: tuple[Deployment, ...]) -> None:
    told = "model: 'SMALL' was read as small"
    decision = decided(Router(name="small", deployments=deployments, named=True, spelled=told))
    assert (decision.reason, decision.detail) == ("named" if deployments else "no_candidate", told)


def test_min_quality_tells_what_would_have_changed_the_choice() -> None:
    decision = decided(auto(MinQuality(quality=0.8)))
    assert order(decision)[0] == "medium"
    flip = explain_flip(decision)
    assert flip is not None
    assert flip.condition == "its expected quality rose above 0.800 (it is 0.600)"


def test_what_is_not_fulfilled_is_told_even_where_nobody_fits() -> None:
    asked = request(routing=Routing(only=("nobody",), unmet=(Unmet(field="plugins.web", detail="no such plugin"),)))
    assert [each.field for each in decided(auto(), asked).unmet] == ["plugins.web"]


def test_demands_hold_for_named_models_too() -> None:
    router = replace(auto(), named=True, objective=None, policy=Fixed())
    cheap = Routing(max_price=MaxPrice(prompt=round(0.5e9)))
    decision = decided(router, request(routing=cheap))
    assert order(decision) == ["small"]
    assert {each.reason for each in decision.rejected} == {"max_price"}
