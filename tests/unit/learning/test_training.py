from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gearshift.errors import DataError
from gearshift.learning.artifact import Artifact, load
from gearshift.learning.data import OutcomeTable, split, table_of
from gearshift.learning.data import load as load_data
from gearshift.learning.estimators import Design
from gearshift.learning.evaluation import evaluate, recorded
from gearshift.learning.features import FeatureSpec, as_request, to_matrix
from gearshift.learning.outcomes import OutcomeRegression
from gearshift.learning.training import folds, tasks, train, train_rows


def dense(table: OutcomeTable) -> Design:
    return to_matrix([prompt.request for prompt in table.prompts], FeatureSpec())


def test_training_twice_gives_the_same_artefact(table: OutcomeTable, tmp_path: Path) -> None:
    first, second = (train(table, seed=3).save(tmp_path / name) for name in "ab")
    assert all((first / path.name).read_bytes() == path.read_bytes() for path in second.iterdir())


def test_the_manifest_says_what_was_learned_from(trained: Artifact, table: OutcomeTable) -> None:
    training = trained.manifest.training
    rest, held = split(table, 0.5, 0)
    assert training.digest == rest.digest
    assert (training.prompts, training.holdout, training.seed) == (len(rest.prompts), 0.5, 0)
    assert training.datasets == {"made": len(rest.prompts)}
    assert trained.manifest.metrics["made"]["prompts"] == len(held.prompts)
    assert {model.name: model.charge.cost_usd for model in trained.manifest.models} == pytest.approx(
        {"small": 0.001, "medium": 0.004, "large": 0.02}
    )


def test_where_routing_can_win_it_wins(trained: Artifact) -> None:
    gain = trained.manifest.metrics["made"]["gain"]
    assert gain["low"] > 0.02


def test_where_there_is_nothing_to_learn_it_does_no_harm(make_rows: Callable[..., list[dict[str, object]]]) -> None:
    artifact = train(table_of(make_rows(600, learnable=False, seed=1)), seed=0)
    other = table_of(make_rows(600, learnable=False, seed=2))
    (found,) = evaluate(artifact, other).sets
    assert found.gain is not None
    assert found.gain.value is not None
    assert found.gain.value > -0.005
    deployments = [recorded(name, None) for name in ("small", "large")]
    learned = artifact.predictor()
    gaps = [
        estimates[1].quality - estimates[0].quality
        for estimates in (learned.predict(prompt.request, deployments) for prompt in other.prompts[:50])
    ]
    assert min(gaps) > 0


def test_only_the_models_asked_for_are_learned(table: OutcomeTable) -> None:
    assert train(table, models=["small", "large"]).parameters.models == ("small", "large")
    with pytest.raises(DataError, match="no outcomes of absent"):
        train(table, models=["absent"])


def test_groups_stay_together_in_even_folds(make_rows: Callable[..., list[dict[str, object]]]) -> None:
    rows = make_rows(100, learnable=True)
    twins = [{**row, "prompt": f"{row['prompt']}!", "prompt_id": f"{row['prompt_id']}-twin"} for row in rows]
    table = table_of([*rows, *twins])
    dealt = folds(table, 0)
    where: dict[str, set[int]] = {}
    for prompt, fold in zip(table.prompts, dealt.tolist(), strict=True):
        where.setdefault(prompt.group, set()).add(fold)
    assert all(len(found) == 1 for found in where.values())
    assert set(np.bincount(dealt).tolist()) == {40}


def test_what_serves_is_what_was_fitted(table: OutcomeTable, trained: Artifact) -> None:
    rest, held = split(table, 0.5, 0)
    design = dense(rest)
    fitted = OutcomeRegression(buckets=FeatureSpec().buckets).fit(design, rest.quality, tasks(rest, design, 0)[1])
    deployments = [recorded(name, None) for name in rest.models]
    served = [
        [each.quality for each in trained.predictor().predict(prompt.request, deployments)] for prompt in held.prompts
    ]
    forecast = np.clip(fitted.predict(dense(held)), 0, 1)
    np.testing.assert_allclose(served, forecast, atol=0.01)  # weights are kept in half precision


def test_tasks_are_those_that_the_data_name(make_rows: Callable[..., list[dict[str, object]]]) -> None:
    table = table_of(make_rows(200, learnable=True))
    named, prompts = tasks(table, dense(table), 0)
    assert [(each.dataset, each.name, each.prompts) for each in named] == [("made", "easy", 100), ("made", "hard", 100)]
    assert [prompt.task for prompt in table.prompts] == [named[each].name for each in prompts.task]


def test_prompts_without_a_task_are_clustered(make_rows: Callable[..., list[dict[str, object]]]) -> None:
    rows = [{**row, "task": None} for row in make_rows(400, learnable=True)]
    named, prompts = tasks(table_of(rows), dense(table_of(rows)), 0)
    assert 2 <= len(named) <= 8
    hard = np.array(["prove" in str(row["prompt"]) for row in rows[::3]])
    mixed = [
        min(hard[prompts.task == each].mean(), 1 - hard[prompts.task == each].mean()) for each in range(len(named))
    ]
    assert max(mixed) < 0.1


def test_rows_in_memory_train_and_save(make_rows: Callable[..., list[dict[str, object]]], tmp_path: Path) -> None:
    train_rows(make_rows(60, learnable=True), tmp_path / "router", seed=0)
    assert load(tmp_path / "router").knows("large")


@pytest.mark.parametrize(
    "rows",
    [
        [{"prompt": "only one", "model": "m", "score": 1.0}],
        [{"prompt": f"p{number}", "model": "m", "score": number % 2} for number in range(8)],
        [{"prompt": f"p{number}", "model": model, "score": 1.0} for number in range(8) for model in "ab"],
        [{"prompt": f"p{number}", "model": "ab"[number % 2], "score": 0.5} for number in range(8)],
        [{"prompt": "", "model": model, "score": 0.5} for model in "ab"],
    ],
    ids=["one outcome", "one model", "all equal", "no prompt in common", "empty text"],
)
def test_thin_data_trains_to_the_means(rows: list[dict[str, object]]) -> None:
    artifact = train(table_of(rows))
    scores = [float(str(row["score"])) for row in rows]
    found = artifact.predictor().predict(as_request("anything"), [recorded(artifact.parameters.models[0], None)])
    assert found[0].quality == pytest.approx(sum(scores) / len(scores), abs=0.05)


def test_progress_is_told(table: OutcomeTable) -> None:
    told: list[tuple[str, float]] = []
    train(table, holdout=0.2, progress=lambda what, share: told.append((what, share)))
    assert [share for _, share in told] == sorted(share for _, share in told)
    assert told[-1] == ("done", 1.0)


def test_recorded_outcomes_train_to_a_router_that_beats_mixing(data_dir: Path) -> None:
    found = train(load_data([data_dir / "kor_bench.parquet"]), seed=0, holdout=0.4).manifest.metrics["kor_bench"]
    assert found["gain"]["low"] > 0
    assert found["ece"] < 0.06
