from __future__ import annotations

from msgspec.structs import replace

from gearshift.cli.replay_report import text
from gearshift.learning.offpolicy import Estimated
from gearshift.learning.replay import Measure, Move, Replay, Versus
from gearshift.learning.support import Support

BASE = Support(rows=500, effective=250.4, unsupported=0.0, mean_weight=1.01, max_weight=4.0, clip=None, clipped_rows=0)
ONE = Versus(
    value=Estimated(value=0.002, low=0.001, high=0.003), difference=Estimated(value=-0.001, low=-0.002, high=0.0)
)
COST = Measure(
    rows=500,
    log=Estimated(value=0.003, low=0.002, high=0.004),
    ips=ONE,
    snips=ONE,
    dr=ONE,
    dm=ONE,
    model="forecasts",
    support=BASE,
)
FOUND = Replay(
    rows=500,
    left_out={"no_propensity": 3},
    changed=0.25,
    moves=(Move(source="lab/large", target="lab/small", rows=125.0),),
    shares={"lab/large": (0.5, 0.25), "lab/small": (0.5, 0.75)},
    quality=Measure(rows=0, refused=("found no row with a known score, expected 100 or more",)),
    cost=COST,
)


def test_it_says_what_was_left_out_who_moves_and_what_is_refused() -> None:
    shown = text(FOUND)
    assert "500 rows replayed, 3 left out" in shown
    assert "3  no propensity in (0, 1]: it is not guessed" in shown
    assert "would go elsewhere: 25.0% of the rows" in shown
    assert "125  lab/large -> lab/small" in shown
    assert "quality, 0 to 1: refused: found no row with a known score" in shown


def test_costs_are_per_thousand_requests_with_intervals_and_a_total() -> None:
    shown = text(FOUND)
    assert "doubly robust   2.0000 (1.0000 to 3.0000)         -1.0000 (-2.0000 to +0.0000)" in shown
    assert "500 rows, 250 effective, 0.0% unsupported" in shown
    assert "spend of these rows: log $1.5000, policy $1.0000 ($0.5000 to $1.5000)" in shown


def test_the_direct_method_is_labelled_as_a_models_opinion() -> None:
    assert "model-based: it believes the predictor's forecasts, fitted to the log" in text(FOUND)


def test_a_refused_cost_keeps_the_log_and_the_model_and_states_no_spend() -> None:
    refused = replace(COST, ips=None, snips=None, dr=None, refused=("found 3 effective samples",))
    shown = text(replace(FOUND, cost=refused))
    assert "refused: found 3 effective samples" in shown
    assert "direct method" in shown
    assert "spend" not in shown


def test_cuts_and_long_lists_are_said() -> None:
    moves = tuple(Move(source="a", target=f"b{number}", rows=1.0) for number in range(12))
    cut = replace(COST, support=replace(BASE, clip=5.0, clipped_rows=7))
    shown = text(replace(FOUND, moves=moves, cost=cut))
    assert "and 2 more pairs" in shown
    assert "cut at 5 in 7 rows" in shown
