from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from gearshift.learning.data import OutcomeTable, table_of
from tools import bench_guarantee
from tools.bench_guarantee import MARKS, PAGE, document, keep, main, text


@pytest.fixture(scope="module")
def table() -> OutcomeTable:
    """Make outcomes of two models; on half of the prompts the cheap one is as good."""
    rng = np.random.default_rng(0)
    rows: list[dict[str, object]] = []
    for number in range(500):
        hard = number % 2
        prompt = f"{'prove' if hard else 'greet'} {rng.integers(10**9)}"
        for model, cost in (("small", 0.001), ("large", 0.02)):
            odds = 0.95 if model == "large" or not hard else 0.2
            row = {"prompt": prompt, "model": model, "score": float(rng.random() < odds)}
            rows.append({**row, "dataset": "one", "cost_usd": cost, "input_tokens": 20, "output_tokens": 100})
    return table_of(rows)


def test_a_promise_is_rehearsed_on_what_was_not_trained_on(table: OutcomeTable) -> None:
    found = keep(table, 0.1, 0.9, rounds=20, seed=0)
    assert (found.dataset, found.reference, found.candidates) == ("one", "large", 2)
    assert found.rehearsal.rounds == 20
    assert 250 < found.rehearsal.calibrated_on + found.rehearsal.measured_on < 350
    assert found.rehearsal.cost_share < 1
    lines = text([found, replace(found, dataset="two")])
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| one", "| two"]
    assert len({line.count("|") for line in lines}) == 1


def test_the_table_goes_between_the_marks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n")
    monkeypatch.setattr(bench_guarantee, "PAGE", page)
    document(["new"])
    assert page.read_text() == f"before\n{MARKS[0]}\nnew\n{MARKS[1]}\nafter\n"


def test_the_page_has_the_marks() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.index(MARKS[0]) < text.index(MARKS[1])


def test_without_data_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("GEARSHIFT_DATA", "/nowhere")
    monkeypatch.setattr("sys.argv", ["bench_guarantee"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("skipped: no data")
