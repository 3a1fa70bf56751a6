from __future__ import annotations

import msgspec

from gearshift.learning.artifact import builtin_path, read
from gearshift.learning.findings import Point, SetReport


def test_what_older_manifests_keep_still_reads() -> None:
    old = {"willingness_to_pay": 1.0, "quality": 0.5, "cost_usd": 0.1, "mix_quality": 0.4}
    point = msgspec.convert(old, Point)
    assert (point.low, point.high, point.shares) == (None, None, {})


def test_the_metrics_that_ship_are_set_reports() -> None:
    for name, found in read(builtin_path()).manifest.metrics.items():
        report = msgspec.convert({**found, "dataset": name, "points": ()}, SetReport)
        assert report.prompts > 0
