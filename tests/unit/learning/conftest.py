"""Own made-up outcomes for the tests of learning: a world whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest

from gearshift.learning.artifact import Artifact
from gearshift.learning.data import OutcomeTable, table_of
from gearshift.learning.training import train

Row: TypeAlias = dict[str, object]
MakeRows: TypeAlias = Callable[..., list[Row]]

WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "islet", "jetty")
PRICES = {"small": 0.001, "medium": 0.004, "large": 0.02}
"""USD for one call."""


def rows_of(n: int, *, learnable: bool, seed: int = 0) -> list[Row]:
    """Make outcomes of three models on n prompts.

    Learnable: prompts say "prove" (only `large` can) or "greet" (all can). Else: chance, with fixed odds per model.
    """
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for number in range(n):
        hard = number % 2 == 1
        words = " ".join(rng.choice(WORDS, 8))
        prompt = f"{'prove the lemma' if hard and learnable else 'greet the guests'} {words} {number}"
        for name, fixed, on_hard in (("small", 0.6, 0.05), ("medium", 0.7, 0.4), ("large", 0.75, 0.9)):
            odds = fixed
            if learnable:
                odds = on_hard if hard else 0.95
            rows.append(
                {
                    "prompt": prompt,
                    "prompt_id": f"p{number}",
                    "model": name,
                    "score": float(rng.random() < odds),
                    "dataset": "made",
                    "task": "hard" if hard else "easy",
                    "cost_usd": PRICES[name],
                    "input_tokens": 20,
                    "output_tokens": 400 if hard else 50,
                }
            )
    return rows


@pytest.fixture(scope="session")
def make_rows() -> MakeRows:
    return rows_of


@pytest.fixture(scope="session")
def table() -> OutcomeTable:
    return table_of(rows_of(400, learnable=True))


@pytest.fixture(scope="session")
def trained(table: OutcomeTable) -> Artifact:
    return train(table, seed=0, holdout=0.5)
