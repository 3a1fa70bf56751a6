import msgspec
import pytest

from gearshift.routing.order import as_asked, has_say, impatient, late, unsorted
from gearshift.types.chat import Routing
from gearshift.types.decision import Percentiles, Speed
from tests.unit.routing.scene import begins, candidate, deployment, ids, takes

ONE_A, ONE_B = candidate("a", provider="one"), candidate("b", provider="one")
TWO_A, TWO_B = candidate("a", provider="two"), candidate("b", provider="two")
THREE_A = candidate("a", provider="three")
ALL = [ONE_A, ONE_B, TWO_A, TWO_B, THREE_A]


@pytest.mark.parametrize(
    ("routing", "expected"),
    [
        (Routing(), ["one/a", "one/b", "two/a", "two/b", "three/a"]),
        (Routing(allow_fallbacks=False), ["one/a"]),
        (Routing(order=("three", "two")), ["three/a", "two/a", "one/a", "two/b", "one/b"]),
        (Routing(order=("Two", "two", "elsewhere")), ["two/a", "one/a", "three/a", "two/b", "one/b"]),
        (Routing(order=("elsewhere",)), ["one/a", "two/a", "three/a", "one/b", "two/b"]),
    ],
)
def test_the_order_that_was_asked_for(routing: Routing, expected: list[str]) -> None:
    assert ids(as_asked(ALL, routing, {})) == expected


def test_an_order_without_fallbacks_stays_with_the_first_model() -> None:
    routing = Routing(order=("two", "one"), allow_fallbacks=False)
    assert ids(as_asked([ONE_A, ONE_B, TWO_A, TWO_B], routing, {})) == ["two/a", "one/a"]


DEAR_A, FREE_A = candidate("a", provider="dear", usd=5.0), candidate("a", provider="free", usd=0.0)
UNKNOWN_A, CHEAP_B = candidate("a", provider="unknown", usd=None), candidate("b", provider="cheap", usd=0.1)
EVERY = "dear/a, unknown/a, one/a, free/a, cheap/b"
PRICED = [DEAR_A, UNKNOWN_A, ONE_A, FREE_A, CHEAP_B]


@pytest.mark.parametrize(
    ("routing", "expected"),
    [
        (Routing(sort="price"), ["free/a", "one/a", "dear/a", "unknown/a", "cheap/b"]),
        (Routing(sort="price", sort_across=True), ["free/a", "cheap/b", "one/a", "dear/a", "unknown/a"]),
        (Routing(sort="price", order=("dear",)), ["dear/a", "free/a", "one/a", "unknown/a", "cheap/b"]),
        (Routing(sort="price", allow_fallbacks=False), ["free/a"]),
    ],
    ids=["each model", "all", "behind the order", "one"],
)
def test_sorted_by_price_a_free_one_is_first_and_an_unknown_price_last(routing: Routing, expected: list[str]) -> None:
    assert ids(as_asked(PRICED, routing, {})) == expected


def test_throughput_falls_back_to_expected_latency_and_then_to_the_order_there_was() -> None:
    some = [
        candidate("a", provider="unknown"),
        candidate("a", provider="late", found=takes(9.0)),
        candidate("a", provider="early", found=takes(1.0)),
        candidate("a", provider="slow", found=takes(0.1)),
        candidate("a", provider="fast"),
        candidate("a", provider="unknown2"),
    ]
    speeds = {"slow/a": Speed(tokens_per_second=10.0), "fast/a": Speed(tokens_per_second=99.0)}
    routing = Routing(sort="throughput")
    assert ids(as_asked(some, routing, speeds)) == [
        *("fast/a", "slow/a", "early/a", "late/a", "unknown/a", "unknown2/a")
    ]
    assert unsorted(some, routing, speeds) == (
        "sorted by throughput, which is not known of unknown/a, late/a, early/a, unknown2/a; "
        "they follow by expected latency, else in their order"
    )


def test_latency_is_the_median_time_to_the_first_token() -> None:
    speeds = {"one/a": begins(2.0), "two/a": begins(1.0, tokens_per_second=1.0)}
    assert ids(as_asked([THREE_A, ONE_A, TWO_A], Routing(sort="latency"), speeds)) == ["two/a", "one/a", "three/a"]


