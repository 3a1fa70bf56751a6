from __future__ import annotations

import numpy as np
import pytest

from gearshift.errors import DataError
from gearshift.learning.artifact import Artifact
from gearshift.learning.data import OutcomeTable, split, table_of
from gearshift.learning.evaluation import DIALS, evaluate
from gearshift.learning.findings import SetReport
from gearshift.learning.manifest import Charge


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


def test_how_it_was_measured_is_said(trained: Artifact, table: OutcomeTable) -> None:
    held = split(table, 0.5, 0)[1]
    method = evaluate(trained, held).method
    assert method is not None
    assert (method.prompts, method.unseen) == (len(held.prompts), len(held.prompts))
    assert (method.training_digest, method.data_digest) == (trained.manifest.training.digest, held.digest)
    assert (method.checked, method.differing) == (40 * len(DIALS), 0)
    everything = evaluate(trained, table).method
    assert everything is not None
    assert everything.unseen == len(held.prompts)


def test_rivals_learn_from_other_questions_only(trained: Artifact, table: OutcomeTable) -> None:
    rest, held = split(table, 0.5, 0)
    (found,) = evaluate(trained, held, rest=table).sets
    assert [each.name for each in found.rivals] == ["kNN", "ridge per model"]
    assert {each.prompts for each in found.rivals} == {len(rest.prompts)}
    for rival in found.rivals:
        assert rival.gain.value is not None
        assert rival.gain.value > 0
        assert len(rival.points) == len(DIALS)
        assert None not in {rival.lead.low, rival.lead.high}
    assert one(trained, held).rivals == ()


def test_stated_prices_give_a_curve_where_no_cost_is_recorded(trained: Artifact) -> None:
    rows = [
        {"prompt": f"greet {number}", "model": model, "score": 1.0, "dataset": "new"}
        for number in range(20)
        for model in ("large", "small", "medium")
    ]
    bare = one(trained, table_of(rows))
    assert (bare.points, bare.trained) == ((), False)
    (found,) = evaluate(
        trained, table_of(rows), stated={"large": Charge(cost_usd=0.5), "small": Charge(cost_usd=0.25)}
    ).sets
    assert found.left_out == ("medium",)
    assert {single.model: single.cost_usd for single in found.singles} == {"large": 0.5, "small": 0.25}
    assert len(found.points) == len(DIALS)


def test_tasks_are_shown_apart(trained: Artifact, table: OutcomeTable) -> None:
    found = one(trained, split(table, 0.5, 0)[1])
    assert [each.task for each in found.tasks] == ["easy", "hard"]
    assert sum(each.prompts for each in found.tasks) == found.prompts
    assert all(each.gain is not None for each in found.tasks)


def test_a_data_set_with_hardly_any_cost_has_scores_all_the_same(trained: Artifact) -> None:
    rows = [
        {"prompt": f"greet {number}", "model": model, "score": 1.0, "cost_usd": 0.1 if number == 0 else None}
        for number in range(20)
        for model in ("large", "small")
    ]
    found = one(trained, table_of(rows))
    assert (found.prompts, found.models, found.points) == (20, 2, ())
