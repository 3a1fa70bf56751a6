"""Own what all codecs have in common, whatever is asked in their protocol: a caller's request, its answer, its errors.

Invariant: what needs no more than this is told in one way of conversations and embeddings alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from gearshift.errors import GearshiftError
from gearshift.protocols.codec import ResponseEdits
from gearshift.types.embedding import Asked


class Voice(Protocol):
    """Translate one protocol, as `codec.Codec` and `embedding.Embedder` do; these say what each method means."""

    @property
    def name(self) -> str: ...  # noqa: D102 - read-only attributes, as all codecs have them
    @property
    def headers(self) -> Mapping[str, str]: ...  # noqa: D102
    @property
    def passed_on(self) -> frozenset[bytes]: ...  # noqa: D102
    @property
    def keep_alive(self) -> bytes: ...  # noqa: D102

    def decode_request(self, body: bytes, path: str = "") -> Asked:
        """Parse a caller's request; raise InvalidRequest naming the field, what was found and what was expected."""
        ...

    def patch_response(self, body: bytes, edits: ResponseEdits) -> bytes:
        """Change only what `edits` say, byte for byte."""
        ...

    def encode_error(self, error: GearshiftError, extra: bytes = b"") -> bytes:
        """Say `error` as this protocol's error body; `extra` holds further top-level members as inner JSON text."""
        ...

    def encode_stream_error(self, error: GearshiftError, number: int = 0) -> bytes:
        """Say `error` inside a stream that has begun, as its event `number`."""
        ...

    def upstream_message(self, body: bytes) -> str:
        """Give the human message of an upstream's error body, on one line; "" when there is none."""
        ...
