"""Own what a predictor sees of a request: hashed word 1-2-grams, a few counts and a word vector, as a sparse vector.

Invariant: the same request gives the same vector on every machine and in every process. Only bytes are looked at (no
locale, no Unicode tables, no `hash()`), and a bounded number of them: the work does not grow with the conversation.
Nothing here is learned from outcomes, so training and serving cannot drift apart.

References
----------
.. [1] Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from math import log1p
from typing import Final, NamedTuple, TypeAlias

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from gearshift.learning.embedding import DIMS, load_words
from gearshift.types.chat import Media, Message, Request, Text

FloatArray: TypeAlias = NDArray[np.float32]
IntArray: TypeAlias = NDArray[np.int64]

MAX_PARTS: Final = 32
MAX_TOOLS: Final = 32
TOOLS_MARK: Final = b"\n[TOOLS]\n"
"""Opens the tool schemas in a prompt's text, as recorded prompts have them (`docs/reference/outcome-data.md`)."""

_TOKEN: Final = re.compile(rb"[a-z0-9\x80-\xff]+|[^\sa-z0-9]")
_PAIR: Final = 0x5BD1E995
"""Keeps the pair (a, b) off the bucket of the word "ab", which a chained CRC-32 would share."""


class FeatureSpec(Struct, frozen=True, kw_only=True):
    """Hold what an artefact must know to see prompts as its training did.

    `buckets` is a power of two; `head` and `tail` are the bytes read from either end of the text. `version` counts
    changes of this module that alter any vector, `words` is the digest of the word vectors.

    A vector holds the buckets, then `STRUCTURE`, then the directions of `words`.
    """

    version: int = 2
    words: str = msgspec.field(default_factory=lambda: load_words().digest)
    buckets: int = 4096
    head: int = 4096
    tail: int = 2048

    @property
    def dims(self) -> int:
        """Give the length of the dense vector."""
        return self.buckets + DENSE


STRUCTURE: Final = (
    "length",
    "lines",
    "digits",
    "capitals",
    "math",
    "code",
    "questions",
    "not_ascii",
    "cjk",
    "cyrillic",
    "fences",
    "tools",
    "turns",
    "system",
    "media",
    "json",
)
"""Names of the counts that follow the buckets, in order. All are in [0, 1] before their common weight."""
DENSE: Final = len(STRUCTURE) + DIMS
"""How many numbers follow the buckets in a vector; all are always there."""
_STRUCTURE_WEIGHT: Final = 0.3
"""The hashed part has length 1. From 0 to 1 it hardly mattered (gain on three data sets, 2026-11: +-0.3 points)."""


def _marks() -> bytes:
    """Tabulate the mark of each byte, 0 where it counts towards nothing; of two classes that hold it the later wins."""
    table = bytearray(256)
    classes = {
        b"n": b"\n",
        b"d": b"0123456789",
        b"A": bytes(range(65, 91)),
        b"=": b"=+*^\\<>/%|~",
        b"{": b"{}();_[]#",
        b"?": b"?",
        b"x": bytes(range(128, 256)),
        b"j": bytes(range(0xE3, 0xEE)),  # lead bytes of U+3000 to U+DFFF: kana, Han, Hangul
        b"y": b"\xd0\xd1",  # lead bytes of U+0400 to U+047F
    }
    for mark, members in classes.items():
        for byte in members:
            table[byte] = mark[0]
    return bytes(table)


_MARKS: Final = _marks()


class Features(NamedTuple):
    """Hold what is seen of a request.

    `buckets` (k,), int64, are distinct and in the order of the text; `values` (k,), float32, the square roots of their
    shares, have Euclidean length 1 unless the text has no token. `dense` (DENSE,), float32: the counts of `STRUCTURE`,
    then the direction of the words, of length 1 unless no word is known.
    """

    buckets: IntArray
    values: FloatArray
    dense: FloatArray


def featurize(request: Request, spec: FeatureSpec) -> Features:
    """Look at a request."""
    raw = read(request, spec)
    words = split_words(raw.lower())
    hashes = _hash(words)
    counts: dict[int, int] = {}
    mask = spec.buckets - 1
    for each in hashes:
        bucket = each & mask
        counts[bucket] = counts.get(bucket, 0) + 1
    shares = np.fromiter(counts.values(), np.float32, len(counts)) * np.float32(1 / max(1, len(hashes)))
    dense = np.empty(DENSE, np.float32)
    dense[: len(STRUCTURE)] = _structure(raw, request)
    dense[len(STRUCTURE) :] = load_words().mean(hashes[: len(words)])
    return Features(np.fromiter(counts, np.int64, len(counts)), np.sqrt(shares), dense)


