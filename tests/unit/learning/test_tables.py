from __future__ import annotations

from msgspec.structs import replace

from gearshift.learning.findings import Baselines, Point, RivalReport, SetReport, TaskReport
from gearshift.learning.metrics import Coverage, Interval
from gearshift.learning.tables import distinct, interval, lines

BASE = Baselines(
    best_model="m",
    best_quality=0.5,
    best_cost_usd=None,
    random_quality=0.5,
    random_cost_usd=None,
    oracle_quality=0.5,
    oracle_cost_usd=None,
)
BARE = SetReport(
    dataset="d",
    prompts=1,
    models=2,
    ece=0.1,
    baselines=BASE,
    points=(),
    gain=None,
    parity=None,
    near_parity=None,
    aiq=None,
    pair=None,
)
SOME = Interval(value=0.01, low=-0.01, high=0.02)


def test_what_is_unknown_shows_as_a_dash() -> None:
    text = "\n".join(lines(replace(BARE, gain=SOME, parity=Interval(value=None))))
    assert "gain over mixing single models at equal cost: 1.0 (-1.0 to 2.0) points" in text
    assert "- (- to -) % of its own" in text
    assert "best single  0.5000          -  m" in text
    assert interval(SOME, 1, 3) == "0.010 (-0.010 to 0.020)"


def test_without_costs_it_says_what_to_do() -> None:
    assert "--prices" in "\n".join(lines(BARE))
    assert "--prices" not in "\n".join(lines(replace(BARE, models=1)))


def test_rivals_tasks_and_coverage_have_their_lines() -> None:
    task = TaskReport(task="t", prompts=30, best_model="m", best_quality=0.5, gain=None)
    rival = RivalReport(name="kNN", setting="k = 5", prompts=9, points=(), gain=SOME, lead=SOME)
    cover = Coverage(z=-0.5, within=0.9)
    text = "\n".join(lines(replace(BARE, trained=False, tasks=(task,), rivals=(rival,), coverage=cover)))
    assert "out of distribution" in text
    assert "kNN (k = 5; 9 prompts): gain 1.0 (-1.0 to 2.0), the router leads by 1.0 (-1.0 to 2.0)" in text
    assert "t (best: m)" in text
    assert "-0.50 std; 90% of models" in text


def test_settings_that_choose_alike_are_shown_once() -> None:
    point = Point(willingness_to_pay=1.0, quality=0.5, cost_usd=0.1, mix_quality=0.4)
    found = distinct([point, replace(point, willingness_to_pay=2.0), replace(point, quality=0.6)])
    assert [each.quality for each in found] == [0.5, 0.6]
