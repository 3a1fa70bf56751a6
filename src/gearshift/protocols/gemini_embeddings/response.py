"""Own answers: vectors to the noun and back, a quick look at the facts, and the patch for a caller.

Invariants: one vector stands under `embedding`, those of a batch under `embeddings`; usage without its count is
unknown, never zero. `modelVersion` is ours: this API does not say who answered.
Source: the Gemini API reference, "Embeddings", `EmbedContentResponse` (2026-11); `usageMetadata` came with
gemini-embedding-2.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw, Struct

from gearshift.protocols.answering import Patcher, read_answer
from gearshift.protocols.codec import ResponseEdits, ResponsePeek
from gearshift.protocols.embedding import as_numbers, check_count
from gearshift.protocols.fields import ABSENT, Count, Spoken, word
from gearshift.protocols.json_patch import Members
from gearshift.protocols.wording import invalid
from gearshift.types.chat import Usage
from gearshift.types.embedding import EmbeddingRequest, EmbeddingResponse

_USAGE: Final = "usageMetadata"
_MODEL: Final = "modelVersion"


class _Counts(Struct):
    promptTokenCount: Count  # noqa: N815 - the wire's name
    estimated: bool = False


class _Vector(Struct):
    values: Raw


_counts = msgspec.json.Decoder(_Counts)
_one = msgspec.json.Decoder(_Vector)
_many = msgspec.json.Decoder(list[_Vector])


def encode_usage(usage: Usage) -> Spoken:
    """Say token counts."""
    said: Spoken = {"promptTokenCount": usage.input_tokens, "totalTokenCount": usage.input_tokens}
    return said | {"estimated": True} if usage.estimated else said


_PATCHER: Final = Patcher(model=_MODEL, usage=_USAGE, count="promptTokenCount", encode_usage=encode_usage)


def peek_response(body: bytes, count: int) -> ResponsePeek:
    """Check that `body` is an answer of `count` vectors and give its facts; raise UpstreamInvalid when it is not."""
    members = read_answer(body).members
    check_count(len(_vectors(members)), count)
    return ResponsePeek(
        usage=_usage(members),
        finish_reason=None,
        response_id=None,
        upstream_model=word(members.get(_MODEL, ABSENT)),
        answer_bytes=0,
    )


def decode_response(body: bytes, count: int) -> EmbeddingResponse:
    """Parse an upstream's answer; raise UpstreamInvalid when it is not one of `count` vectors."""
    members = read_answer(body).members
    found = _vectors(members)
    check_count(len(found), count)
    return EmbeddingResponse(
        model=word(members.get(_MODEL, ABSENT)) or "",
        vectors=tuple(as_numbers(each.values) for each in found),
        usage=_usage(members),
    )


def encode_response(response: EmbeddingResponse, request: EmbeddingRequest) -> bytes:
    """Say an answer, under the name that the caller's method has for it."""
    vectors = [{"values": vector} for vector in response.vectors]
    said: Spoken = {"embedding": vectors[0]} if request.single else {"embeddings": vectors}
    if response.usage is not None:
        said[_USAGE] = encode_usage(response.usage)
    return msgspec.json.encode(said)


def patch_response(body: bytes, edits: ResponseEdits) -> bytes:
    """Change only what `edits` say, byte for byte."""
    return _PATCHER.patch(read_answer(body), edits)


def _vectors(members: Members) -> list[_Vector]:
    try:
        if "embedding" in members:
            return [_one.decode(members["embedding"])]
        return _many.decode(members.get("embeddings", ABSENT))
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise invalid("found no vector as `embedding`, and no list of them as `embeddings`") from None


def _usage(members: Members) -> Usage | None:
    try:
        said = _counts.decode(members.get(_USAGE, ABSENT))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return Usage(input_tokens=said.promptTokenCount, estimated=said.estimated)
