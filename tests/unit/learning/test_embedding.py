from __future__ import annotations

import hashlib

import numpy as np
import pytest

from gearshift.learning.embedding import DIMS, TABLE, load_words


def likeness(one: str, other: str) -> float:
    words = load_words()
    return float(words.mean(one.encode().split()) @ words.mean(other.encode().split()))


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
    words = load_words()
    assert np.linalg.norm(words.mean([b"integral", b"nosuchword"])) == pytest.approx(1, abs=1e-5)
    assert not words.mean([]).any()
    assert not words.mean([b"nosuchword", "größe".encode()]).any()


def test_the_table_is_whole_and_its_digest_is_of_the_files() -> None:
    words = load_words()
    assert words.vectors.shape == (len(words.rows), DIMS)
    assert words.vectors.dtype == np.int8
    content = (TABLE / "words.txt").read_bytes() + (TABLE / "words.safetensors").read_bytes()
    assert words.digest == hashlib.sha256(content).hexdigest()
    assert (TABLE / "NOTICE").read_text().count("Apache-2.0")