def to_matrix(requests: Iterable[Request], spec: FeatureSpec) -> FloatArray:
    """Featurise many requests to a design matrix, shape (n_requests, dims): the buckets, then what is dense."""
    rows = [featurize(request, spec) for request in requests]
    matrix = np.zeros((len(rows), spec.dims), np.float32)
    for row, found in zip(matrix, rows, strict=True):
        row[found.buckets], row[spec.buckets :] = found.values, found.dense
    return matrix


def split_words(text: bytes) -> list[bytes]:
    """Cut lower-cased text into words and signs."""
    return _TOKEN.findall(text)


def read(request: Request, spec: FeatureSpec) -> bytes:
    """Give the bytes that count: both ends of the last user turn, then the tools it may call, if any."""
    text = _clip("\n".join(_texts(_last_turn(request), spec)).encode("utf-8", "replace"), spec)
    if not request.tools:
        return text
    schemas = b", ".join(
        b'{"name": "%s", "description": "%s", "parameters": %s}'
        % (
            tool.name.encode("utf-8", "replace"),
            (tool.description or "")[: spec.head].encode("utf-8", "replace"),
            bytes(tool.parameters or b"{}")[: spec.head],
        )
        for tool in request.tools[:MAX_TOOLS]
    )
    return _clip(text + TOOLS_MARK + b"[" + schemas + b"]", spec)


def as_request(text: str) -> Request:
    """Make the request that a bare prompt stands for: one user turn."""
    return Request(model="auto", messages=(Message(role="user", parts=(Text(text=text),)),))


def plain_text(request: Request) -> str:
    """Give all text of all turns, unbounded: what tells one recorded prompt from another."""
    return "\n".join(part.text for message in request.messages for part in message.parts if isinstance(part, Text))


def _last_turn(request: Request) -> Message | None:
    """Find the last user turn; without one, the last turn."""
    for message in reversed(request.messages):
        if message.role == "user":
            return message
    return request.messages[-1] if request.messages else None


def _texts(message: Message | None, spec: FeatureSpec) -> list[str]:
    """Give the texts of a turn, each bounded, at most `MAX_PARTS` from either end."""
    parts = message.parts if message is not None else ()
    if len(parts) > 2 * MAX_PARTS:
        parts = parts[:MAX_PARTS] + parts[-MAX_PARTS:]
    texts = (part.text for part in parts if isinstance(part, Text))
    return [text if len(text) <= 2 * spec.head else text[: spec.head] + text[-spec.head :] for text in texts]


def _clip(text: bytes, spec: FeatureSpec) -> bytes:
    return text if len(text) <= spec.head + spec.tail else text[: spec.head] + b"\n" + text[-spec.tail :]


def _hash(words: list[bytes]) -> list[int]:
    """Hash the words, then the pairs of neighbours."""
    crc32 = zlib.crc32
    hashes = [crc32(word) for word in words]
    return hashes + [crc32(word, before ^ _PAIR) for before, word in zip(hashes, words[1:], strict=False)]


def _structure(raw: bytes, request: Request) -> list[float]:
    """Count what words do not show; the order is that of `STRUCTURE`."""
    asked = request.response_format is not None and request.response_format.kind != "text"
    turns = request.messages
    size, count = max(1, len(raw)), raw.translate(_MARKS).count
    cjk, cyrillic = count(b"j"), count(b"y")
    counts = (  # the factors bring the share of bytes of each class to the order of 1
        log1p(len(raw)) / 10,
        20 * count(b"n") / size,
        5 * count(b"d") / size,
        5 * count(b"A") / size,
        10 * count(b"=") / size,
        10 * count(b"{") / size,
        50 * count(b"?") / size,
        (count(b"x") + cjk + cyrillic) / size,
        3 * cjk / size,
        2 * cyrillic / size,
        raw.count(b"```") / 4,
        log1p(raw.count(b'"parameters":')) / 3 if TOOLS_MARK in raw else 0.0,
        log1p(len(turns) - 1) / 4 if turns else 0.0,
        float(bool(turns) and turns[0].role in {"system", "developer"}),
        float(bool(turns) and any(isinstance(part, Media) for part in turns[-1].parts)),
        float(asked),
    )
    return [_STRUCTURE_WEIGHT * min(1.0, count) for count in counts]
