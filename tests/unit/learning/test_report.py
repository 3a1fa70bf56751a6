from __future__ import annotations

import json

from gearshift.learning.artifact import Artifact
from gearshift.learning.data import OutcomeTable
from gearshift.learning.evaluation import evaluate
from gearshift.learning.metrics import Interval
from gearshift.learning.report import Baselines, Report, SetReport


def test_text_and_json_say_the_same(trained: Artifact, table: OutcomeTable) -> None:
    found = evaluate(trained, table)
    document = json.loads(found.to_json())
    assert document["sets"][0]["baselines"]["best_model"] == "large"
    text = found.to_text()
    assert text.startswith(f"artefact {found.version}")
    assert f"{document['sets'][0]['baselines']['best_quality']:.4f}" in text
    assert "gain over mixing single models at equal cost" in text
    assert len(text.splitlines()) < len(found.sets[0].points) + 15


def test_a_summary_reads_back_without_its_points(trained: Artifact, table: OutcomeTable) -> None:
    found = evaluate(trained, table)
    again = Report.of(found.version, json.loads(json.dumps(found.summary())))
    assert again.sets[0].gain == found.sets[0].gain
    assert again.sets[0].points == ()


def test_what_is_unknown_shows_as_a_dash() -> None:
    base = Baselines(
        best_model="m",
        best_quality=0.5,
        best_cost_usd=None,
        random_quality=0.5,
        random_cost_usd=None,
        oracle_quality=0.5,
        oracle_cost_usd=None,
    )
    nothing = Interval(value=None)
    bare = SetReport(
        dataset="d",
        prompts=1,
        models=1,
        ece=0.1,
        baselines=base,
        points=(),
        gain=Interval(value=0.01, low=-0.01, high=0.02),
        parity=nothing,
        near_parity=nothing,
        aiq=None,
        pair=None,
    )
    text = Report(version="v", unknown_models=("x",), sets=(bare,)).to_text()
    assert "not learned, left out: x" in text
    assert "1.0 (-1.0 to 2.0) points" in text
    assert "- (- to -) % of its own" in text
    assert "best single  0.5000          -  m" in text
