from __future__ import annotations

import json

from gearshift.learning.artifact import Artifact
from gearshift.learning.data import OutcomeTable
from gearshift.learning.evaluation import evaluate
from gearshift.learning.report import Report
from tests.unit.learning.test_findings import PROMISE


def test_text_and_json_say_the_same(trained: Artifact, table: OutcomeTable) -> None:
    found = evaluate(trained, table)
    document = json.loads(found.to_json())
    assert document["sets"][0]["baselines"]["best_model"] == "large"
    text = found.to_text()
    assert text.startswith(f"artefact {found.version}")
    assert f"{document['sets'][0]['baselines']['best_quality']:.4f}" in text
    assert "gain over mixing single models at equal cost" in text
    assert len(text.splitlines()) < len(found.sets[0].points) + 25


def test_a_summary_reads_back_without_its_points(trained: Artifact, table: OutcomeTable) -> None:
    found = evaluate(trained, table)
    again = Report.of(found.version, json.loads(json.dumps(found.summary())))
    assert again.sets[0].gain == found.sets[0].gain
    assert not any((again.sets[0].points, again.sets[0].bins, again.sets[0].tasks))
    assert again.sets[0].harm == found.sets[0].harm


def test_models_that_were_not_learned_are_named() -> None:
    assert "not learned, left out: x, y" in Report(version="v", unknown_models=("x", "y"), sets=()).to_text()


def test_promises_come_last() -> None:
    text = Report(version="v", unknown_models=(), sets=(), promises=(PROMISE,)).to_text()
    assert text.splitlines()[-1].startswith(
        "at_least large within 0.02, confidence 0.95: margin -0.010, mean loss 0.0120"
    )
