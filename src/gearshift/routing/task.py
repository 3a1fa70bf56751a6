"""Own what kind of task a request is: one class, told from its form and then from the words of the last user turn.

    tools          declares tools, or the conversation holds calls or results, or the text holds a tool's JSON schema
    vision         holds an image
    structured     must be answered as JSON
    long_context   holds at least `LONG` characters of text
    code, math, translation, extraction, writing    the most points, `ENOUGH` at least; ties in this order
    chat           all else

Points come from words (`_WORDS`), from patterns of two or three words and from marks such as ``` (`_MARKS`). It is a
guess for rules and explanations, not an input of the predictor; how often it is right is measured in
`docs/reference/decision.md`. English words only: a text in another language is `chat` unless its marks tell.
Invariant: pure, deterministic, and of bounded work: of a long text the first `HEAD` and last `TAIL` characters count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from gearshift.types.chat import Media, Message, Request, Task, Text, ToolCall, ToolResult
from gearshift.types.embedding import Asked, EmbeddingRequest

LONG: Final = 40_000
"""About 10,000 tokens of English."""
HEAD: Final = 1_200
TAIL: Final = 400
ENOUGH: Final = 3

_TEXTUAL: Final[tuple[Task, ...]] = ("code", "math", "translation", "extraction", "writing")
_POINTS: Final[Mapping[tuple[Task, int], str]] = {
    ("code", 2): (
        "python javascript typescript java golang rust sql bash regex html css api compile compiler debug refactor "
        "stacktrace traceback codebase repo git docker kubernetes async numpy pandas react unittest pytest"
    ),
    ("code", 1): "function code script class method bug algorithm array string lambda loop query program implement",
    ("math", 3): (
        "probability prime divisors equation theorem polynomial integral derivative modulo integers divisible "
        "arithmetic algebra"
    ),
    ("math", 2): (
        "calculate compute sum percent percentage product triangle angle radius integer fraction prove factor "
        "digits perimeter median evaluate solve simplify equals remainder"
    ),
    ("math", 1): (
        "total each per twice half average tall high taller older difference cost costs hours number area price times "
        "more than many much left"
    ),
    ("translation", 3): "translate translation übersetze traduis traduce traduire",
    ("translation", 1): (
        "english french german spanish italian chinese japanese korean russian portuguese arabic hindi dutch polish"
    ),
    ("extraction", 3): "extract summarize summarise summary tldr parse",
    ("extraction", 2): "classify categorize label sentiment entities bullet identify",
    ("extraction", 1): "list following text article passage email document invoice names dates",
    ("writing", 2): (
        "essay poem story blog haiku lyrics slogan screenplay rewrite proofread rephrase paraphrase letter speech novel"
    ),
    ("writing", 1): "write draft compose paragraph tone email words creative style persuasive headline",
}
_WORDS: Final[Mapping[str, tuple[tuple[Task, int], ...]]] = {
    word: tuple(key for key, words in _POINTS.items() if word in words.split())
    for every in _POINTS.values()
    for word in every.split()
}


class _Mark(Struct, frozen=True):
    """Hold a pattern that is worth `points` of `task`; it is looked for where one of `words` occurs, "": anywhere."""

    task: Task
    points: int
    pattern: re.Pattern[str]
    words: frozenset[str]


def _mark(task: Task, points: int, words: str, pattern: str) -> _Mark:
    return _Mark(task, points, re.compile(pattern, re.MULTILINE), frozenset(words.split()))


_MARKS: Final = (
    _mark("code", 12, "", r"```|>>> |^#include <"),
    _mark("code", 12, "def class", r"^ {0,8}(?:async )?(?:def|class) \w+.{0,200}:$"),
    _mark("code", 12, "import public using package", r"^(?:from \w+ )?(?:import|public|using|package) \S"),
    _mark("code", 4, "const let var return", r"^ {0,8}(?:const|let|var) \w+ ?=|^ {0,16}return .{0,80};$"),
    _mark("code", 4, "select", r"\bselect .{1,200} from "),
    _mark(
        "code",
        9,
        "write create implement complete fix debug",
        r"\b(?:write|create|implement|complete|fix|debug) (?:\w+ ){0,4}(?:function|script|program|code|class)\b",
    ),
    _mark(
        "math",
        3,
        "",
        r"[\\$^+*/=-](?:(?<=\\)(?:[a-z]{2}|[\[(])|(?<=\$)[^$\n]{1,80}\$|(?<=[+*/=^]) ?\d|(?<=\d -) \d|(?<=\^)[a-z{])",
    ),
    _mark("math", 3, "how", r"\bhow (?:many|much|long|old|far)\b"),
    _mark("translation", 1, "translate say render", r"\b(?:translate|say|render) .{0,80}\b(?:in|into|to|from) [a-z]+"),
)
_DIGITS: Final = re.compile(r"\d+")
_NUMBERS: Final = frozenset(
    ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twice", "half", "third", "dozen")
)
_WORD: Final = re.compile(r"[^\W\d_]+")
_SCHEMA: Final = re.compile(r'"parameters"\s*:\s*\{\s*"(?:type|properties)"')
_SPARSE: Final = 20
"""Words to a number, from which on a text is not full of numbers."""
_SOME: Final = 2
_SURE: Final = 9
"""Points that not even a lack of numbers takes away."""


def task_of(request: Asked) -> Task | None:
    """Tell the task of `request`, None for what is no conversation."""
    if isinstance(request, EmbeddingRequest):
        return None
    return _by_form(request) or _by_text(_last_text(request.messages))


def _by_form(request: Request) -> Task | None:
    """Tell the tasks that need no look at the words."""
    if request.tools:
        return "tools"
    length, image = 0, False
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, Text):
                length += len(part.text)
            elif isinstance(part, ToolCall | ToolResult):
                return "tools"
            elif isinstance(part, Media):
                image = image or part.kind == "image"
    if image:
        return "vision"
    if request.response_format is not None and request.response_format.kind != "text":
        return "structured"
    return "long_context" if length >= LONG else None


def _by_text(text: str) -> Task:
    """Tell the tasks that words tell."""
    if _SCHEMA.search(text):
        return "tools"
    lowered = text.lower()
    points: dict[Task, int] = dict.fromkeys(_TEXTUAL, 0)
    words = _WORD.findall(lowered)
    distinct = frozenset(words)
    for word in _WORDS.keys() & distinct:
        for task, worth in _WORDS[word]:
            points[task] += worth
    for mark in _MARKS:
        if not (mark.words and distinct.isdisjoint(mark.words)) and mark.pattern.search(lowered):
            points[mark.task] += mark.points
    numbers = len(_DIGITS.findall(lowered)) + len(_NUMBERS & distinct)
    if numbers * _SPARSE < len(words):
        points["math"] //= 2 if points["math"] < _SURE else 1  # "how many" and "cost" among few numbers are small talk
    elif numbers > _SOME:
        points["math"] += 1
    best = max(_TEXTUAL, key=lambda task: points[task])
    return best if points[best] >= ENOUGH else "chat"


def _last_text(messages: Iterable[Message]) -> str:
    """Give the text of the last user turn, of a long one its head and tail."""
    last = next((each for each in reversed(tuple(messages)) if each.role == "user"), None)
    texts = [part.text for part in last.parts if isinstance(part, Text)] if last is not None else []
    text = "\n".join(each if len(each) <= HEAD + TAIL else f"{each[:HEAD]}\n{each[-TAIL:]}" for each in texts[:8])
    return text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}"
