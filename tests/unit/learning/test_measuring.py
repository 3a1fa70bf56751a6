from __future__ import annotations

from gearshift.learning.artifact import Artifact
from gearshift.learning.data import OutcomeTable, split
from gearshift.learning.evaluation import recorded
from gearshift.learning.measuring import measure
from gearshift.learning.pool import Pool
from gearshift.types.catalog import Price, Rates

DIALS = (1e-4, 1e-2, 1.0)
PRICE = Price(rates=Rates(input=10**6, output=10**6), source="test")


def pool_of(table: OutcomeTable, *, cost: bool) -> Pool:
    return Pool(
        dataset="made",
        prompts=table.prompts,
        deployments=tuple(recorded(name, PRICE if cost else None) for name in table.models),
        quality=table.quality,
        cost=table.cost_usd if cost else None,
        left_out=("absent",),
    )


def test_with_costs_there_is_a_curve(trained: Artifact, table: OutcomeTable) -> None:
    rest, held = split(table, 0.5, 0)
    found = measure(trained.predictor(), pool_of(held, cost=True), DIALS, rest)
    assert found.chosen is not None
    assert found.chosen.differing == 0
    assert len(found.report.points) == 3
    assert len(found.report.rivals) == 2
    assert found.report.gain is not None
    assert found.report.left_out == ("absent",)


def test_without_costs_there_is_calibration_all_the_same(trained: Artifact, table: OutcomeTable) -> None:
    held = split(table, 0.5, 0)[1]
    found = measure(trained.predictor(), pool_of(held, cost=False), DIALS, table)
    assert found.chosen is None
    assert not any((found.report.points, found.report.rivals))
    assert sum(each.count for each in found.report.bins) == held.quality.size
    assert found.report.coverage is not None
    assert {each.gain for each in found.report.tasks} == {None}


def test_a_lone_model_leaves_no_choice(trained: Artifact, table: OutcomeTable) -> None:
    held = split(table, 0.5, 0)[1]
    alone = held.take(range(len(held.prompts)), ["small"])  # type: ignore[arg-type]
    assert measure(trained.predictor(), pool_of(alone, cost=True), DIALS).chosen is None
