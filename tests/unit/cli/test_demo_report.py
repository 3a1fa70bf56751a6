from __future__ import annotations

import pytest

from gearshift.cli.demo_client import Graded
from gearshift.cli.demo_report import Report
from gearshift.simulate.prompts import GradedPrompt


def graded(number: int, asked: str, score: float, cost: float | None, model: str | None = None) -> Graded:
    prompt = GradedPrompt(id=f"p{number}", family="chat", prompt="?", answers=("x",), grader="contains")
    return Graded(
        prompt=prompt, asked=asked, model=model or asked, score=score, cost_usd=cost, input_tokens=1, output_tokens=1
    )


def report(cost_of_dear: float | None = 0.01) -> Report:
    """Give a report in which `dear` is always right, `cheap` on even prompts, and auto picks perfectly."""
    cheap = [graded(n, "cheap", float(n % 2 == 0), 0.001) for n in range(10)]
    dear = [graded(n, "dear", 1.0, cost_of_dear) for n in range(10)]
    routed = [
        graded(n, "auto", 1.0, 0.001, "cheap") if n % 2 == 0 else graded(n, "auto", 1.0, cost_of_dear, "dear")
        for n in range(10)
    ]
    return Report(cheap + dear, cheap + dear, routed, seed=0, training_seconds=0.5, notes=["a note"])


def test_the_lines_hold_every_way_of_choosing() -> None:
    lines = {line.name: line for line in report().lines()}
    assert list(lines) == ["always cheap", "always dear", "oracle", "auto"]
    assert lines["always cheap"].score == 0.5
    assert lines["always cheap"].low < 0.5 < lines["always cheap"].high
    assert lines["always dear"].usd_per_1k == pytest.approx(10)
    assert lines["oracle"].usd_per_1k == lines["auto"].usd_per_1k == pytest.approx(5.5)


def test_the_best_and_the_cheapest_come_from_the_training_half() -> None:
    assert report().best == "dear"
    assert report().cheapest == "cheap"


def test_auto_is_compared_with_the_best_model_in_pairs() -> None:
    document = report().document()
    assert document["auto_minus_best"] == {"score": 0.0, "low": 0.0, "high": 0.0}
    assert document["auto_cost_over_best"] == pytest.approx(0.55)
    assert document["share_of_auto"] == {"cheap": 0.5, "dear": 0.5}


def test_an_unknown_cost_stays_unknown() -> None:
    shown = report(cost_of_dear=None)
    assert {line.name: line.usd_per_1k for line in shown.lines()}["always dear"] is None
    assert shown.document()["auto_cost_over_best"] is None
    assert "unknown" in shown.text()


def test_the_text_names_seed_notes_and_simulation() -> None:
    text = report().text()
    assert "seed 0" in text
    assert "a note" in text
    assert "SIMULATED" in text
