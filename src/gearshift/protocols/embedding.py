"""Own the shape of the codecs of embeddings, and the way from one of their protocols to another.

Invariants: as in `codec`. Every vector depends on every field, so across protocols nothing is left out but hints that
no model reads: a field without a word in the other protocol is refused (`CannotCarry`: another upstream may do). An
answer has exactly one vector for each input, else it is none.
"""

from __future__ import annotations

from array import array
from base64 import b64decode, b64encode
from binascii import Error as BinasciiError
from collections.abc import Mapping
from typing import Final, Protocol

import msgspec
from msgspec import Raw

from gearshift.errors import GearshiftError, InvalidRequest
from gearshift.protocols.codec import Encoded, RequestEdits, ResponseEdits, ResponsePeek
from gearshift.protocols.fields import NULL
from gearshift.protocols.losses import dropped
from gearshift.protocols.wording import invalid
from gearshift.types.embedding import EmbeddingRequest, EmbeddingResponse

_FLOAT_BYTES: Final = 4
_numbers = msgspec.json.Decoder(list[float])
_text = msgspec.json.Decoder(str)


class Embedder(Protocol):
    """Translate one protocol of embeddings. Every method is pure."""

    name: str
    headers: Mapping[str, str]
    """What every request to an upstream says beside its body."""
    passed_on: frozenset[bytes]
    """The caller's headers that an upstream of this protocol is told too, in lower case."""
    keep_alive: bytes
    """Nothing: an embedding is not streamed."""

    def path(self, model: str, *, single: bool) -> str:
        """Give where requests go, below a provider's base URL; `single`: one input that is not in a list."""
        ...

    def decode_request(self, body: bytes, path: str = "") -> EmbeddingRequest:
        """Parse a caller's request; raise InvalidRequest naming the field, what was found and what was expected."""
        ...

    def encode_request(self, request: EmbeddingRequest, edits: RequestEdits) -> Encoded:
        """Say `request`; raise InvalidRequest where a part cannot be said."""
        ...

    def patch_request(self, body: bytes, edits: RequestEdits) -> bytes:
        """Change only what `edits` say, byte for byte."""
        ...

    def decode_response(self, body: bytes, count: int) -> EmbeddingResponse:
        """Parse an upstream's answer; raise UpstreamInvalid when it is not one of `count` vectors."""
        ...

    def encode_response(self, response: EmbeddingResponse, request: EmbeddingRequest) -> bytes:
        """Say `response` as the caller of `request` expects it."""
        ...

    def peek_response(self, body: bytes, count: int) -> ResponsePeek:
        """Check that `body` is an answer of `count` vectors and give its facts; raise UpstreamInvalid else."""
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


def cross_request(request: EmbeddingRequest, embedder: Embedder, edits: RequestEdits) -> Encoded:
    """Say a request in another protocol than its own; raise InvalidRequest where its vectors would be others."""
    for name, value in request.extra.items():
        if bytes(value) != NULL:
            raise untold(name, embedder.name)
    for place, each in enumerate(request.inputs):
        if isinstance(each, Raw):
            raise untold(f"input[{place}]", embedder.name)
    losses = [] if request.user is None else [dropped("user", f"{embedder.name} is not told it")]
    said = embedder.encode_request(msgspec.structs.replace(request, extra={}, user=None), edits)
    return Encoded(body=said.body, losses=(*losses, *said.losses))


def peek(response: EmbeddingResponse) -> ResponsePeek:
    """Give the facts of an answer that was decoded whole."""
    return ResponsePeek(
        usage=response.usage,
        finish_reason=None,
        response_id=response.id or None,
        upstream_model=response.model or None,
        answer_bytes=0,
    )


def untold(field: str, protocol: str) -> InvalidRequest:
    """Make the error of a field that another protocol has no word for."""
    return InvalidRequest(
        f"{field}: {protocol} has no words for it, and vectors without it would be others; "
        "leave it out, or name a model whose provider speaks your protocol",
        param=field,
    )


def check_count(found: int, count: int) -> None:
    """Raise UpstreamInvalid when there are not as many vectors as inputs."""
    if found != count:
        raise invalid(f"found {found} vectors, expected {count}, one for each input")


def as_numbers(vector: Raw) -> Raw:
    """Give a vector as a JSON list of numbers; raise UpstreamInvalid when it is none, in either encoding."""
    text = bytes(vector)
    if text[:1] != b'"':
        try:
            _numbers.decode(vector)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise invalid("found a vector that is no list of numbers") from None
        return vector
    try:
        packed = b64decode(_text.decode(vector), validate=True)
    except (msgspec.DecodeError, UnicodeDecodeError, BinasciiError, ValueError):
        raise invalid("found a vector that is neither a list of numbers nor base64") from None
    if len(packed) % _FLOAT_BYTES:
        raise invalid(f"found a vector of {len(packed)} bytes, expected 4 for each number")
    return Raw(msgspec.json.encode(_floats(packed).tolist()))


def as_base64(vector: Raw) -> str:
    """Give a JSON list of numbers as base64 of little-endian 32-bit floats (OpenAI's `encoding_format: base64`)."""
    return b64encode(_swapped(array("f", _numbers.decode(vector))).tobytes()).decode()


def _floats(packed: bytes) -> array[float]:
    numbers = array("f")
    numbers.frombytes(packed)
    return _swapped(numbers)


def _swapped(numbers: array[float]) -> array[float]:
    """Turn numbers between this machine's order of bytes and little-endian."""
    if _BIG:
        numbers.byteswap()
    return numbers


_BIG: Final = array("H", [1]).tobytes() == b"\0\1"
