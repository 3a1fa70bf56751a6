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
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from safetensors.numpy import load as parse_tensors

DIMS: Final = 64
TABLE: Final = Path(__file__).resolve().parents[1] / "artifacts" / "words" / "words.safetensors"
"""Holds `hashes`, the words' CRC-32 in ascending order, uint32, and `vectors`, int8, shape (n_words, DIMS)."""


class WordVectors(Struct, frozen=True, eq=False):
    """Hold the table; `digest` is the SHA-256 of its file."""

    hashes: NDArray[np.uint32]
    vectors: NDArray[np.int8]
    digest: str

    def mean(self, hashes: Sequence[int]) -> NDArray[np.float32]:
        """Give the direction of a text, of length 1; zeros when no word is known. Shape (DIMS,).

        `hashes` are the CRC-32 of its lower-case words. That an unknown word has the hash of a known one is as likely
        as 1 to 150,000.
        """
        wanted = np.array(hashes, np.uint32)
        rows = self.hashes.searchsorted(wanted)
        known = rows[self.hashes.take(rows, mode="clip") == wanted]
        total = np.add.reduce(self.vectors.take(known, axis=0).astype(np.float32), axis=0)
        scaled: NDArray[np.float32] = total * np.float32(1 / max(float(total @ total) ** 0.5, 1e-9))
        return scaled


@lru_cache(maxsize=1)
def load_words() -> WordVectors:
    """Read the table that ships with the package."""
    content = TABLE.read_bytes()
    tensors = parse_tensors(content)
    return WordVectors(hashes=tensors["hashes"], vectors=tensors["vectors"], digest=hashlib.sha256(content).hexdigest())
