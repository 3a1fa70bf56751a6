"""Own the words and symbols of arithmetic: a question's text becomes numbers, operators and a few verbs.

Phrases (`divided by`) become operators, number words (`twenty five`, `3 million`) become numbers, and words that carry
nothing (`what is the`) are dropped; any other word stays, for the parser to know or to refuse.
Invariant: text, count of tokens and size of numbers are bounded.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from typing import Final, TypeAlias

MAX_CHARACTERS: Final = 300
MAX_TOKENS: Final = 100
MAX_BITS: Final = 2048
"""Of a numerator or denominator: about 616 digits."""

NOT_ARITHMETIC: Final = "I can only do arithmetic and unit conversion."
TOO_LARGE: Final = "That number is too large for me."

Token: TypeAlias = Fraction | str

_PHRASES: Final = {
    "raised to the power of": "^",
    "to the power of": "^",
    "raised to": "^",
    "multiplied by": "*",
    "divided by": "/",
    "square root": "sqrt",
    "cube root": "cbrt",
    "per cent": "%",
    "percent": "%",
    "value of": "",
    "result of": "",
    "times": "*",
    "plus": "+",
    "minus": "-",
    "modulo": "mod",
    "double": "2 *",
    "twice": "2 *",
    "triple": "3 *",
    "factorial of": "factorial",
}
_PHRASE: Final = re.compile(r"\b(?:" + "|".join(_PHRASES) + r")\b")
_SYMBOLS: Final = str.maketrans(
    {
        "\N{MULTIPLICATION SIGN}": "*",
        "\N{MIDDLE DOT}": "*",
        "\N{DIVISION SIGN}": "/",
        "\N{MINUS SIGN}": "-",
        "\N{EN DASH}": "-",
        "\N{SQUARE ROOT}": " sqrt ",
        "\N{SUPERSCRIPT TWO}": "^2",
        "\N{SUPERSCRIPT THREE}": "^3",
        "\N{RIGHT SINGLE QUOTATION MARK}": " ",
        "'": " ",
        "?": " ",
    }
)
_LEXEME: Final = re.compile(
    r"\s*(?:(?P<number>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)|(?P<word>[a-z]+)|(?P<symbol>\*\*|[-+*/^%()!]))"
)
_SILENT_WORDS: Final = """
    a an the what whats s is are be does do how much calculate compute evaluate solve work out find tell give me you can
    please equal equals make get when answer exactly
"""
_SMALL_NUMBERS: Final = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen
"""
_TENS: Final = " twenty thirty forty fifty sixty seventy eighty ninety"
_SILENT: Final = frozenset(_SILENT_WORDS.split())
_TENS_BY_WORD: Final = {word: Fraction(10 * tens) for tens, word in enumerate(_TENS.split(), start=2)}
_NUMBERS: Final[dict[str, Fraction]] = {
    **{word: Fraction(value) for value, word in enumerate(_SMALL_NUMBERS.split())},
    **_TENS_BY_WORD,
    "half": Fraction(1, 2),
    "third": Fraction(1, 3),
    "quarter": Fraction(1, 4),
    "dozen": Fraction(12),
}
_SCALES: Final = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}


class Unanswerable(Exception):
    """Carry the sentence that says why there is no number. It never leaves `evaluate`."""


def tokenize(question: str) -> list[Token]:
    """Split a question into tokens. Raises `Unanswerable`."""
    if len(question) > MAX_CHARACTERS:
        raise Unanswerable(NOT_ARITHMETIC)
    text = unicodedata.normalize("NFC", question).lower().translate(_SYMBOLS).strip().rstrip(".= ")
    text = _PHRASE.sub(lambda match: f" {_PHRASES[match[0]]} ", text)
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _LEXEME.match(text, position)
        if match is None or len(tokens) == MAX_TOKENS:
            raise Unanswerable(NOT_ARITHMETIC)
        position = match.end()
        if match["number"]:
            tokens.append(bounded(Fraction(match["number"].replace(",", ""))))
        elif match["symbol"]:
            tokens.append("^" if match["symbol"] == "**" else match["symbol"])
        else:
            _take_word(match["word"], tokens)
    return tokens


def _take_word(word: str, tokens: list[Token]) -> None:
    """Append a word, joining number words: `twenty five`, `3 million`."""
    last = tokens[-1] if tokens else None
    if word in _NUMBERS:
        value = _NUMBERS[word]
        if isinstance(last, Fraction) and 1 <= value <= 9 and last in _TENS_BY_WORD.values():  # noqa: PLR2004
            tokens[-1] = last + value
        else:
            tokens.append(value)
    elif word in _SCALES and isinstance(last, Fraction):
        tokens[-1] = last * _SCALES[word]
    elif word not in _SILENT:
        tokens.append(word)


def bounded(value: Fraction) -> Fraction:
    """Give the number back, or raise `Unanswerable` when it is too long to work with."""
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise Unanswerable(TOO_LARGE)
    return value
