from __future__ import annotations

from collections import Counter

import numpy as np

from gearshift.learning.embedding import DIMS
from tools.build_words import reduce, vocabulary
from tools.sentence_encoder import Encoder

VOCABULARY = ["[CLS]", "[SEP]", "[UNK]", "gear", "shift", "##shift", "##s", "?", "é"]
ENCODER = Encoder({}, VOCABULARY, {token: number for number, token in enumerate(VOCABULARY)})


def test_words_are_cut_into_the_longest_known_pieces() -> None:
    assert ENCODER.pieces("gearshifts") == [0, 3, 5, 6, 1]
    assert ENCODER.pieces("gear?") == [0, 3, 7, 1]
    assert ENCODER.pieces("gearbox") == [0, 2, 1]


def test_whole_words_of_the_encoder_come_first_then_frequent_ones() -> None:
    seen = Counter({b"gear": 9, b"ratio": 4, b"rare": 3, b"x-y": 9})
    assert vocabulary(ENCODER, seen) == [b"gear", b"shift", b"?", b"ratio"]


def test_common_words_weigh_less() -> None:
    vectors = np.random.default_rng(0).standard_normal((500, 80)).astype(np.float32)
    found = reduce(vectors, np.array([10_000] * 10 + [1] * 490))
    assert found.shape == (500, DIMS)
    assert found.dtype == np.int8
    length = np.linalg.norm(found.astype(float), axis=1)
    assert length[:10].max() < length[10:].mean() / 10