def test_equals_keep_their_order() -> None:
    speeds = {each.deployment.id: begins(1.0, tokens_per_second=5.0) for each in ALL}
    for sort in ("price", "throughput", "latency"):
        assert as_asked(ALL, Routing(sort=sort, sort_across=True), speeds) == tuple(ALL)


@pytest.mark.parametrize(
    ("routing", "said"),
    [
        (Routing(), ""),
        (Routing(sort="price"), "sorted by price, which is not known of unknown/a; they come last"),
        (
            Routing(sort="latency"),
            f"sorted by latency, which is not known of {EVERY}; they follow by expected latency, else in their order",
        ),
    ],
)
def test_what_was_not_known_when_sorting_is_said(routing: Routing, said: str) -> None:
    assert unsorted(PRICED, routing, {}) == said


def test_a_long_list_of_those_not_known_is_cut_short() -> None:
    some = [candidate("a", provider=f"p{number}") for number in range(9)]
    assert "p4/a and 4 more;" in unsorted(some, Routing(sort="latency"), {})


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((), False),
        ((("p50", 1.0),), False),
        ((("p50", 0.9),), True),
        ((("p50", 1.0), ("p99", 3.0)), True),
        ((("p90", 3.0), ("p99", 4.0)), False),
    ],
)
def test_late_is_who_is_above_any_limit(limits: tuple[tuple[str, float], ...], *, expected: bool) -> None:
    speeds = {"lab/a": Speed(first_token=Percentiles(p50=1.0, p75=2.0, p90=3.0, p95=3.5, p99=4.0))}
    routing = Routing(preferred_max_latency=limits)  # type: ignore[arg-type]
    assert late(deployment("a"), routing, speeds) is expected


def test_who_is_not_measured_is_not_late() -> None:
    routing = Routing(preferred_max_latency=(("p50", 0.1),))
    assert not late(deployment("a"), routing, {})
    assert not late(deployment("a"), routing, {"lab/a": Speed(tokens_per_second=0.1)})


def test_the_late_come_last_whatever_their_model() -> None:
    routing = Routing(preferred_max_latency=(("p50", 1.0),), order=("one",))
    speeds = {"one/a": begins(9.0), "two/a": begins(9.0), "three/a": begins(9.0)}
    assert ids(as_asked(ALL, routing, speeds)) == ["one/b", "two/b", "one/a", "two/a", "three/a"]


@pytest.mark.parametrize(
    ("routing", "says"),
    [
        (Routing(), False),
        (Routing(order=("two",)), True),
        (Routing(sort="price"), True),
        (Routing(preferred_max_latency=(("p50", 1.0),)), True),
        (Routing(preferred_max_latency=(("p50", 9.0),)), False),
    ],
)
def test_whether_the_wishes_have_a_say(routing: Routing, *, says: bool) -> None:
    assert has_say(ALL, routing, {"one/a": begins(2.0)}) is says


def test_where_each_model_has_one_deployment_only_a_sort_across_has_a_say() -> None:
    assert not has_say([ONE_A, ONE_B], Routing(sort="price", order=("two",)), {})
    assert has_say([ONE_A, ONE_B], Routing(sort="price", sort_across=True), {})


@pytest.mark.parametrize(
    ("cutoffs", "expected"),
    [
        ((), False),
        ((("p50", 90.0),), False),
        ((("p50", 91.0),), True),
        ((("p50", 50.0), ("p90", 61.0)), True),
        ((("p75", 70.0), ("p99", 10.0)), False),
    ],
)
def test_slow_is_who_is_below_any_throughput(cutoffs: tuple[tuple[str, float], ...], *, expected: bool) -> None:
    speeds = {"lab/a": Speed(throughput=Percentiles(p50=90.0, p75=70.0, p90=60.0, p95=50.0, p99=10.0))}
    routing = Routing(preferred_min_throughput=cutoffs)  # type: ignore[arg-type]
    assert late(deployment("a"), routing, speeds) is expected
    assert impatient(routing) is bool(cutoffs)


def test_who_meets_one_preference_and_not_the_other_is_late() -> None:
    both = Routing(preferred_max_latency=(("p50", 1.0),), preferred_min_throughput=(("p50", 50.0),))
    begun = begins(0.5)
    rates = Percentiles(p50=40.0, p75=40.0, p90=40.0, p95=40.0, p99=40.0)
    assert not late(deployment("a"), both, {"lab/a": begun})
    assert late(deployment("a"), both, {"lab/a": msgspec.structs.replace(begun, throughput=rates)})
