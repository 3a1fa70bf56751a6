"""Own the model `docs`: find the passage of Gearshift's own documentation that answers a question.

Retrieval is BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009, equation 3.15) over small
passages: a few sentences, one list item, one table row with its header, one code block; each with its headings.
Invariant: the answer is text of the docs with its source, or `NOT_FOUND`; nothing is made up.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

PACKAGE: Final = Path(__file__).parents[1]
NOT_FOUND: Final = "I found no answer to that in the docs."
MIN_SCORE: Final = 0.2
"""Below this share of the score that a perfect passage would have, nothing is found."""
MAX_QUESTION_CHARACTERS: Final = 1000
WINDOW_CHARACTERS: Final = 320

_K1: Final = 1.2
_B: Final = 0.75
_SHORT_WORD: Final = 4
_TERM: Final = re.compile(r"[a-z0-9]+(?:[-_./][a-z0-9]+)*")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?:])\s+(?=[A-Z`*\[])")
_ITEM: Final = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+")
_STOP_WORD_LIST: Final = """
    a about all am an and any are as at be by can could did do does for from gearshift get give had has have how i if in
    into is it its let made make many may me much my no not of off on one or please should so some such tell than that
    the their them then there these they this to use used uses using was we were what when where which who why will with
    would you your
"""
_STOP_WORDS: Final = frozenset(_STOP_WORD_LIST.split())


class Page(NamedTuple):
    """Hold one Markdown file; `path` is relative to the repository."""

    path: str
    text: str


class Passage(NamedTuple):
    """Hold one piece of a page under the headings that lead to it."""

    path: str
    headings: tuple[str, ...]
    text: str


def load_pages(package: Path = PACKAGE) -> list[Page]:
    """Read the docs: the copy inside the package, `_docs`, if there is one (a wheel), else the checkout around it.

    Both hold `README.md` and `docs/**/*.md`. Empty when neither is there.
    """
    packaged = package / "_docs"
    root = packaged if packaged.is_dir() else package.parents[1]
    paths = [root / "README.md", *sorted(root.glob("docs/**/*.md"))]
    return [Page(path.relative_to(root).as_posix(), path.read_text("utf-8")) for path in paths if path.is_file()]


class DocsIndex:
    """Hold the passages of some pages, ready to be searched."""

    def __init__(self, pages: Iterable[Page]) -> None:
        """Cut the pages into passages and count their terms."""
        self._passages = [passage for page in pages for passage in split(page)]
        self._postings: dict[str, list[tuple[int, int]]] = {}
        lengths: list[int] = []
        for number, passage in enumerate(self._passages):
            counts = Counter(terms(" ".join((*passage.headings, passage.text))))
            lengths.append(counts.total())
            for term, count in counts.items():
                self._postings.setdefault(term, []).append((number, count))
        mean = sum(lengths) / len(lengths) if lengths else 1.0
        self._length_norms = [_K1 * (1 - _B + _B * length / mean) for length in lengths]

    def search(self, question: str) -> tuple[float, Passage] | None:
        """Give the best passage and its score in [0, 1): the share of a perfect passage's BM25, or None."""
        wanted = set(terms(question[:MAX_QUESTION_CHARACTERS]))
        scores: dict[int, float] = {}
        perfect = 0.0
        for term in sorted(wanted):
            postings = self._postings.get(term, [])
            weight = math.log1p((len(self._passages) - len(postings) + 0.5) / (len(postings) + 0.5))
            perfect += weight * (_K1 + 1)
            for number, count in postings:
                gain = weight * count * (_K1 + 1) / (count + self._length_norms[number])
                scores[number] = scores.get(number, 0.0) + gain
        if not scores:
            return None
        best = max(scores, key=lambda number: (scores[number], -number))
        return scores[best] / perfect, self._passages[best]

    def reply(self, question: str) -> str:
        """Answer with the best passage and its source, or `NOT_FOUND` below `MIN_SCORE`."""
        found = self.search(question)
        if found is None or found[0] < MIN_SCORE:
            return NOT_FOUND
        return f"{found[1].text}\n(source: {found[1].path})"


def terms(text: str) -> list[str]:
    """Split text into search terms: lower case, without stop words and endings; `x-retry-after` also by its parts."""
    found: list[str] = []
    for word in _TERM.findall(text.lower()):
        parts = re.split(r"[-_./]", word)
        found += [_stem(term) for term in ([word, *parts] if len(parts) > 1 else parts) if term not in _STOP_WORDS]
    return found


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= _SHORT_WORD - 1:
            return word.removesuffix(ending)
    return word


def split(page: Page) -> Iterator[Passage]:
    """Cut a Markdown page into passages."""
    headings: list[str] = []
    for block in _blocks(page.text):
        if block[0].startswith("#"):
            title = block[0].lstrip("#")
            del headings[len(block[0]) - len(title) - 1 :]
            headings.append(title.strip())
            continue
        for text in _pieces(block):
            yield Passage(page.path, tuple(headings), text)


def _blocks(text: str) -> Iterator[list[str]]:
    """Group lines: a heading, a fenced block, a list item, or lines up to a blank one."""
    block: list[str] = []
    fenced = False
    for line in text.splitlines():
        fence = line.lstrip().startswith("```")
        alone = not fenced and (not line.strip() or line.startswith("#") or _ITEM.match(line) or fence)
        if alone and block:
            yield block
            block = []
        if line.strip():
            block.append(line)
        if block and ((fenced and fence) or (not fenced and line.startswith("#"))):
            yield block
            block = []
        fenced ^= fence
    if block:
        yield block


def _pieces(block: list[str]) -> Iterator[str]:
    if block[0].lstrip().startswith("```"):
        yield "\n".join(block[1:-1])
    elif block[0].lstrip().startswith("|"):
        for row in block[2:]:
            yield f"{block[0]}\n{row}"
    else:
        yield from _windows(_SENTENCE_END.split(" ".join(line.strip() for line in block)))


def _windows(sentences: list[str]) -> Iterator[str]:
    """Join neighbouring sentences up to `WINDOW_CHARACTERS`."""
    window = sentences[0]
    for sentence in sentences[1:]:
        if len(window) + len(sentence) >= WINDOW_CHARACTERS:
            yield window
            window = sentence
        else:
            window = f"{window} {sentence}"
    yield window
