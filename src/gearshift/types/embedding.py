"""Own what is embedded: requests for vectors and answers of them, of no particular protocol.

Invariant: an embedding is never streamed, and what a vector depends on is never dropped: what no noun covers survives
in `extra`, as raw JSON.
"""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

import msgspec
from msgspec import Raw, Struct

from gearshift.types.chat import Extra, Request, Routing, Usage

Encoding: TypeAlias = Literal["float", "base64"]


class TokenIds(Struct, frozen=True, kw_only=True):
    """Hold a text as `count` ids of the model's own vocabulary, kept as the JSON list that they came in."""

    raw: Raw
    count: int


Input: TypeAlias = str | TokenIds | Raw
"""A text, or token ids, or (raw) what only the caller's own protocol has words for, such as an image."""


class EmbeddingRequest(Struct, frozen=True, kw_only=True):
    """Hold one request for vectors, one for each of `inputs`.

    `single`: the caller gave one input, not a list. `dimensions` None: as many as the model has. `encoding` is how the
    caller wants vectors written: `base64` is that of little-endian 32-bit floats. `protocol`, `user`, `metadata` and
    `extra` are as in `Request`.
    """

    stream: ClassVar[bool] = False
    include_usage: ClassVar[bool | None] = None

    protocol: str = ""
    model: str
    inputs: tuple[Input, ...]
    single: bool = False
    dimensions: int | None = None
    encoding: Encoding = "float"
    user: str | None = None
    metadata: dict[str, str | int | float | bool] = msgspec.field(default_factory=dict)
    routing: Routing = Routing()
    extra: Extra = msgspec.field(default_factory=dict)


class EmbeddingResponse(Struct, frozen=True, kw_only=True):
    """Hold one vector for each input, in their order: each a JSON list of numbers, digit for digit as it came.

    `id` and `model` are empty where the upstream says none.
    """

    id: str = ""
    model: str
    vectors: tuple[Raw, ...]
    usage: Usage | None = None


Asked: TypeAlias = Request | EmbeddingRequest
"""Whatever a caller can ask for."""
