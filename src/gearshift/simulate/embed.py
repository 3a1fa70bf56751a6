"""Own the SIMULATED model of embeddings: texts that share words and pieces of words are near each other, no more.

Each piece of three letters is hashed to a place and a sign of the vector, which is then scaled to length 1 (feature
hashing: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009, equation 1). No model
computes anything here, so its card says SIMULATED.
Invariant: the same text has the same vector, everywhere and always. Shapes are those of OpenAI's `POST /embeddings`
(https://platform.openai.com/docs/api-reference/embeddings, read 2026-11); what is not supported is refused by name.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import blake2b
from math import sqrt
from struct import pack
from typing import Final, Literal

import msgspec
from msgspec import Struct

from gearshift.errors import InvalidRequest, UnknownModel
from gearshift.simulate.answer import Card, count_tokens
from gearshift.types.catalog import Rates

DIMENSIONS: Final = 256
MAX_DIMENSIONS: Final = 4096
CARD: Final = Card(
    id="sim-embed",
    owned_by="gearshift SIMULATED",
    description="SIMULATED embeddings by feature hashing: near are texts that share pieces of words",
    simulated=True,
    rates=Rates(input=20_000_000, output=0),
)


class _Body(Struct):
    model: str
    input: str | list[str]
    dimensions: int = DIMENSIONS
    encoding_format: Literal["float", "base64"] = "float"


_body = msgspec.json.Decoder(_Body)


def answer(body: bytes) -> bytes:
    """Answer a body of `POST /embeddings`; raise InvalidRequest naming what is wrong with it, and UnknownModel."""
    try:
        asked = _body.decode(body)
    except msgspec.DecodeError as error:
        message = f"The body is not a request for embeddings: {error}. Send `model` and `input`, as text."
        raise InvalidRequest(message) from error
    if asked.model != CARD.id:
        raise UnknownModel(f"There is no model {asked.model[:80]!r} of embeddings here; use {CARD.id}.", param="model")
    if not 1 <= asked.dimensions <= MAX_DIMENSIONS:
        found = f"`dimensions` is {asked.dimensions}; send a number from 1 to {MAX_DIMENSIONS}."
        raise InvalidRequest(found, param="dimensions")
    texts = [asked.input] if isinstance(asked.input, str) else asked.input
    vectors = [embed(text, asked.dimensions) for text in texts]
    told = [_packed(vector) for vector in vectors] if asked.encoding_format == "base64" else vectors
    tokens = sum(count_tokens(text) for text in texts)
    data = [{"object": "embedding", "index": place, "embedding": vector} for place, vector in enumerate(told)]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return msgspec.json.encode({"object": "list", "data": data, "model": CARD.id, "usage": usage})


def embed(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """Make the vector of a text, of length 1; of a text without a letter it is zero."""
    vector = [0.0] * dimensions
    for word in text.lower().split():
        marked = f" {word} "
        for start in range(len(marked) - 2):
            hashed = int.from_bytes(blake2b(marked[start : start + 3].encode(), digest_size=8).digest(), "big")
            vector[(hashed >> 1) % dimensions] += 1.0 if hashed & 1 else -1.0
    length = sqrt(sum(each * each for each in vector))
    return [each / length for each in vector] if length else vector


def _packed(vector: list[float]) -> str:
    return b64encode(pack(f"<{len(vector)}f", *vector)).decode()
