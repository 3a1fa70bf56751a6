from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.execution.acceptance import MAX_SHOWN, agreement, question, score, shown
from gearshift.types.chat import Reasoning, Text, ToolCall
from tests.fakes.nouns import request


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('{"score": 0.7}', 0.7),
        ('{"score": 1}', 1.0),
        ('```json\n{"score": 0.25}\n```', 0.25),
        ('{"score": 0.5, "why": "half of it"}', 0.5),
        ('{"score": 1.5}', None),
        ('{"score": -0.1}', None),
        ('{"score": "0.9"}', None),
        ('{"score": NaN}', None),
        ('I give it {"score": 0.9}', None),
        ('{"score": 0.1} {"score": 0.9}', None),
        ("0.9", None),
        ("", None),
    ],
)
def test_only_a_score_is_a_score(said: str, found: float | None) -> None:
    assert score(said) == found


@given(st.text(max_size=60))
def test_whatever_is_said_is_a_score_from_0_to_1_or_none(said: str) -> None:
    found = score(said)
    assert found is None or 0.0 <= found <= 1.0


@pytest.mark.parametrize(
    ("answers", "share"),
    [
        (["42", "42", "42"], 1.0),
        (["Paris.", "paris", "Lyon"], 2 / 3),
        (["The answer: 7", "the answer 7"], 1.0),
        (["7", "-7"], 0.5),
        (["3.5", "35"], 0.5),
        (["", ""], 0.0),
        ([], 0.0),
    ],
)
def test_answers_agree_but_for_case_marks_and_blanks(answers: list[str], share: float) -> None:
    assert agreement(answers) == pytest.approx(share)


def test_a_judge_is_shown_the_last_question_between_marks() -> None:
    asked = question(request("What is 2 + 2?"), "4", "n0nce")
    said = asked.messages[-1].parts[0]
    assert isinstance(said, Text)
    assert said.text == "<question n0nce>\nWhat is 2 + 2?\n</question n0nce>\n\n<answer n0nce>\n4\n</answer n0nce>"
    assert not asked.stream
    assert asked.tools == ()


def test_a_long_question_is_cut_in_the_middle_and_says_so() -> None:
    long = request("a" * MAX_SHOWN + "b" * 10)
    said = question(long, "4", "n").messages[-1].parts[0]
    assert isinstance(said, Text)
    assert "[10 characters are left out here]" in said.text
    assert "b" * 10 in said.text


def test_an_answer_is_its_text_and_its_calls() -> None:
    parts = (Reasoning(text="Hm."), Text(text="Let me look."), ToolCall(id="c", name="look", arguments='{"at":1}'))
    assert shown(parts) == 'Let me look.\n[calls the tool look with {"at":1}]'
