"""A whole run, as short as it can be, with the real gateway."""

from __future__ import annotations

import pytest

from gearshift.cli.benchmark import run
from gearshift.cli.benchmark.load import Load


def test_a_run_measures_the_gateway_against_a_direct_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "STARTS", 1)
    report = run.measure(rounds=1, seconds=0.1, loads=(Load(kind="burst", connections=2),))
    (figures,) = report.figures
    assert (figures.errors, figures.fault) == (0, None)
    assert figures.requests >= 2
    assert figures.added_p50_s is not None
    assert report.footprint.ready_s > 0
    assert report.machine.rounds == 1
    assert {bar.name: bar.measured for bar in report.bars}["calls without a complete answer"] == 0
