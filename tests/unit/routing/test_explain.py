import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.routing.decide import decide
from gearshift.routing.explain import explain_flip, explain_refusal
from gearshift.routing.policy import Best, Weighted
from gearshift.routing.router import Router
from gearshift.types.catalog import NANO_PER_USD
from gearshift.types.chat import Routing
from gearshift.types.decision import (
    AtLeast,
    AtMost,
    Budget,
    CostTier,
    Decision,
    Estimate,
    Flip,
    Objective,
    Pace,
    WillingnessToPay,
)
from tests.unit.routing.scene import Loaded, Oracle, deployment, estimate, request, world

NAMES = ("a", "b", "c")
DEPLOYMENTS = tuple(deployment(name) for name in NAMES)
REFERENCE = deployment("r")


def decided(objective: Objective, *estimates: Estimate, routing: Routing | None = None) -> Decision:
    """Decide among `estimates`, by name, with a reference of quality 0.8 at a cent that is no candidate."""
    oracle = Oracle({**dict(zip(NAMES, estimates, strict=False)), "r": estimate(0.8, NANO_PER_USD // 100)})
    router = Router(
        name="auto",
        deployments=DEPLOYMENTS[: len(estimates)],
        policy=Best(),
        objective=objective,
        predictor=oracle,
        reference=(REFERENCE,),
    )
    return decide(request(routing=routing), world(*DEPLOYMENTS), router, Loaded())


def test_a_refusal_lists_every_rejection() -> None:
    router = Router(name="auto", deployments=(deployment("small", usd=None), deployment("large", usd=None)))
    assert explain_refusal(decide(request(), world(), router, Loaded())) == (
        "no deployment of auto fits this request:\n"
        "  - lab/small: price_unknown: what it charges is not known, so it cannot be weighed; "
        "add a price to its deployment in models.small in the config, or ask for it by name\n"
        "  - lab/large: price_unknown: what it charges is not known, so it cannot be weighed; "
        "add a price to its deployment in models.large in the config, or ask for it by name"
    )


def test_a_refusal_names_the_rule_that_led_to_it() -> None:
    astray = Router(name="rules", via="no rule of router rules matches; add one without `when`")
    assert explain_refusal(decide(request(), world(), astray, Loaded())) == (
        "no deployment of rules fits this request (no rule of router rules matches; add one without `when`)"
    )
    dear = Router(name="auto", deployments=(deployment("small", usd=None),), via="routers.rules.rules[0] led to auto")
    said = explain_refusal(decide(request(), world(), dear, Loaded()))
    assert said.startswith(
        "no deployment of auto fits this request (routers.rules.rules[0] led to auto):\n  - lab/small"
    )


@pytest.mark.parametrize(
    ("objective", "estimates", "flip"),
    [
        (
            WillingnessToPay(usd=0.05),
            (estimate(0.6, 1_000_000), estimate(0.8, 10_000_000)),  # a is worth 0.029, b 0.030
            Flip(
                would_choose="lab/a",
                condition="its expected quality rose above 0.620 (it is 0.600)",
            ),
        ),
        (
            WillingnessToPay(usd=0.05),
            (estimate(0.6, 1_000_000), estimate(0.8, 12_000_000)),  # a is worth 0.029, b 0.028
            Flip(would_choose="lab/b", condition="its expected quality rose above 0.820 (it is 0.800)"),
        ),
        (
            WillingnessToPay(usd=1.0),
            (estimate(0.5, 500_000_000), estimate(0.6, 590_000_000)),  # a is worth nothing, b 0.01
            Flip(would_choose="lab/a", condition="its expected cost fell below $0.49 (it is $0.5)"),
        ),
        (
            WillingnessToPay(usd=1.0),
            (estimate(0.1, 10_000_000), estimate(0.9, 805_000_000)),  # a is worth 0.090, b 0.095
            Flip(would_choose="lab/a", condition="willingness_to_pay fell below $0.993750 (it is $1.000000)"),
        ),
        (
            WillingnessToPay(usd=0.5),
            (estimate(0.0, 1_000_000), estimate(0.01, 1_000_000)),  # no willingness is low enough for a
            Flip(would_choose="lab/a", condition="its expected quality rose above 0.010 (it is 0.000)"),
        ),
        (
            AtLeast(model="r", within=0.1),
            (estimate(0.75, 9), estimate(0.9, 12)),
            Flip(would_choose="lab/b", condition="its expected cost fell below $0.000000009 (it is $0.000000012)"),
        ),
        (
            AtLeast(model="r", within=0.1),
            (estimate(0.69, 1), estimate(0.75, 9), estimate(0.1, 0)),
            Flip(
                would_choose="lab/a",
                condition="its expected quality rose above 0.700 (it is 0.690) or `within` were 0.110 (it is 0.100)",
            ),
        ),
        (
            AtLeast(model="r"),
            (estimate(0.6, 1), estimate(0.5, 1)),
            Flip(would_choose="lab/b", condition="its expected quality rose above 0.600 (it is 0.500)"),
        ),
        (
            CostTier(tier="high"),
            (estimate(0.86, 1), estimate(0.88, 5), estimate(0.9, 9)),
            Flip(would_choose="lab/a", condition="its expected quality rose above 0.870 (it is 0.860)"),
        ),
        (
            AtMost(usd_per_1k_requests=1.0),
            (estimate(0.6, 900_000), estimate(0.9, 1_250_000)),
            Flip(would_choose="lab/b", condition="its expected cost fell below $0.001 (it is $0.00125)"),
        ),
        (
            AtMost(usd_per_1k_requests=1.0),
            (estimate(0.6, 900_000), estimate(0.54, 1)),
            Flip(would_choose="lab/b", condition="its expected quality rose above 0.600 (it is 0.540)"),
        ),
        (
            AtMost(usd_per_1k_requests=1.0),
            (estimate(0.6, 2_000_000), estimate(0.54, 4_000_000)),
            Flip(would_choose="lab/b", condition="its expected cost fell below $0.002 (it is $0.004)"),
        ),
    ],
)
def test_the_smallest_change(objective: Objective, estimates: tuple[Estimate, ...], flip: Flip) -> None:
    assert explain_flip(decided(objective, *estimates)) == flip


def test_a_willingness_of_nothing_can_rise() -> None:
    flip = explain_flip(decided(WillingnessToPay(usd=0.0), estimate(0.5, 0), estimate(0.5, 10), estimate(0.75, 1_000)))
    assert flip == Flip(would_choose="lab/c", condition="willingness_to_pay rose above $0.000004 (it is $0.000000)")


def test_what_a_latency_counts_as_stays_when_a_cost_falls() -> None:
    slow, quick = estimate(0.5, 40_000_000, 4.0), estimate(0.5, 60_000_000, 1.0)  # 0.08 and 0.07 with the waiting
    decision = decided(CostTier(tier="max", latency_price=0.01), slow, quick)
    assert decision.chosen.deployment.model == "b"
    assert explain_flip(decision) == Flip(
        would_choose="lab/a", condition="its expected cost fell below $0.03 (it is $0.04)"
    )


def test_no_fall_of_the_cost_makes_up_for_a_latency_that_counts_for_more() -> None:
    slow, quick = estimate(1.0, 1, 9.0), estimate(1.0, 2, 1.0)
    assert explain_flip(decided(CostTier(tier="max", latency_price=1.0), slow, quick)) is None


def test_a_wish_that_may_reorder_the_deployments_of_a_model_leaves_no_flip() -> None:
    twins = (deployment("a"), deployment("a", provider="two"))
    router = Router(
        name="auto",
        deployments=twins,
        policy=Best(),
        objective=CostTier(tier="max"),
        predictor=Oracle({"lab/a": estimate(0.5, 1), "two/a": estimate(0.5, 2)}),
    )
    plain, steered = (
        decide(request(routing=routing), world(*twins), router, Loaded())
        for routing in (Routing(), Routing(sort="price"))
    )
    assert explain_flip(plain) is not None
    assert explain_flip(steered) is None


def test_a_tie_is_decided_by_the_smallest_change_there_is() -> None:
    flip = explain_flip(decided(CostTier(tier="max"), estimate(0.5, 10), estimate(0.5, 10)))
    assert flip == Flip(would_choose="lab/b", condition="its expected cost fell below $0.00000001 (it is $0.00000001)")


@pytest.mark.parametrize(
    "decision",
    [
        decided(AtLeast(model="r"), estimate(0.9, 1)),
        decided(AtLeast(model="r"), estimate(1.0, 0), estimate(0.1, 9)),
        decided(WillingnessToPay(usd=1.0), estimate(0.5, 1), estimate(0.9, None)),
        decided(WillingnessToPay(usd=1.0), estimate(0.5, None), estimate(0.9, None)),
        decided(AtLeast(model="r"), estimate(2.0, 1), estimate(0.9, 5)),
        decided(AtLeast(model="r"), estimate(0.9, 5), estimate(0.9, 1), routing=Routing(allow_fallbacks=False)),
        decide(
            request(),
            world(*DEPLOYMENTS),
            Router(name="canary", deployments=DEPLOYMENTS, policy=Weighted({"a": 1.0})),
            Loaded(),
        ),
        decide(request(), world(*DEPLOYMENTS), Router(name="a", deployments=DEPLOYMENTS[:1], named=True), Loaded()),
    ],
    ids=[
        "one",
        "out of reach",
        "unknown cost",
        "unknown costs",
        "degraded",
        "no other",
        "weighted",
        "named",
    ],
)
def test_nothing_flips(decision: Decision) -> None:
    assert explain_flip(decision) is None


def _changed(found: Estimate, flip: Flip) -> Estimate:
    """Carry out the change that a condition states, and a little more, for it is shown rounded."""
    number = float(re.findall(r"\d+(?:\.\d+)?", flip.condition)[0])
    if flip.condition.startswith("its expected cost"):
        return msgspec.structs.replace(found, cost=max(0, round(number * NANO_PER_USD) - 2))
    return msgspec.structs.replace(found, quality=min(1.0, number + 0.002))


OBJECTIVES = st.sampled_from(
    [
        WillingnessToPay(usd=0.5),
        AtLeast(model="r", within=0.1),
        AtMost(model="r"),
        AtMost(usd_per_1k_requests=20.0),
        CostTier(tier="max"),
        CostTier(tier="low"),
    ]
)
ESTIMATES = st.builds(
    estimate, st.integers(0, 100).map(lambda n: n / 100), st.integers(1, 1_000).map(lambda n: n * 1_000_000)
)


LATENCIES = st.one_of(st.none(), st.integers(0, 100).map(lambda n: n / 10))
TIMED = st.builds(lambda found, latency: msgspec.structs.replace(found, latency=latency), ESTIMATES, LATENCIES)
PRICES = st.sampled_from([None, 0.0, 0.001, 0.05])


@given(OBJECTIVES, PRICES, st.lists(TIMED, min_size=2, max_size=3))
def test_the_stated_change_makes_the_stated_choice(
    objective: Objective, price: float | None, estimates: list[Estimate]
) -> None:
    objective = msgspec.structs.replace(objective, latency_price=price)
    before = decided(objective, *estimates)
    flip = explain_flip(before)
    if flip is None:
        return
    changed = [
        _changed(found, flip) if f"lab/{name}" == flip.would_choose else found
        for name, found in zip(NAMES, estimates, strict=False)
    ]
    if flip.condition.startswith("willingness_to_pay"):
        usd = float(re.findall(r"\d+(?:\.\d+)?", flip.condition)[0])
        step = 1e-5 if "rose" in flip.condition else -1e-5
        after = decided(WillingnessToPay(usd=max(0.0, usd + step), latency_price=price), *estimates)
        assert after.chosen.deployment.id != before.chosen.deployment.id
    else:
        assert decided(objective, *changed).chosen.deployment.id == flip.would_choose


def test_a_budget_flips_as_what_it_lets_quality_be_worth() -> None:
    cheap, dear = estimate(0.1, 1_000_000), estimate(0.9, 39_000_000)
    router = Router(
        name="auto",
        deployments=DEPLOYMENTS[:2],
        policy=Best(),
        objective=Budget(usd=10.0, per="day"),
        predictor=Oracle({"a": cheap, "b": dear}),
    )
    at = msgspec.structs.replace(world(*DEPLOYMENTS), paces={"auto": Pace(usd=0.05, spent=10**9)})
    decision = decide(request(), at, router, Loaded())
    assert decision.chosen.deployment.id == "lab/b"
    assert decision.detail == "$1 of $10 a day are spent; a unit of quality is worth $0.05"
    found = explain_flip(decision)
    assert found is not None
    assert found.condition == "what the budget lets a unit of quality be worth fell below $0.047500 (it is $0.050000)"
