"""A candidate means deployments by name, by id or by glob."""

from __future__ import annotations

import pytest

from gearshift.config import names


@pytest.mark.parametrize(
    ("pattern", "deployment", "model", "meant"),
    [
        ("small", "lab/small", "small", True),
        ("lab/small", "lab/small", "small", True),
        ("lab", "lab/small", "small", False),
        ("lab/*", "lab/small", "small", True),
        ("*", "lab/small", "small", True),
        ("s?all", "lab/small", "small", True),
        ("[st]mall", "lab/small", "small", True),
        ("anthropic/*", "openrouter/anthropic/claude", "anthropic/claude", True),
        ("anthropic/*", "anthropic/claude", "claude", True),
        ("SMALL", "lab/small", "small", False),
    ],
)
def test_matches(pattern: str, deployment: str, model: str, meant: bool) -> None:
    assert names.matches(pattern, deployment, model) is meant


def test_a_glob_has_a_star_a_question_mark_or_a_bracket() -> None:
    assert [each for each in ("a", "a*", "a?", "[a]", "a/b.c-d") if names.is_glob(each)] == ["a*", "a?", "[a]"]


def test_a_suggestion_is_made_only_for_what_is_close() -> None:
    assert names.suggestion("smal", ["large", "small"]) == '; did you mean "small"?'
    assert names.suggestion("zebra", ["large", "small"]) == ""


def test_what_differs_in_case_only_is_close() -> None:
    assert names.suggestion("GPT-4O", ["gpt-4o", "o3"]) == '; did you mean "gpt-4o"?'
    assert names.closest("small", ["Small", "SMALLER", "large"], 3) == ["Small", "SMALLER"]


def test_of_very_many_words_the_first_are_compared() -> None:
    words = [f"word-{number}" for number in range(names.MAX_COMPARED)]
    assert names.closest("word-7", [*words, "other"], 1) == ["word-7"]
    assert names.closest("other", [*words, "other"], 1) == []
