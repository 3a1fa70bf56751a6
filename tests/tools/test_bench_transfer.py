from __future__ import annotations

import numpy as np
import pytest

from gearshift.learning.data import OutcomeTable, table_of
from gearshift.learning.metrics import Interval
from tools.bench_transfer import ENROLLED, SetLeftOut, leave_models_out, leave_sets_out, main, text, told

COSTS = {"small": 0.001, "medium": 0.004, "large": 0.02}


@pytest.fixture(scope="module")
def table() -> OutcomeTable:
    """Make two data sets of three models; hard prompts need the large one. A third shares no model."""
    rng = np.random.default_rng(0)
    rows: list[dict[str, object]] = []
    for dataset in ("one", "two"):
        for number in range(80):
            hard = number % 2
            prompt = f"{'prove' if hard else 'greet'} {dataset} {rng.integers(10**9)}"
            rows += [
                {
                    "prompt": prompt,
                    "model": model,
                    "score": float(rng.random() < (0.9 if model == "large" or not hard else 0.2)),
                    "dataset": dataset,
                    "cost_usd": cost,
                    "input_tokens": 20,
                    "output_tokens": 100,
                }
                for model, cost in COSTS.items()
            ]
    rows += [{"prompt": f"q{n}", "model": "alone", "score": 1.0, "dataset": "three"} for n in range(10)]
    return table_of(rows)


def test_each_data_set_is_left_out_once(table: OutcomeTable, capsys: pytest.CaptureFixture[str]) -> None:
    found = list(leave_sets_out(table, 0))
    assert [each.dataset for each in found] == ["one", "two"]
    assert {each.models for each in found} == {3}
    assert all(each.gain is not None for each in found)
    assert "three: found outcomes of alone" in capsys.readouterr().err


def test_a_model_left_out_is_in_the_pool_by_its_price(table: OutcomeTable) -> None:
    names = np.array([prompt.dataset for prompt in table.prompts])
    found = list(leave_models_out(table.take(np.flatnonzero(names == "one")).observed(), 2, 0))
    assert len({each.model for each in found}) == 2
    assert [each.outcomes for each in found] == [0, *ENROLLED] * 2
    assert all(0 <= each.forecast <= 1 and each.std > 0 and each.gain is not None for each in found)
    assert text([], found).count("\n") == 8


def test_the_tables_show_what_is_unknown_as_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    some = SetLeftOut(
        dataset="d",
        prompts=5,
        models=2,
        gain=Interval(value=0.01, low=0.0, high=0.02),
        harm=None,
        ece=0.1,
        coverage=None,
    )
    assert told([some]) == [some]
    assert "SetLeftOut" in capsys.readouterr().err
    assert text([some], []).splitlines()[-1].split() == ["5", "2", "1.0", "(0.0", "to", "2.0)", "-", "0.100", "d"]


def test_without_data_it_is_skipped(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("GEARSHIFT_DATA", "/nowhere")
    monkeypatch.setattr("sys.argv", ["bench_transfer"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("skipped: no data")
