from __future__ import annotations

import pytest

from gearshift.protocols.reasoning import BUDGETS, budget_of, effort_of


@pytest.mark.parametrize(
    ("budget", "word"),
    [(-1, None), (0, "none"), (1, "low"), (1024, "low"), (1025, "medium"), (8192, "medium"), (8193, "high")],
)
def test_a_budget_has_a_word(budget: int, word: str | None) -> None:
    assert effort_of(budget) == word


def test_a_word_has_a_budget() -> None:
    assert budget_of("none") == 0
    assert [budget_of(word) for word in ("low", "medium", "high")] == [1024, 8192, 24_576]
    assert budget_of("immense") is None
    assert list(BUDGETS.values()) == sorted(BUDGETS.values())


@pytest.mark.parametrize("word", ["none", "low", "medium", "high"])
def test_words_come_back(word: str) -> None:
    assert effort_of(budget_of(word) or 0) == word
