"""Own the replay upstream: recorded outcomes served as models, so that thousands of real prompts can be routed.

Every model of the outcome files becomes a model here. A prompt that it was recorded on (the last user message, letter
for letter) is answered with a mark, `[[right]]`, `[[wrong]]` or `[[score=0.37]]`, and the recorded token counts.
Invariant: the marks are the records. A count that was not recorded is estimated and says `"estimated": true`; a prompt
that was not recorded is a 404; rows of one model on one text are one record with their mean score and tokens.
"""

from __future__ import annotations

import hashlib
import math
import re
import statistics
from collections.abc import AsyncGenerator, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from gearshift.errors import DataError
from gearshift.simulate.answer import AnswerRefused, Card, End, Piece, Prompt, count_tokens
from gearshift.types.chat import Usage

REQUIRED: Final = ("prompt", "model", "score")
OPTIONAL: Final = ("input_tokens", "output_tokens", "response")
BATCH_ROWS: Final = 20_000

_MARK: Final = re.compile(r"\[\[(?:(right)|(wrong)|score=([0-9.e-]+))\]\]")


class Outcome(Struct, frozen=True, kw_only=True, gc=False):
    """Hold one record: `score` in [0, 1], token counts or None where they were not recorded."""

    score: float
    input_tokens: int | None
    output_tokens: int | None
    response_tokens: int | None
    """Estimated from the recorded text of the answer, None without one."""


class Replay:
    """Be one recorded model."""

    state: Final = "ready"

    def __init__(self, name: str, outcomes: dict[bytes, Outcome]) -> None:
        """Keep outcomes by the digest of the prompt's text."""
        description = f"recorded outcomes of {name} on {len(outcomes)} prompts; the answer is its score, not its words"
        self.card = Card(id=name, owned_by="replay", description=description, simulated=True)
        self._outcomes = outcomes

    async def answer(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """Give the mark of the recorded score, and the recorded usage."""
        outcome = self._outcomes.get(digest(prompt.question))
        if outcome is None:
            message = (
                f"{self.card.id} has no recorded outcome for this prompt; send a prompt of the outcome file as it is"
            )
            raise AnswerRefused(message, status=404, code="unknown_prompt")
        mark = write_mark(outcome.score)
        yield mark
        yield End(finish_reason="stop", usage=_usage(outcome, prompt, mark))


def _usage(outcome: Outcome, prompt: Prompt, mark: str) -> Usage:
    input_tokens, output_tokens = outcome.input_tokens, outcome.output_tokens
    estimated = input_tokens is None or output_tokens is None
    if input_tokens is None:
        input_tokens = sum(count_tokens(turn.text) for turn in prompt.turns)
    if output_tokens is None:
        output_tokens = count_tokens(mark) if outcome.response_tokens is None else outcome.response_tokens
    return Usage(input_tokens=input_tokens, output_tokens=output_tokens, estimated=estimated)


def digest(text: str) -> bytes:
    """Identify a prompt by the SHA-256 of its text."""
    return hashlib.sha256(text.encode()).digest()


def write_mark(score: float) -> str:
    """Write a score as the answer's text."""
    return {1.0: "[[right]]", 0.0: "[[wrong]]"}.get(score, f"[[score={score:.6g}]]")


def read_mark(text: str) -> float | None:
    """Read the score back from an answer's text, None when there is no mark."""
    match = _MARK.search(text)
    if match is None:
        return None
    return float(match[3]) if match[3] else float(match[1] is not None)


def load_replay(paths: Iterable[Path]) -> list[Replay]:
    """Read outcome files (Parquet, long form) into one model per name, in the files' order.

    Rows without a prompt's text are left out. Raises `DataError` naming the file and what it lacks.
    """
    records: dict[str, dict[bytes, list[Outcome]]] = {}
    digests: dict[str, bytes] = {}
    for path in paths:
        for text, model, outcome in _rows(path):
            key = digests.get(text) or digests.setdefault(text, digest(text))
            records.setdefault(model, {}).setdefault(key, []).append(outcome)
    return [
        Replay(name, {key: _mean(outcomes) for key, outcomes in by_prompt.items()})
        for name, by_prompt in records.items()
    ]


def _rows(path: Path) -> Iterator[tuple[str, str, Outcome]]:
    number = -1
    for columns in _batches(path):
        absent = [None] * len(columns["prompt"])
        required = (columns[name] for name in REQUIRED)
        optional = (columns.get(name, absent) for name in OPTIONAL)
        for text, model, score, inputs, outputs, response in zip(*required, *optional, strict=True):
            number += 1
            if text is None:
                continue
            if model is None or score is None:
                raise DataError(f"{path.name} row {number}: `model` or `score` is null; every outcome needs both")
            outcome = Outcome(
                score=score,
                input_tokens=_count(inputs),
                output_tokens=_count(outputs),
                response_tokens=None if response is None else count_tokens(response),
            )
            yield text, model, outcome


def _batches(path: Path) -> Iterator[dict[str, list[Any]]]:
    """Read the columns that are used, some ten thousand rows at a time, to keep long prompts out of memory."""
    try:
        from pyarrow import parquet  # noqa: PLC0415 - only the replay needs the [train] extra
    except ImportError as error:
        raise DataError(f"{path.name}: reading Parquet needs pyarrow; install gearshift[train]") from error
    try:
        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            lacking = [name for name in REQUIRED if name not in names]
            if lacking:
                raise DataError(f"{path.name}: no column {', '.join(lacking)}; a file has {', '.join(REQUIRED)}")
            for batch in file.iter_batches(
                BATCH_ROWS, columns=[name for name in (*REQUIRED, *OPTIONAL) if name in names]
            ):
                yield batch.to_pydict()
    except (OSError, ValueError) as error:  # pyarrow.ArrowInvalid is a ValueError
        raise DataError(f"{path.name}: not a readable Parquet file: {str(error)[:200]}") from error


def _count(value: float | None) -> int | None:
    """Read a token count that a file may keep as a float with NaN for unknown."""
    return None if value is None or math.isnan(value) else int(value)


def _mean(outcomes: list[Outcome]) -> Outcome:
    if len(outcomes) == 1:
        return outcomes[0]
    return Outcome(
        score=statistics.fmean(outcome.score for outcome in outcomes),
        input_tokens=_mean_count([outcome.input_tokens for outcome in outcomes]),
        output_tokens=_mean_count([outcome.output_tokens for outcome in outcomes]),
        response_tokens=_mean_count([outcome.response_tokens for outcome in outcomes]),
    )


def _mean_count(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return round(statistics.fmean(known)) if known else None
