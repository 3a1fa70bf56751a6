"""Own the graded prompts of the demo: `prompts.jsonl`, one question a line with its known answers, and the graders.

Invariant: a grade depends only on the row and the text, and a row's own answer gets 1.0.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from importlib.resources import files
from typing import Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from gearshift.errors import DataError

Family: TypeAlias = Literal["arithmetic", "units", "docs", "chat", "impossible"]
Grader: TypeAlias = Literal["number", "contains", "exact"]

_NUMBER: Final = re.compile(r"(?<![\w.^])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d{1,3})?", re.IGNORECASE)
_SEPARATORS: Final = re.compile(r"[\W_]+")


class GradedPrompt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold a question, its accepted answers and how to compare.

    `tolerance` is relative and only for `number`: |found - expected| <= tolerance * |expected|.
    """

    id: str
    family: Family
    prompt: str
    answers: tuple[str, ...]
    grader: Grader
    tolerance: float = 0.0


def load_prompts() -> list[GradedPrompt]:
    """Read the bundled prompts. Raise `DataError` naming the line at fault."""
    lines = files("gearshift.simulate").joinpath("prompts.jsonl").read_bytes().splitlines()
    return [_row(number, line) for number, line in enumerate(lines, start=1)]


def _row(number: int, line: bytes) -> GradedPrompt:
    try:
        return msgspec.json.decode(line, type=GradedPrompt)
    except msgspec.DecodeError as error:
        raise DataError(f"prompts.jsonl line {number}: {error}; every line is one graded prompt") from error


def grade(row: GradedPrompt, text: str) -> float:
    """Score an answer: 1.0 right, 0.0 wrong.

    `number`: the last number of the text that the question did not already hold. `contains`: an answer's words in a row
    somewhere in the text. `exact`: nothing but an answer. Case and punctuation do not count.
    """
    return float(_GRADERS[row.grader](row, text))


def _grade_number(row: GradedPrompt, text: str) -> bool:
    expected = [float(answer) for answer in row.answers]
    given = {value for value in _numbers(row.prompt) if value not in expected}
    found = [value for value in _numbers(text) if value not in given]
    return bool(found) and any(abs(found[-1] - value) <= row.tolerance * abs(value) for value in expected)


def _grade_contains(row: GradedPrompt, text: str) -> bool:
    return any(_normalised(answer) in _normalised(text) for answer in row.answers)


def _grade_exact(row: GradedPrompt, text: str) -> bool:
    return any(_normalised(answer) == _normalised(text) for answer in row.answers)


def _numbers(text: str) -> list[float]:
    text = unicodedata.normalize("NFKC", text).replace("\u2212", "-")
    return [float(match.replace(",", "")) for match in _NUMBER.findall(text)]


def _normalised(text: str) -> str:
    """Keep words only, in lower case, each between single spaces, so that `in` compares whole words."""
    return f" {_SEPARATORS.sub(' ', unicodedata.normalize('NFKC', text).casefold()).strip()} "


_GRADERS: Final[dict[Grader, Callable[[GradedPrompt, str], bool]]] = {
    "number": _grade_number,
    "contains": _grade_contains,
    "exact": _grade_exact,
}
