from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tools.routing_bench.compare import compare, mix
from tools.routing_bench.report import BEGIN, END, markdown, text, write
from tools.routing_bench.study import STUDIES, Prepared, in_test, short

PROMPTS = [f"prompt {number}" for number in range(40)]


def test_the_mix_is_the_upper_hull_of_the_single_models() -> None:
    singles = {"weak": (1.0, 0.5), "bad": (2.0, 0.4), "dent": (5.0, 0.6), "strong": (9.0, 0.9), "worse": (12.0, 0.8)}
    assert mix(singles, 1.0) == pytest.approx(0.5)
    assert mix(singles, 5.0) == pytest.approx(0.7)  # half and half, above the model that costs as much
    assert mix(singles, 9.0) == pytest.approx(0.9)
    assert mix(singles, 20.0) == pytest.approx(0.9)  # more money buys nothing
    assert mix(singles, 0.1) == pytest.approx(0.5)


def test_two_models_of_the_same_cost_count_as_the_better_one() -> None:
    assert mix({"a": (1.0, 0.2), "b": (1.0, 0.7)}, 1.0) == pytest.approx(0.7)


def prepared() -> Prepared:
    scores = {
        "weak": {prompt: float(number % 2 == 0) for number, prompt in enumerate(PROMPTS)},
        "strong": dict.fromkeys(PROMPTS, 1.0),
    }
    return Prepared(prompts=PROMPTS, scores=scores, prices={"weak": (1, 1), "strong": (9, 9)}, trained_on=7)


def test_a_perfect_router_gains_over_the_mix_and_a_coin_does_not() -> None:
    cost = {"weak": 0.001, "strong": 0.009}
    coin = np.random.default_rng(1).permutation([number % 2 for number in range(40)])
    answers = {
        "auto-1": {p: (m := ("weak", "strong")[n % 2], cost[m]) for n, p in enumerate(PROMPTS)},
        "auto-2": {p: (m := ("weak", "strong")[coin[n]], cost[m]) for n, p in enumerate(PROMPTS)},
        **{model: dict.fromkeys(PROMPTS, (model, cost[model])) for model in cost},
    }
    finding = compare(STUDIES["kor_bench"], prepared(), answers, seed=0)
    perfect, chance = finding.autos
    assert perfect.score == 1.0
    assert perfect.gain == pytest.approx(0.25)
    assert perfect.low is not None
    assert perfect.low > 0
    assert chance.low is not None
    assert chance.high is not None
    assert chance.low < 0 < chance.high
    assert finding.area.gain == pytest.approx(np.mean([perfect.gain, chance.gain]))
    shown = text([finding]) + markdown([finding])
    assert "auto-1" in shown
    assert "25.0" in shown


def test_the_halves_depend_on_the_question_and_the_seed_only() -> None:
    assert in_test("What is 2 + 2?", 0) == in_test("what IS 2 + 2", 0)
    assert {in_test(prompt, 0) for prompt in PROMPTS} == {True, False}
    assert [in_test(prompt, 0) for prompt in PROMPTS] != [in_test(prompt, 1) for prompt in PROMPTS]


def test_organisations_are_dropped_from_names() -> None:
    assert short("mistralai/Mixtral-8x7B-Instruct-v0.1") == "Mixtral-8x7B-Instruct-v0.1"
    assert short("gpt-4") == "gpt-4"


def test_only_the_generated_part_of_a_page_is_written(tmp_path: Path) -> None:
    (tmp_path / "docs" / "reference").mkdir(parents=True)
    pages = [tmp_path / "README.md", tmp_path / "docs" / "reference" / "results.md"]
    for page in pages:
        page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write(tmp_path, "new")
    assert all(page.read_text() == f"before\n{BEGIN}\n\nnew\n{END}\nafter\n" for page in pages)
    pages[0].write_text("no marks")
    with pytest.raises(ValueError, match="found no generated part"):
        write(tmp_path, "new")
