from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from gearshift.learning import charts
from gearshift.learning.artifact import Artifact
from gearshift.learning.data import OutcomeTable, split
from gearshift.learning.evaluation import evaluate
from gearshift.learning.findings import Point, SetReport, Single
from gearshift.learning.metrics import Interval


@pytest.fixture(scope="module")
def found(trained: Artifact, table: OutcomeTable) -> SetReport:
    rest, held = split(table, 0.5, 0)
    return evaluate(trained, held, rest=rest).sets[0]


def kinds(drawn: str) -> list[str]:
    return [each.get("class", "") for each in ET.fromstring(drawn).iter()]  # noqa: S314 - made here


def test_cost_and_quality_show_everybody(found: SetReport) -> None:
    drawn = charts.cost_quality(found)
    there = kinds(drawn)
    for kind in ("band", "mix", "router", "rival rival1", "rival rival2", "oracle", "model edge"):
        assert kind in there
    assert all(f"{name}: " in drawn for name in ("small", "large"))


def test_models_far_below_are_counted_not_drawn(found: SetReport) -> None:
    good = tuple(replace(each, quality=0.9 + 0.01 * number) for number, each in enumerate(found.singles))
    weak = Single(model="feeble", quality=0.0, cost_usd=1.0)
    points = tuple(replace(each, quality=0.9, low=0.88, high=0.92) for each in found.points)
    drawn = charts.cost_quality(replace(found, singles=(*good, weak), points=points, rivals=()))
    assert "feeble" not in drawn
    assert "1 weaker model lies below" in drawn


def test_a_mix_bends_on_a_logarithmic_axis() -> None:
    path = charts.bent([(1.0, 0.0), (100.0, 1.0)])
    assert path[0] == (1.0, 0.0)
    assert path[-1] == (100.0, 1.0)
    middle = next(quality for cost, quality in path if cost > 9.99)
    assert middle == pytest.approx(0.09, abs=0.03)
    assert charts.bent([(0.0, 0.5), (1.0, 0.6)]) == [(0.0, 0.5), (1.0, 0.6)]


def test_calibration_and_shares_are_well_formed(found: SetReport) -> None:
    assert kinds(charts.reliability(found.bins, "<d>")).count("router-dot") == len(found.bins)
    assert "c1" in kinds(charts.shares(found.points, "<d>"))


def test_rare_models_share_a_colour() -> None:
    names = [f"m{number}" for number in range(9)]
    point = Point(
        willingness_to_pay=1.0, quality=0.5, cost_usd=0.1, mix_quality=0.4, shares=dict.fromkeys(names, 1 / 9)
    )
    points = (point, replace(point, willingness_to_pay=2.0))
    assert charts.leading(points) == names[: charts.LEADING]
    assert "c0" in kinds(charts.shares(points, "d"))


@pytest.mark.parametrize(
    ("interval", "sign", "words"),
    [
        (Interval(value=0.02, low=0.01, high=0.03), "gain", "+2.0 (+1.0 to +3.0)"),
        (
            Interval(value=-0.02, low=-0.03, high=-0.01),
            "loss",
            "\N{MINUS SIGN}2.0 (\N{MINUS SIGN}3.0 to \N{MINUS SIGN}1.0)",
        ),
        (Interval(value=0.0, low=None, high=None), "even", "+0.0 (\N{EN DASH} to \N{EN DASH})"),
        (Interval(value=None), "even", "\N{EN DASH}"),
    ],
)
def test_a_forest_tells_gain_from_chance(interval: Interval, sign: str, words: str) -> None:
    assert charts.sign(interval) == sign
    assert charts.points_of(interval) == words
    drawn = charts.forest([("d", interval), ("e", interval)], "t")
    assert kinds(drawn).count(f"whisker {sign}") == (0 if interval.value is None else 2)
    assert words in drawn


def test_a_muted_row_is_no_gain() -> None:
    drawn = charts.forest([("thin", Interval(value=0.2, low=0.1, high=0.3))], "t", {"thin"})
    assert "whisker even" in kinds(drawn)
    assert "whisker gain" not in kinds(drawn)


def test_long_names_are_cut() -> None:
    assert charts.short("x" * 50).endswith("…")
    assert charts.short("x") == "x"
