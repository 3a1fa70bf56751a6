from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.simulate.calc import reply
from gearshift.simulate.lexicon import NOT_ARITHMETIC
from gearshift.simulate.prompts import grade, load_prompts
from gearshift.simulate.units import NOT_COMPARABLE


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is 17 * 23?", "391"),
        ("What is 1/8 - 1?", "-0.875"),
        ("What is 2/3?", "about 0.666666666667"),
        ("square root of 2", "about 1.41421356237"),
        ("convert 5 miles to km", "5 miles = 8.04672 km"),
        ("100 f to c", "100 f = about 37.7777777778 c"),
        ("3 km to kg", NOT_COMPARABLE),
        ("Who are you?", NOT_ARITHMETIC),
    ],
)
def test_the_answer_is_exact_or_honest(question: str, answer: str) -> None:
    assert reply(question) == answer


@pytest.mark.parametrize("family", ["arithmetic", "units"])
def test_it_solves_nine_tenths_of_the_demo_prompts_of_its_families(family: str) -> None:
    rows = [row for row in load_prompts() if row.family == family]
    score = sum(grade(row, reply(row.prompt)) for row in rows)
    assert 0.9 * len(rows) <= score < len(rows)  # some are beyond it on purpose


def test_it_refuses_what_nobody_can_do() -> None:
    assert {reply(row.prompt) for row in load_prompts() if row.family == "impossible"} == {NOT_ARITHMETIC}


@given(st.text(max_size=400))
def test_no_text_breaks_it(text: str) -> None:
    assert reply(text)
