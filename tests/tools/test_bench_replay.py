from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gearshift.config.policy import PolicyConfig
from gearshift.learning.data import table_of
from tools.bench_replay import designs, extremes
from tools.replay_bench.coverage import run
from tools.replay_bench.population import pool, synthetic
from tools.replay_bench.report import BEGIN, END, markdown, write

PEOPLE = synthetic(0, prompts=400)


def test_a_small_simulation_covers_and_says_so() -> None:
    score, cost = run(designs(PEOPLE)[1], 60, 1)
    assert (score.outcome, cost.outcome) == ("score", "cost")
    for found in (score, cost):
        assert found.refused == 0
        assert all(found.coverage[each] >= 0.85 for each in ("ips", "snips", "dr"))
        assert found.apart >= 0.85
    assert score.effective == pytest.approx(1000, rel=0.1)


def test_a_thin_log_is_refused_every_time_and_promises_nothing() -> None:
    (score, _) = run(extremes(PEOPLE)[1], 5, 1)
    assert (score.refused, score.promised, score.missed) == (5, 0, [])
    assert "| 100% | - |" in markdown([score], 1)


def test_the_same_seed_gives_the_same_figures() -> None:
    first, again = (run(designs(PEOPLE)[0], 3, 7) for _ in range(2))
    assert [each.coverage for each in first] == [each.coverage for each in again]


def test_a_pool_has_the_cheapest_to_the_dearest_and_complete_prompts() -> None:
    rows = [
        {"prompt": f"question {number}", "task": "a", "model": model, "score": number % 2, "cost_usd": cost}
        for number in range(20)
        for model, cost in (("m1", 1.0), ("m2", 2.0), ("m3", 3.0), ("m4", 4.0), ("m5", 5.0), ("m6", None))
    ]
    found = pool("made up", table_of(rows))
    assert found.models[0] == "m1"
    assert found.models[-1] == "m5"
    assert found.cost.shape == (20, 4)
    assert found.cost_hat[:, 0] == pytest.approx(1.0)
    chosen = found.pi_e(PolicyConfig.model_validate({"weights": {"m1": 3.0, "m5": 1.0}}))
    assert chosen[0] == pytest.approx([0.75, 0, 0, 0.25])
    assert np.allclose(chosen.sum(axis=1), 1)


def test_the_table_goes_into_the_generated_part_only(tmp_path: Path) -> None:
    page = tmp_path / "replay.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write(page, "new")
    assert page.read_text() == f"before\n{BEGIN}\n\nnew\n{END}\nafter\n"
    page.write_text("nothing")
    with pytest.raises(ValueError, match="found no generated part"):
        write(page, "new")
