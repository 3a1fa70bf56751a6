"""Own the word vectors: what a word means, as 64 numbers, so that prompts on the same matter look alike.

A table, not a network: each English word's vector was taken once from a sentence encoder (all-MiniLM-L6-v2,
Apache-2.0), reduced to its 64 main directions and weighted by rarity (`make words`). Serving adds up rows.
Invariant: the same words give the same vector on every machine; words that are not in the table count for nothing. An
artefact names the table that it was trained with by its digest.

References
----------
.. [1] Arora, Liang and Ma, "A simple but tough-to-beat baseline for sentence embeddings", ICLR 2017: the weights.
.. [2] Reimers and Gurevych, "Sentence-BERT", EMNLP 2019: the encoder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from safetensors.numpy import load as parse_tensors

DIMS: Final = 64
TABLE: Final = Path(__file__).resolve().parents[1] / "artifacts" / "words"
"""Holds `words.txt`, one word a line, and `words.safetensors` with their `vectors`, int8, shape (n_words, DIMS)."""


class WordVectors(Struct, frozen=True, eq=False):
    """Hold the table; `digest` is the SHA-256 of both files."""

    rows: dict[bytes, int]
    vectors: NDArray[np.int8]
    digest: str

    def mean(self, words: Iterable[bytes]) -> NDArray[np.float32]:
        """Give the direction of a text's lower-case words, of length 1; zeros when no word is known. Shape (DIMS,)."""
        rows = self.rows
        known = [row for word in words if (row := rows.get(word)) is not None]
        total: NDArray[np.float32] = self.vectors[known].sum(axis=0, dtype=np.float32)
        return total / np.float32(max(float(total @ total) ** 0.5, 1e-9))


@lru_cache(maxsize=1)
def load_words() -> WordVectors:
    """Read the table that ships with the package."""
    names, tensors = (TABLE / "words.txt").read_bytes(), (TABLE / "words.safetensors").read_bytes()
    return WordVectors(
        rows={word: row for row, word in enumerate(names.splitlines())},
        vectors=parse_tensors(tensors)["vectors"],
        digest=hashlib.sha256(names + tensors).hexdigest(),
    )
