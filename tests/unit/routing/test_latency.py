import pytest

from gearshift.routing.latency import Tariff, in_time, tariff, timed
from gearshift.types.decision import Estimate, Percentiles, Speed
from tests.unit.routing.scene import begins, deployment, estimate, takes

A, B = deployment("a"), deployment("b")


def test_a_second_is_charged_and_an_unknown_latency_counts_as_the_median_of_those_known() -> None:
    by = tariff(0.001, [takes(1.0), takes(3.0), takes(100.0), takes(None)])
    assert by == Tariff(usd_per_second=0.001, unknown=3.0)
    assert [by.charge(each) for each in (takes(0.0), takes(2.5), takes(None))] == [0, 2_500_000, 3_000_000]


@pytest.mark.parametrize("price", [None, 0.0])
def test_without_a_price_time_is_free(price: float | None) -> None:
    assert tariff(price, [takes(9.0)]).charge(takes(9.0)) == 0


def test_where_no_latency_is_known_all_count_alike() -> None:
    assert tariff(1.0, [takes(None)]).charge(takes(None)) == 0
    assert tariff(1.0, []).charge(takes(None)) == 0


@pytest.mark.parametrize(
    ("found", "speed", "latency"),
    [
        (takes(None), Speed(tokens_per_second=50.0), 2.0),
        (takes(7.0), Speed(tokens_per_second=50.0), 7.0),
        (takes(None), Speed(tokens_per_second=0.0), None),
        (takes(None), Speed(), None),
        (takes(None), None, None),
    ],
    ids=["measured", "predicted goes first", "no speed at all", "not measured", "not seen"],
)
def test_an_expected_latency_is_predicted_or_measured_or_unknown(
    found: Estimate, speed: Speed | None, latency: float | None
) -> None:
    speeds = {} if speed is None else {A.id: speed}
    ((deployment_, after), nothing) = timed([(A, found), (B, None)], speeds)
    assert deployment_ == A
    assert after is not None
    assert after.latency == latency
    assert nothing == (B, None)


def test_who_is_known_to_begin_too_late_is_rejected_and_who_is_not_known_is_not() -> None:
    speeds = {"lab/a": begins(2.0), "lab/b": begins(2.1), "lab/d": Speed(tokens_per_second=1.0)}
    some = [deployment(name) for name in "abcd"]
    kept, (rejection,) = in_time(some, 2.0, speeds)
    assert [each.model for each in kept] == ["a", "c", "d"]
    assert (rejection.deployment, rejection.reason) == ("lab/b", "latency")
    assert rejection.detail == (
        "95 of 100 of its streams lately began within 2.1 s, the objective's latency allows 2 s; "
        "raise p95_first_token or wait"
    )


def test_only_the_95th_percentile_counts() -> None:
    speed = Speed(first_token=Percentiles(p50=0.1, p75=0.2, p90=0.3, p95=1.0, p99=60.0))
    assert in_time([A], 1.0, {"lab/a": speed}) == ([A], [])
    assert in_time([A], None, {"lab/a": speed}) == ([A], [])


def test_estimates_of_quality_stay_as_they_are() -> None:
    ((_, after),) = timed([(A, estimate(0.5, 7))], {A.id: Speed(tokens_per_second=100.0)})
    assert after == Estimate(quality=0.5, quality_std=0.1, cost=7, output_tokens=100.0, latency=1.0)
