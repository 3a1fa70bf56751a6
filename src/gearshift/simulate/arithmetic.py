"""Own exact arithmetic: a recursive-descent parser over the tokens of `lexicon`, no `eval`.

    sum    := term (("+" | "-") term)*
    term   := signed (("*" | "/" | "mod" | "of" | "off") signed)*      "of" multiplies: 15% of 80
    signed := ("-" | "+")* power
    power  := postfix ("^" signed)?                                    binds tighter than the sign: -2^2 = -4
    postfix:= atom ("!" | "factorial" | "%" | "squared" | "cubed")*
    atom   := number | "(" sum ")" | root ["of"] signed | verb ["of"] term separator term

Invariant: every input is bounded (characters, tokens, nesting, bits of each number), so no question takes long.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final, TypeAlias

from gearshift.simulate.lexicon import (
    MAX_BITS,
    NOT_ARITHMETIC,
    TOO_LARGE,
    Token,
    Unanswerable,
    bounded,
    tokenize,
)

MAX_NESTING: Final = 20
MAX_FACTORIAL: Final = 200

NO_VALUE: Final = "That has no real value."

Excuse: TypeAlias = str
"""A sentence that says why there is no number."""

_ROOTS: Final = {"sqrt": 2, "cbrt": 3}
_VERBS: Final[dict[str, tuple[tuple[str, ...], Callable[[Fraction, Fraction], Fraction]]]] = {
    "sum": (("and",), lambda a, b: a + b),
    "add": (("and", "to"), lambda a, b: a + b),
    "difference": (("and",), lambda a, b: a - b),
    "subtract": (("from",), lambda a, b: b - a),
    "product": (("and",), lambda a, b: a * b),
    "multiply": (("and", "by"), lambda a, b: a * b),
    "quotient": (("and",), lambda a, b: a / b),
    "divide": (("by",), lambda a, b: a / b),
    "average": (("and",), lambda a, b: (a + b) / 2),
    "mean": (("and",), lambda a, b: (a + b) / 2),
}


def evaluate(question: str) -> Fraction | Excuse:
    """Give the value of a question such as `What is 15% of 80?`, or the sentence that says why not.

    Roots that are not rational are rounded to 30 digits; all else is exact.
    """
    try:
        return _Parser(tokenize(question)).parse()
    except Unanswerable as stop:
        return str(stop)
    except ZeroDivisionError:
        return NO_VALUE


class _Parser:
    """Read one list of tokens from left to right; `sum` is the start symbol."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._nesting = 0

    def parse(self) -> Fraction:
        value = self._sum()
        if self._at < len(self._tokens):
            raise Unanswerable(NOT_ARITHMETIC)
        return value

    def _peek(self, ahead: int = 0) -> Token | None:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else None

    def _accept(self, *words: str) -> str | None:
        token = self._peek()
        if isinstance(token, str) and token in words:
            self._at += 1
            return token
        return None

    def _expect(self, *words: str) -> None:
        if self._accept(*words) is None:
            raise Unanswerable(NOT_ARITHMETIC)

    def _sum(self) -> Fraction:
        value = self._term()
        while operator := self._accept("+", "-"):
            right = self._term()
            value = bounded(value + right if operator == "+" else value - right)
        return value

    def _term(self) -> Fraction:
        value = self._signed()
        while operator := self._accept("*", "/", "%", "mod", "of", "off"):
            right = self._signed()
            match operator:
                case "*" | "of":
                    value *= right
                case "/":
                    value /= right
                case "off":
                    value = right * (1 - value)
                case _:
                    value %= right
            value = bounded(value)
        return value

    def _signed(self) -> Fraction:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise Unanswerable(NOT_ARITHMETIC)
        sign = 1
        while operator := self._accept("-", "+"):
            sign = -sign if operator == "-" else sign
        value = self._postfix()
        if self._accept("^"):
            value = _power(value, self._signed())
        self._nesting -= 1
        return sign * value

    def _postfix(self) -> Fraction:
        value = self._atom()
        while True:
            if self._accept("!", "factorial"):
                value = _factorial(value)
            elif self._peek() == "%" and not self._starts_operand(self._peek(1)):
                self._at += 1
                value /= 100
            elif power := self._accept("squared", "cubed"):
                value = _power(value, Fraction(2 if power == "squared" else 3))
            else:
                return value

    @staticmethod
    def _starts_operand(token: Token | None) -> bool:
        """Tell `17 % 5` (remainder) from `15 % of 80` and `50 % + 1` (percent)."""
        return isinstance(token, Fraction) or token in {"(", *_ROOTS}

    def _atom(self) -> Fraction:
        token = self._peek()
        self._at += 1
        if isinstance(token, Fraction):
            return token
        if token is None:
            raise Unanswerable(NOT_ARITHMETIC)
        return self._named(token)

    def _named(self, word: str) -> Fraction:
        if word == "(":
            value = self._sum()
            self._expect(")")
            return value
        self._accept("of", "between")
        if word in _ROOTS:
            return _root(self._signed(), _ROOTS[word])
        if word == "factorial":
            return _factorial(self._signed())
        if word == "remainder":
            left = self._signed()
            self._expect("/")
            return left % self._signed()
        if word not in _VERBS:
            raise Unanswerable(NOT_ARITHMETIC)
        separators, operate = _VERBS[word]
        left = self._term()
        self._expect(*separators)
        return bounded(operate(left, self._term()))


def _factorial(value: Fraction) -> Fraction:
    if value.denominator != 1 or value < 0:
        raise Unanswerable(NO_VALUE)
    if value > MAX_FACTORIAL:
        raise Unanswerable(TOO_LARGE)
    return Fraction(math.factorial(int(value)))


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator > max(_ROOTS.values()):
        raise Unanswerable(NOT_ARITHMETIC)
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if bits * abs(exponent.numerator) > MAX_BITS:
        raise Unanswerable(TOO_LARGE)
    return _root(base**exponent.numerator, exponent.denominator)


def _root(value: Fraction, degree: int) -> Fraction:
    """Take a root exactly where it is rational, else to 30 digits."""
    if degree == 1:
        return value
    if value < 0:
        if degree % 2 == 0:
            raise Unanswerable(NO_VALUE)
        return -_root(-value, degree)
    over, under = _whole_root(value.numerator, degree), _whole_root(value.denominator, degree)
    if over**degree == value.numerator and under**degree == value.denominator:
        return Fraction(over, under)
    with localcontext() as context:
        context.prec = 30
        return Fraction((Decimal(value.numerator) / Decimal(value.denominator)) ** (1 / Decimal(degree)))


def _whole_root(value: int, degree: int) -> int:
    """Give the whole number nearest to the root."""
    with localcontext() as context:
        context.prec = value.bit_length() // 3 + 10
        return round(Decimal(value) ** (1 / Decimal(degree))) if value else 0
