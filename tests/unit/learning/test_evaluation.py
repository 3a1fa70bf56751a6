from __future__ import annotations

import numpy as np
import pytest

from gearshift.errors import DataError
from gearshift.learning.artifact import Artifact
from gearshift.learning.data import OutcomeTable, split, table_of
from gearshift.learning.evaluation import DIALS, evaluate
from gearshift.learning.report import SetReport


def one(artifact: Artifact, table: OutcomeTable) -> SetReport:
    (found,) = evaluate(artifact, table).sets
    return found


def test_routing_is_measured_against_mixing(trained: Artifact, table: OutcomeTable) -> None:
    found = one(trained, split(table, 0.5, 0)[1])
    assert found.gain is not None
    assert found.gain.low is not None
    assert found.gain.low > 0
    assert found.parity is not None
    assert found.parity.value is not None
    assert found.parity.value < 0.9
    assert found.aiq is not None
    assert found.aiq[0] > found.aiq[1]
    assert len(found.points) == len(DIALS)
    assert found.baselines.best_model == "large"
    assert found.baselines.oracle_quality >= found.baselines.best_quality >= found.baselines.random_quality
    assert found.baselines.oracle_cost_usd is not None
    assert found.baselines.best_cost_usd is not None
    assert found.baselines.oracle_cost_usd < found.baselines.best_cost_usd
    assert found.pair is None


def test_the_dial_goes_from_the_cheapest_to_the_best(trained: Artifact, table: OutcomeTable) -> None:
    points = one(trained, split(table, 0.5, 0)[1]).points
    assert points[0].cost_usd == pytest.approx(0.001)
    costs = [point.cost_usd for point in points]
    assert costs == sorted(costs)
    assert points[-1].quality > points[0].quality


def test_a_pair_is_measured_as_routellm_does_without_prices(trained: Artifact, table: OutcomeTable) -> None:
    held = split(table, 0.5, 0)[1].take(np.arange(100), ["small", "large"])
    bare = OutcomeTable(
        prompts=held.prompts,
        models=held.models,
        quality=held.quality,
        cost_usd=np.full_like(held.quality, np.nan),
        input_tokens=held.input_tokens,
        output_tokens=held.output_tokens,
    )
    found = one(trained, bare)
    assert found.points == ()
    assert found.gain is None
    assert found.pair is not None
    assert (found.pair.strong, found.pair.weak) == ("large", "small")
    assert found.pair.apgr.value is not None
    assert found.pair.apgr.value > 0.7
    assert found.pair.cpt_80.value is not None
    assert found.pair.cpt_80.value < 0.6
    assert found.baselines.best_cost_usd is None


def test_models_that_were_not_learned_are_named_and_left_out(trained: Artifact, table: OutcomeTable) -> None:
    rows = [
        {"prompt": f"greet {number}", "model": model, "score": 1.0}
        for number in range(5)
        for model in ("large", "other")
    ]
    found = evaluate(trained, table_of(rows))
    assert found.unknown_models == ("other",)
    assert found.sets[0].models == 1
    with pytest.raises(DataError, match="found outcomes of other; expected some of the artefact's models"):
        evaluate(trained, table_of([row for row in rows if row["model"] == "other"]))
    assert len(table.prompts) > 0


def test_models_that_answered_little_do_not_thin_the_pool(trained: Artifact) -> None:
    rows = [
        {"prompt": f"greet {number}", "model": model, "score": 1.0, "cost_usd": 0.1}
        for number in range(20)
        for model in ("large", "small", "medium")
        if model != "medium" or number < 5
    ]
    found = one(trained, table_of(rows))
    assert (found.prompts, found.models) == (20, 2)
