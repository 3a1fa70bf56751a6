import msgspec
import pytest

from gearshift.routing.terms import demands, enforces
from gearshift.types.asking import MaxPrice
from gearshift.types.catalog import NANO_PER_USD, Deployment, Quirks, Terms, Tier
from gearshift.types.chat import Routing
from gearshift.types.decision import Rejection
from tests.unit.routing.scene import deployment, request


def on(terms: Terms, *, knowing: bool = False) -> Deployment:
    made = deployment("m")
    provider = msgspec.structs.replace(made.provider, quirks=Quirks(extensions=("provider",) if knowing else ()))
    return msgspec.structs.replace(made, terms=terms, provider=provider)


def refused(routing: Routing, at: Deployment) -> Rejection | None:
    found = [rejection for check in demands(request(routing=routing)) if (rejection := check(at)) is not None]
    return found[0] if found else None


DENY, ZDR, DISTIL, FP8 = (
    Routing(no_collection=True),
    Routing(zdr=True),
    Routing(distillable=True),
    Routing(quantizations=("fp8", "bf16")),
)


def test_nothing_is_demanded_unless_it_is_said() -> None:
    assert demands(request()) == []


@pytest.mark.parametrize(
    ("routing", "terms"),
    [
        (DENY, Terms(data_collection="deny")),
        (ZDR, Terms(zdr=True)),
        (DISTIL, Terms(distillable=True)),
        (FP8, Terms(quantization="bf16")),
        (Routing(quantizations=("unknown",)), Terms()),
    ],
)
def test_who_is_known_to_satisfy_a_demand_is_left_in(routing: Routing, terms: Terms) -> None:
    assert refused(routing, on(terms)) is None


@pytest.mark.parametrize(
    ("routing", "fact"),
    [
        (DENY, "data_collection: deny"),
        (ZDR, "zdr: true"),
        (DISTIL, "distillable: true"),
        (FP8, "quantization: fp8"),
    ],
)
def test_unknown_satisfies_no_demand_but_where_the_upstream_enforces_it(routing: Routing, fact: str) -> None:
    found = refused(routing, on(Terms()))
    assert found is not None
    assert found.reason == "terms"
    assert "is not known, and unknown satisfies no demand; state " in found.detail
    assert f"state {fact} under providers.lab (or its deployment of m)" in found.detail
    assert enforces(on(Terms(), knowing=True))
    assert refused(routing, on(Terms(), knowing=True)) is None


@pytest.mark.parametrize(
    ("routing", "terms", "detail"),
    [
        (DENY, Terms(data_collection="allow"), "the config says data_collection: allow, the request demands deny"),
        (ZDR, Terms(zdr=False), "the config says zdr: false, the request demands true"),
        (FP8, Terms(quantization="int4"), "its weights are kept as int4, the request demands fp8, bf16"),
    ],
)
def test_who_is_known_not_to_is_out_whoever_enforces(routing: Routing, terms: Terms, detail: str) -> None:
    for knowing in (False, True):
        found = refused(routing, on(terms, knowing=knowing))
        assert found is not None
        assert found.detail == detail


def usd(amount: float) -> int:
    return round(amount * NANO_PER_USD)


@pytest.mark.parametrize(
    ("limit", "word"),
    [
        (MaxPrice(prompt=usd(1), completion=usd(1)), None),
        (MaxPrice(prompt=usd(1) - 1), "prompt"),
        (MaxPrice(completion=usd(0.5)), "completion"),
        (MaxPrice(request=0, image=0), None),
    ],
)
def test_a_price_is_at_most_what_is_accepted(limit: MaxPrice, word: str | None) -> None:
    found = refused(Routing(max_price=limit), deployment("m", usd=1.0))
    assert (found is None) is (word is None)
    if found is not None:
        assert found.reason == "max_price"
        assert f"it charges $1 per million tokens, above max_price.{word} of $" in found.detail


def test_an_unknown_price_is_never_low_enough() -> None:
    found = refused(Routing(max_price=MaxPrice(request=usd(5))), deployment("m", usd=None))
    assert found is not None
    assert found.detail.startswith("what it charges is not known, so max_price cannot be kept; add a price to its")


def test_the_price_of_a_long_input_is_that_of_its_tier() -> None:
    made = deployment("m", usd=1.0)
    assert made.price is not None
    dear = msgspec.structs.replace(made.price.rates, input=usd(9))
    tiered = msgspec.structs.replace(made.price, tiers=(Tier(above_input_tokens=100, rates=dear),))
    at = msgspec.structs.replace(made, price=tiered)
    for text, fits in (("short", True), ("word " * 1_000, False)):
        (check,) = demands(request(text=text, routing=Routing(max_price=MaxPrice(prompt=usd(2)))))
        assert (check(at) is None) is fits
