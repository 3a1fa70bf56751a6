"""Own outcome data: which model scored what on which prompt, read from Parquet or JSON lines and held as matrices.

Invariant: what is not observed is NaN, never 0. A fault in the data is an error that names file, row and column; what
is left out or averaged is counted. Prompts are split by their text, so no question is on both sides.
The columns are those of `docs/reference/outcome-data.md`.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct

from gearshift.errors import DataError
from gearshift.learning.estimators import Array, Index
from gearshift.learning.features import as_request, plain_text
from gearshift.learning.files import convert, rows
from gearshift.types.chat import Message, Request, Text

_NOT_QUESTION: Final = re.compile(r"^\s*(?:\(?[A-J][.):]\s.*|(?:# *)*[Aa]nswer:?\s*)$", re.MULTILINE)
"""A line with an answer option, or that asks for the answer: not the question, and written anew by every data set."""
_NOT_WORD: Final = re.compile(r"[\W_]+")


class Turn(Struct, frozen=True):
    """Hold one message of a row's `messages`."""

    role: str
    content: str


class PromptRow(Struct, frozen=True):
    """Hold what identifies a prompt in a row; other columns are ignored."""

    prompt: str | None = None
    messages: list[Turn] | None = None
    prompt_id: str | int | None = None
    dataset: str | None = None
    task: str | None = None


class OutcomeRow(PromptRow, frozen=True, kw_only=True):
    """Hold one row of outcome data: one prompt, one model."""

    model: str
    score: float
    cost_usd: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None


class Prompt(Struct, frozen=True, kw_only=True):
    """Hold one distinct prompt. `group` is the same for all wordings that count as one question."""

    id: str
    dataset: str
    task: str
    request: Request
    group: str


class OutcomeTable(Struct, frozen=True, kw_only=True, eq=False):
    """Hold outcomes as matrices of shape (n_prompts, n_models), NaN where not observed.

    `quality` is in [0, 1], `cost_usd` in US dollars for one call. `averaged` counts rows beyond the first of one prompt
    and model (they were averaged), `without_text` rows that were left out because their prompt is null.
    """

    prompts: tuple[Prompt, ...]
    models: tuple[str, ...]
    quality: Array
    cost_usd: Array
    input_tokens: Array
    output_tokens: Array
    averaged: int = 0
    without_text: int = 0

    @property
    def datasets(self) -> Index:
        """Number the data set of each prompt, shape (n_prompts,), in alphabetical order."""
        return np.unique([prompt.dataset for prompt in self.prompts], return_inverse=True)[1]

    @property
    def digest(self) -> str:
        """Give the SHA-256 of prompts, models and outcomes."""
        sha = hashlib.sha256()
        for prompt in self.prompts:
            sha.update(f"{prompt.dataset}\0{prompt.id}\0{plain_text(prompt.request)}\0".encode("utf-8", "replace"))
        sha.update("\0".join(self.models).encode())
        for matrix in (self.quality, self.cost_usd, self.input_tokens, self.output_tokens):
            sha.update(matrix.tobytes())
        return sha.hexdigest()

    def observed(self) -> OutcomeTable:
        """Leave out the models without any outcome; raise DataError when none is left."""
        known = np.flatnonzero(~np.isnan(self.quality).all(axis=0))
        if not len(known):
            raise DataError("found no outcome of the models asked for; expected at least one")
        return self.take(np.arange(len(self.prompts)), [self.models[column] for column in known])

    def take(self, rows: Index, columns: Sequence[str] | None = None) -> OutcomeTable:
        """Give the part with these prompts (by position) and models (by name, default all)."""
        names = self.models if columns is None else tuple(columns)
        missing = sorted(set(names) - set(self.models))
        if missing:
            raise DataError(
                f"found no outcomes of {', '.join(missing)}; expected models out of: {', '.join(self.models)}"
            )
        where = np.ix_(rows, np.array([self.models.index(name) for name in names], dtype=np.int64))
        return OutcomeTable(
            prompts=tuple(self.prompts[row] for row in rows),
            models=names,
            quality=self.quality[where],
            cost_usd=self.cost_usd[where],
            input_tokens=self.input_tokens[where],
            output_tokens=self.output_tokens[where],
            averaged=self.averaged,
            without_text=self.without_text,
        )


def load(paths: Sequence[Path], *, rename: Callable[[str, str], str | None] | None = None) -> OutcomeTable:
    """Read outcome data from Parquet and JSON lines files into one table.

    Parameters
    ----------
    paths : sequence of Path
    rename : callable, optional
        Maps (data set, model) to the name to use, or None to leave the row out.

    Raises
    ------
    DataError
        Naming file, row (from 1) and column.
    """
    table = _Builder()
    for path in paths:
        for number, row in rows(path, OutcomeRow):
            where = f"{path}: row {number}"
            dataset = row.dataset or path.stem
            model = row.model if rename is None else rename(dataset, row.model)
            if model is not None:
                table.add(row, dataset, model, where)
    return table.finish(paths)


def table_of(records: Iterable[Mapping[str, object]]) -> OutcomeTable:
    """Make a table of rows that are in memory; raises DataError as `load` does."""
    table = _Builder()
    for number, record in enumerate(records, start=1):
        row = convert(record, OutcomeRow, f"row {number}")
        table.add(row, row.dataset or "", row.model, f"row {number}")
    return table.finish(())


