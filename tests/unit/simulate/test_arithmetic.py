from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.simulate.arithmetic import MAX_FACTORIAL, MAX_NESTING, NO_VALUE, evaluate
from gearshift.simulate.lexicon import NOT_ARITHMETIC, TOO_LARGE


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("What is 17 * 23?", 391),
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("10 - 4 - 3", 3),
        ("-2^2", -4),
        ("2^3^2", 512),
        ("2^-1", Fraction(1, 2)),
        ("10 - -3", 13),
        ("17 % 5", 2),
        ("15% of 80", 12),
        ("50% + 1", Fraction(3, 2)),
        ("20% off 50", 40),
        ("What is 33 percent of 300?", 99),
        ("0.1 + 0.2", Fraction(3, 10)),
        ("1/3 + 1/6", Fraction(1, 2)),
        ("square root of 144", 12),
        ("sqrt(2.25)", Fraction(3, 2)),
        ("cube root of -27", -3),
        ("27^(2/3)", 9),
        ("5!", 120),
        ("What is 5 factorial?", 120),
        ("12 squared plus 2 cubed", 152),
        ("the sum of 2 and 3 times 4", 14),
        ("the product of 6 and 7 plus 1", 43),
        ("subtract 5 from 12", 7),
        ("divide 144 by 12", 12),
        ("the average of 3 and 4", Fraction(7, 2)),
        ("the remainder when 17 is divided by 5", 2),
        ("half of double 21", 21),
    ],
)
def test_the_value_is_exact(question: str, value: Fraction | int) -> None:
    assert evaluate(question) == value


def test_an_irrational_root_is_rounded_to_thirty_digits() -> None:
    root = evaluate("square root of 2")
    assert isinstance(root, Fraction)
    assert abs(root**2 - 2) < Fraction(1, 10**28)


@pytest.mark.parametrize(
    ("question", "excuse"),
    [
        ("", NOT_ARITHMETIC),
        ("What is the capital of France?", NOT_ARITHMETIC),
        ("3 apples + 4", NOT_ARITHMETIC),
        ("2 +", NOT_ARITHMETIC),
        ("(2 + 3", NOT_ARITHMETIC),
        ("2 3", NOT_ARITHMETIC),
        ("2 ^ 0.7", NOT_ARITHMETIC),
        ("add 5", NOT_ARITHMETIC),
        ("(" * (MAX_NESTING + 1) + "1" + ")" * (MAX_NESTING + 1), NOT_ARITHMETIC),
        ("1 / 0", NO_VALUE),
        ("5 mod 0", NO_VALUE),
        ("0 ^ -1", NO_VALUE),
        ("sqrt(-4)", NO_VALUE),
        ("(-3)!", NO_VALUE),
        ("2.5!", NO_VALUE),
        (f"{MAX_FACTORIAL + 1}!", TOO_LARGE),
        ("9^9^9", TOO_LARGE),
        ("2^5000", TOO_LARGE),
        ("200! * 200! * 200!", TOO_LARGE),
    ],
)
def test_an_excuse_says_why_there_is_no_number(question: str, excuse: str) -> None:
    assert evaluate(question) == excuse


@given(st.text(alphabet="0123456789+-*/^%!(). sqrtof", max_size=80))
def test_any_text_has_a_value_or_an_excuse(text: str) -> None:
    assert isinstance(evaluate(text), Fraction | str)


@given(st.integers(-(10**30), 10**30), st.integers(-(10**30), 10**30), st.integers(1, 10**6))
def test_it_agrees_with_fractions(left: int, right: int, divisor: int) -> None:
    expected = Fraction(left * right, divisor) - left
    assert evaluate(f"({left}) * ({right}) / {divisor} - ({left})") == expected
