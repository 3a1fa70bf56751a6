from __future__ import annotations

import hashlib
import zlib

import numpy as np
import pytest

from gearshift.learning.embedding import DIMS, TABLE, load_words


def direction(text: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return load_words().mean([zlib.crc32(word) for word in text.encode().split()])


def likeness(one: str, other: str) -> float:
    return float(direction(one) @ direction(other))


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("find the derivative of the function", "compute an integral", "who was the first emperor of rome"),
        ("write a python function", "debug this javascript code", "which organ produces insulin"),
        ("translate this sentence into french", "how do you say hello in german", "which planet is the largest"),
    ],
)
def test_texts_on_the_same_matter_are_near(text: str, near: str, far: str) -> None:
    assert likeness(text, near) > likeness(text, far) + 0.1


def test_a_direction_has_length_one_and_no_known_word_gives_none() -> None:
    assert np.linalg.norm(direction("integral nosuchword")) == pytest.approx(1, abs=1e-5)
    for text in ("", "nosuchword größe"):
        assert not direction(text).any()
    assert not load_words().mean([0, 2**32 - 1]).any()  # before the first and behind the last


def test_the_table_is_whole_and_its_digest_is_of_the_file() -> None:
    words = load_words()
    assert words.vectors.shape == (len(words.hashes), DIMS)
    assert words.vectors.dtype == np.int8
    assert (np.diff(words.hashes.astype(np.int64)) > 0).all()
    assert words.digest == hashlib.sha256(TABLE.read_bytes()).hexdigest()
    assert (TABLE.parent / "NOTICE").read_text().count("Apache-2.0")