def load_prompts(path: Path) -> list[Prompt]:
    """Read the distinct prompts of a file; scores and models may be absent."""
    found: dict[tuple[str, str], Prompt] = {}
    for _, row in rows(path, PromptRow):
        request = _request(row)
        if request is not None:
            prompt = _prompt(row, row.dataset or path.stem, request)
            found.setdefault((prompt.dataset, prompt.id), prompt)
    if not found:
        raise DataError(f"{path}: found no row with a prompt; expected at least one")
    return list(found.values())


def group(text: str) -> str:
    """Give the key of the question in a text: letters and digits only, lower case, without answer options."""
    bare = unicodedata.normalize("NFKC", _NOT_QUESTION.sub("", text)).lower()
    return hashlib.sha256(_NOT_WORD.sub("", bare).encode("utf-8", "replace")).hexdigest()


def position(prompt: Prompt, seed: int) -> float:
    """Give the place of a prompt's group in [0, 1): uniform over groups, the same for ever."""
    digest = hashlib.sha256(f"{seed}:{prompt.group}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48


def split(table: OutcomeTable, fraction: float, seed: int) -> tuple[OutcomeTable, OutcomeTable]:
    """Split by prompt group into (rest, held out); about `fraction` of the groups is held out."""
    held = np.array([position(prompt, seed) < fraction for prompt in table.prompts], dtype=bool)
    return table.take(np.flatnonzero(~held)), table.take(np.flatnonzero(held))


class _Builder:
    """Collect rows, then lay them out as matrices."""

    def __init__(self) -> None:
        self._prompts: dict[tuple[str, str], tuple[int, Prompt]] = {}
        self._texts: dict[tuple[str, str | int | None, str], Prompt] = {}
        self._models: dict[str, int] = {}
        self._cells: list[tuple[int, int]] = []
        self._values: list[list[float]] = []
        self._without_text = 0

    def add(self, row: OutcomeRow, dataset: str, model: str, where: str) -> None:
        """Take one row."""
        if not 0.0 <= row.score <= 1.0:  # false for NaN too
            raise DataError(f"{where}, column score: found {row.score}; expected a number from 0 to 1")
        amounts = [_amount(row, name, where) for name in ("cost_usd", "input_tokens", "output_tokens")]
        request = _request(row)
        if request is None:
            self._without_text += 1
            return
        text = plain_text(request)
        prompt = self._texts.get((dataset, row.prompt_id, text))
        if prompt is None:
            prompt = self._texts[dataset, row.prompt_id, text] = _prompt(row, dataset, request)
        number, known = self._prompts.setdefault((dataset, prompt.id), (len(self._prompts), prompt))
        if known is not prompt:
            raise DataError(
                f"{where}, column prompt_id: found {prompt.id} again with another prompt; expected one text"
            )
        self._cells.append((number, self._models.setdefault(model, len(self._models))))
        self._values.append([row.score, *amounts])

    def finish(self, paths: Sequence[Path]) -> OutcomeTable:
        """Average what was observed more than once."""
        if not self._cells:
            source = ", ".join(map(str, paths)) or "rows"
            raise DataError(
                f"{source}: found no outcome with a prompt ({self._without_text} rows have none); expected at least one"
            )
        names = sorted(self._models)
        column = np.argsort(np.argsort(list(self._models)))  # position of each model in alphabetical order
        cells = np.array(self._cells)
        at = (cells[:, 0], column[cells[:, 1]])
        shape = (len(self._prompts), len(names))
        values = np.array(self._values)
        quality, cost, inputs, outputs = (_mean(at, values[:, field], shape) for field in range(values.shape[1]))
        return OutcomeTable(
            prompts=tuple(prompt for _, prompt in self._prompts.values()),
            models=tuple(names),
            quality=quality,
            cost_usd=cost,
            input_tokens=inputs,
            output_tokens=outputs,
            averaged=len(cells) - int((~np.isnan(quality)).sum()),
            without_text=self._without_text,
        )


def _mean(at: tuple[Index, Index], values: Array, shape: tuple[int, int]) -> Array:
    """Average the known values that fall on each cell; NaN where there is none."""
    known = ~np.isnan(values)
    total, count = np.zeros(shape), np.zeros(shape)
    where = (at[0][known], at[1][known])
    np.add.at(total, where, values[known])
    np.add.at(count, where, 1.0)
    mean: Array = np.divide(total, count, out=np.full(shape, np.nan), where=count > 0)
    return mean


def _amount(row: OutcomeRow, name: str, where: str) -> float:
    """Give an optional amount, NaN for unknown."""
    value: float | None = getattr(row, name)
    if value is None or np.isnan(value):
        return float("nan")
    if value < 0 or np.isinf(value):
        raise DataError(f"{where}, column {name}: found {value}; expected a number of at least 0, or null")
    return value


def _request(row: PromptRow) -> Request | None:
    """Give the request that a row stands for, or None when it has no text."""
    if row.messages:
        roles = {"system", "developer", "user", "assistant", "tool"}
        turns = tuple(
            Message(role=turn.role if turn.role in roles else "user", parts=(Text(text=turn.content),))  # type: ignore[arg-type]
            for turn in row.messages
        )
        return Request(model="auto", messages=turns)
    return None if row.prompt is None else as_request(row.prompt)


def _prompt(row: PromptRow, dataset: str, request: Request) -> Prompt:
    text = plain_text(request)
    name = (
        hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
        if row.prompt_id is None
        else str(row.prompt_id)
    )
    return Prompt(id=name, dataset=dataset, task=row.task or "", request=request, group=group(text))
