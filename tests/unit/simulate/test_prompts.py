from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.errors import DataError
from gearshift.simulate import prompts
from gearshift.simulate.prompts import GradedPrompt, Grader, grade, load_prompts

ROWS = load_prompts()


def row_of(grader: Grader, *answers: str, prompt: str = "?", tolerance: float = 0.0) -> GradedPrompt:
    return GradedPrompt(id="x", family="chat", prompt=prompt, answers=answers, grader=grader, tolerance=tolerance)


def test_there_are_enough_prompts_of_every_family() -> None:
    counts = Counter(row.family for row in ROWS)
    assert sum(counts.values()) >= 240
    assert {family: count for family, count in counts.items() if count < 30} == {}
    assert set(counts) == {"arithmetic", "units", "docs", "chat", "impossible"}


def test_ids_and_texts_are_unique() -> None:
    assert len({row.id for row in ROWS}) == len({row.prompt for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_prompts_own_answers_are_right_and_silence_is_wrong(row: GradedPrompt) -> None:
    assert [grade(row, answer) for answer in row.answers] == [1.0] * len(row.answers)
    assert grade(row, "") == 0.0
    assert row.family == "chat" or grade(row, row.prompt) == 0.0  # a greeting may be echoed


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("391", 1.0),
        ("17 * 23 = 391.", 1.0),
        ("The answer is 391, that is 17 times 23", 1.0),
        ("It is 1,391", 0.0),
        ("390, no, 391", 1.0),
        ("391, no, 390", 0.0),
        ("-391", 0.0),
        ("391km", 1.0),
        ("17", 0.0),
        ("three hundred ninety one", 0.0),
    ],
)
def test_a_number_is_the_last_one_that_the_question_did_not_hold(text: str, score: float) -> None:
    assert grade(row_of("number", "391", prompt="What is 17 * 23?"), text) == score


def test_a_number_of_the_question_may_be_the_answer() -> None:
    assert grade(row_of("number", "-40", prompt="Convert -40 C to F."), "-40 c = \u221240 f") == 1.0


@pytest.mark.parametrize(("text", "score"), [("8.047 km", 1.0), ("about 8.0467e0 km", 1.0), ("8.06 m^2", 0.0)])
def test_a_tolerance_is_relative(text: str, score: float) -> None:
    assert grade(row_of("number", "8.04672", tolerance=1e-3), text) == score


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("The header is `X-Gearshift-Model`.", 1.0),
        ("x-gearshift-models", 0.0),
        ("It is TOKYO!", 1.0),
        ("Tokyoite", 0.0),
        ("", 0.0),
    ],
)
def test_contains_compares_whole_words(text: str, score: float) -> None:
    assert grade(row_of("contains", "Tokyo", "x-gearshift-model"), text) == score


@pytest.mark.parametrize(("text", "score"), [(" mice. ", 1.0), ("MICE", 1.0), ("The mice", 0.0)])
def test_exact_takes_nothing_else(text: str, score: float) -> None:
    assert grade(row_of("exact", "mice", "Mice"), text) == score


@given(st.sampled_from(ROWS), st.text(max_size=80))
def test_a_grade_is_zero_or_one(row: GradedPrompt, text: str) -> None:
    assert grade(row, text) in {0.0, 1.0}


def test_a_broken_line_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("package")
    (folder / "prompts.jsonl").write_text('{"id": 1}\n', "utf-8")
    monkeypatch.setattr(prompts, "files", lambda _: folder)
    with pytest.raises(DataError, match=r"prompts\.jsonl line 1: .*`\$\.id`"):
        load_prompts()
