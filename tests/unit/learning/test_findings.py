from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from gearshift.learning.artifact import builtin_path, read
from gearshift.learning.findings import Point, PromiseReport, SetReport
from gearshift.learning.metrics import Interval

PROMISE = PromiseReport(
    reference="large",
    within=0.02,
    confidence=0.95,
    margin=-0.01,
    prompts=320,
    questions=300,
    loss=Interval(value=0.012, low=0.001, high=0.03),
    cost_share=0.6,
    calibrated_on=False,
)


def test_what_older_manifests_keep_still_reads() -> None:
    old = {"willingness_to_pay": 1.0, "quality": 0.5, "cost_usd": 0.1, "mix_quality": 0.4}
    point = msgspec.convert(old, Point)
    assert (point.low, point.high, point.shares) == (None, None, {})


def test_the_metrics_that_ship_are_set_reports() -> None:
    for name, found in read(builtin_path()).manifest.metrics.items():
        report = msgspec.convert({**found, "dataset": name, "points": ()}, SetReport)
        assert report.prompts > 0


@pytest.mark.parametrize(
    ("value", "low", "verdict"),
    [(0.02, 0.01, "kept"), (-0.1, -0.2, "kept"), (0.03, 0.01, "missed, within chance"), (0.05, 0.03, "broken")],
)
def test_a_promise_is_broken_only_beyond_chance(value: float, low: float, verdict: str) -> None:
    found = replace(PROMISE, loss=Interval(value=value, low=low, high=1.0))
    assert found.verdict == verdict
    assert replace(found, calibrated_on=True).verdict == "calibrated on these outcomes"
