from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.simulate.lexicon import MAX_BITS, MAX_CHARACTERS, MAX_TOKENS, Unanswerable, bounded, tokenize


@pytest.mark.parametrize(
    ("question", "tokens"),
    [
        ("What is 1,234.5 + .5?", [Fraction("1234.5"), "+", Fraction("0.5")]),
        ("144 divided by 12", [Fraction(144), "/", Fraction(12)]),
        ("What's 2 to the power of 8?", [Fraction(2), "^", Fraction(8)]),
        ("2 ** 8", [Fraction(2), "^", Fraction(8)]),
        ("6 \u00d7 7 \u00f7 2 \u2212 1", [Fraction(6), "*", Fraction(7), "/", Fraction(2), "-", Fraction(1)]),
        ("5\u00b2", [Fraction(5), "^", Fraction(2)]),
        ("the square root of 9", ["sqrt", "of", Fraction(9)]),
        ("twenty five", [Fraction(25)]),
        ("twenty 5", [Fraction(20), Fraction(5)]),
        ("3 million", [Fraction(3_000_000)]),
        ("calculate please 7!", [Fraction(7), "!"]),
        ("seven apples", [Fraction(7), "apples"]),
    ],
)
def test_text_becomes_tokens(question: str, tokens: list[Fraction | str]) -> None:
    assert tokenize(question) == tokens


@pytest.mark.parametrize("question", ["9" * (MAX_CHARACTERS + 1), "+" * (MAX_TOKENS + 1), "3 $ 4", "\u96ea"])
def test_what_is_too_long_or_unreadable_is_unanswerable(question: str) -> None:
    with pytest.raises(Unanswerable, match="I can only do arithmetic"):
        tokenize(question)


def test_numbers_are_bounded() -> None:
    assert bounded(Fraction(2 ** (MAX_BITS - 1))) == 2 ** (MAX_BITS - 1)
    with pytest.raises(Unanswerable, match="too large"):
        bounded(Fraction(1, 2**MAX_BITS))


@given(st.text(max_size=400))
def test_any_text_is_tokens_or_unanswerable(text: str) -> None:
    try:
        tokens = tokenize(text)
    except Unanswerable:
        return
    assert len(tokens) <= MAX_TOKENS
