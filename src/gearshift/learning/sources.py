"""Own the forms in which others publish outcomes: each read into rows of ours, or into preferences.

    RouterBench   a row per prompt; per model a column of scores and one `MODEL|total_cost` in US dollars
    RouteLLM      CSV, a row per prompt; per model a column of True or False, and for GSM8K one `MODEL_response`
    arena votes   a row per vote: `model_a`, `model_b`, `winner`, and the conversations

Invariant: rows are those that `data.table_of` takes. A fault names file, row and column, and what is empty is left
out, never 0. A vote says who was better, not how good anybody was, so it never becomes a score.

References
----------
.. [1] Hu et al., "RouterBench", arXiv:2403.12031; files of huggingface.co/datasets/withmartian/routerbench, 2024-03.
.. [2] Ong et al., "RouteLLM", arXiv:2406.18665; github.com/lm-sys/RouteLLM, `routellm/evals`, 2024-08.
.. [3] Chiang et al., "Chatbot Arena", arXiv:2403.04132; huggingface.co/datasets/lmsys/chatbot_arena_conversations and
   lmarena-ai/arena-human-preference-140k.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from msgspec import Struct

from gearshift.errors import DataError
from gearshift.learning.data import Prompt, table_of
from gearshift.learning.estimators import Array, Index
from gearshift.learning.files import records, rows

Row: TypeAlias = dict[str, object]

_COST: Final = "|total_cost"
_RESPONSE: Final = "_response"
_MMLU: Final = "mmlu_"
_RESPONSES: Final = "_responses"
_TRUTH: Final = {"true": 1.0, "false": 0.0}
_OUTCOMES: Final = {"model_a": 1.0, "model_b": 0.0, "tie": 0.5, "tie (bothbad)": 0.5, "both_bad": 0.5}
_BOTH_BAD: Final = frozenset({"tie (bothbad)", "both_bad"})
_SHOWN: Final = 40


class PreferenceTable(Struct, frozen=True, kw_only=True, eq=False):
    """Hold votes between two answers to one prompt.

    Attributes
    ----------
    prompts : tuple of Prompt, length n_votes
        What the user said, in all turns, to both models; the same prompt may occur again.
    models : tuple of str
    pairs : ndarray of int, shape (n_votes, 2)
        Positions in `models` of A and B.
    outcome : ndarray, shape (n_votes,)
        1 where A was better, 0 where B was, 0.5 where neither.
    both_bad : ndarray of bool, shape (n_votes,)
        Ties in which neither answer was good; False where the source does not tell ties apart.
    without_text : int
        Votes left out because the user said nothing in words.
    """

    prompts: tuple[Prompt, ...]
    models: tuple[str, ...]
    pairs: Index
    outcome: Array
    both_bad: Index
    without_text: int = 0


class _Piece(Struct, frozen=True):
    type: str = "text"
    text: str | None = None


class _Turn(Struct, frozen=True):
    role: str
    content: str | list[_Piece] | None = None


class _Vote(Struct, frozen=True, kw_only=True):
    model_a: str
    model_b: str
    winner: str
    conversation_a: list[_Turn] | None = None
    conversation: list[_Turn] | None = None
    prompt: str | None = None


def read_routerbench(path: Path) -> list[Row]:
    """Read RouterBench's wide form, from CSV, Parquet or JSON lines.

    Parameters
    ----------
    path : Path
        The published pickles must be written anew first (pandas' `to_parquet`): a pickle runs code when it is read.

    Returns
    -------
    list of rows
        `dataset` is the file's name, `task` its `eval_name`, `prompt_id` its `sample_id`. A prompt that is a list of
        texts, written as Python writes one, is joined by newlines. Scores that are empty are left out.
    """
    found: list[Row] = []
    for number, record in records(path):
        where = f"{path}: row {number}"
        models = [name.removesuffix(_COST) for name in record if name.endswith(_COST)]
        if not models or not {*models, "prompt"} <= record.keys():
            raise DataError(
                f"{where}: found no column prompt, MODEL and MODEL{_COST}; expected RouterBench's wide form"
            )
        prompt = _joined(_text(record["prompt"]))
        about = {"prompt": prompt, "dataset": path.stem, "task": _text(record.get("eval_name")) or ""}
        if (sample := _text(record.get("sample_id"))) is not None:
            about["prompt_id"] = sample
        for model in models:
            score = _score(record, model, where)
            if score is not None:
                found.append(
                    {**about, "model": model, "score": score, "cost_usd": _number(record, model + _COST, where)}
                )
    return found


def read_routellm(path: Path, *, without: Collection[str] = ()) -> list[Row]:
    """Read RouteLLM's recorded answers to MMLU (`mmlu_DOMAIN.csv`) or GSM8K (`gsm8k_responses.csv`).

    Parameters
    ----------
    path : Path
    without : collection of str
        Prompts to leave out: those that RouteLLM lists as contaminated (`contaminated_prompts.jsonl`, `eval_prompt`).

    Returns
    -------
    list of rows
        `dataset` is `mmlu` or the file's name, `task` the domain. There is no cost and no count of tokens.
    """
    is_mmlu = path.stem.startswith(_MMLU)
    dataset = "mmlu" if is_mmlu else path.stem.removesuffix(_RESPONSES)
    task = path.stem.removeprefix(_MMLU) if is_mmlu else ""
    found: list[Row] = []
    for number, record in records(path):
        where = f"{path}: row {number}"
        models = [name for name in record if name != "prompt" and not _is_response(name, record)]
        if "prompt" not in record or not models:
            raise DataError(f"{where}: found columns {', '.join(record)[:200]}; expected prompt and one for each model")
        prompt = _text(record["prompt"])
        if prompt in without:
            continue
        about = {"prompt": prompt, "dataset": dataset, "task": task}
        scores = ((model, _score(record, model, where)) for model in models)
        found += [{**about, "model": model, "score": score} for model, score in scores if score is not None]
    return found


def read_arena(path: Path) -> PreferenceTable:
    """Read votes of Chatbot Arena, from JSON lines or Parquet.

    Parameters
    ----------
    path : Path
        `winner` is `model_a`, `model_b`, `tie`, `tie (bothbad)` or `both_bad`. What the user said is taken from
        `conversation_a` (what the user says goes to both models), else `conversation`, else `prompt`.

    Raises
    ------
    DataError
        A fault in a row, or no vote with words.
    """
    said: list[Row] = []
    pairs: list[tuple[str, str]] = []
    winners: list[str] = []
    without_text = 0
    for number, vote in rows(path, _Vote):
        where = f"{path}: row {number}"
        if vote.winner not in _OUTCOMES:
            raise DataError(f"{where}, column winner: found {vote.winner[:_SHOWN]!r}; expected {', '.join(_OUTCOMES)}")
        if vote.model_a == vote.model_b:
            raise DataError(f"{where}, column model_b: found {vote.model_b[:_SHOWN]!r} again; expected another model")
        turns = list(_said(vote))
        if not turns:
            without_text += 1
            continue
        said.append({"messages": [{"role": "user", "content": turn} for turn in turns], "dataset": path.stem})
        pairs.append((vote.model_a, vote.model_b))
        winners.append(vote.winner)
    if not winners:
        raise DataError(f"{path}: found no vote with words ({without_text} have none); expected at least one")
    models = tuple(sorted({model for pair in pairs for model in pair}))
    at = {model: number for number, model in enumerate(models)}
    return PreferenceTable(
        prompts=_prompts(said),
        models=models,
        pairs=np.array([(at[one], at[other]) for one, other in pairs], dtype=np.int64),
        outcome=np.array([_OUTCOMES[winner] for winner in winners]),
        both_bad=np.array([winner in _BOTH_BAD for winner in winners]),
        without_text=without_text,
    )


def _prompts(said: list[Row]) -> tuple[Prompt, ...]:
    """Make the prompt of every vote, by the rules that make those of outcomes."""
    made = table_of({**row, "prompt_id": number, "model": "", "score": 0} for number, row in enumerate(said))
    return made.prompts


def _said(vote: _Vote) -> Iterator[str]:
    """Give what the user said, turn by turn, where it is words."""
    conversation = vote.conversation_a or vote.conversation
    if conversation is None:
        turns = [vote.prompt]
    else:
        turns = [_words(turn.content) for turn in conversation if turn.role == "user"]
    return (turn for turn in turns if turn and turn.strip())


def _words(content: str | list[_Piece] | None) -> str | None:
    if isinstance(content, list):
        return "\n".join(piece.text for piece in content if piece.text)
    return content


def _is_response(name: str, record: Mapping[str, object]) -> bool:
    return name.endswith(_RESPONSE) and name.removesuffix(_RESPONSE) in record


def _joined(text: str | None) -> str | None:
    """Join a list of texts, written as Python writes one; all else stays as it is."""
    if text is None or not (text.startswith(("['", '["')) and text.endswith(("']", '"]'))):
        return text
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return text
    texts = isinstance(found, list) and all(isinstance(each, str) for each in found)
    return "\n".join(found) if texts else text


def _text(value: object) -> str | None:
    """Give a text; what is empty, or no text, is None."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "\n".join(value) or None
    return value if isinstance(value, str) and value else None


def _score(record: Mapping[str, object], model: str, where: str) -> float | None:
    score = _number(record, model, where)
    if score is not None and not 0.0 <= score <= 1.0:
        raise DataError(f"{where}, column {model}: found {score}; expected a score from 0 to 1")
    return score


def _number(record: Mapping[str, object], name: str, where: str) -> float | None:
    """Read a number, or true or false; None where it is empty or NaN."""
    value = record[name]
    if value is None or value == "":
        return None
    try:
        number = _TRUTH.get(str(value).lower())
        number = float(str(value)) if number is None else number
    except ValueError as fault:
        found = repr(str(value)[:_SHOWN])
        raise DataError(f"{where}, column {name}: found {found}; expected a number, True, False or nothing") from fault
    return None if math.isnan(number) else number
