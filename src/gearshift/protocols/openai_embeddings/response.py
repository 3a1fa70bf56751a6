"""Own answers: vectors to the noun and back, a quick look at the facts, and the patch for a caller.

Invariants: vectors stand in the order of their inputs, by `index`; usage without its count is unknown, never zero, and
output is 0 by nature.
Source: the OpenAI API reference, "The embedding object" (2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw, Struct

from gearshift.protocols.answering import Patcher, read_answer
from gearshift.protocols.codec import ResponseEdits, ResponsePeek
from gearshift.protocols.embedding import as_base64, as_numbers, check_count
from gearshift.protocols.fields import ABSENT, Count, Spoken, word
from gearshift.protocols.json_patch import Members
from gearshift.protocols.wording import invalid
from gearshift.types.chat import Usage
from gearshift.types.embedding import EmbeddingRequest, EmbeddingResponse


class _Counts(Struct):
    prompt_tokens: Count
    estimated: bool = False


class _Vector(Struct):
    embedding: Raw
    index: int = -1


_counts = msgspec.json.Decoder(_Counts)
_data = msgspec.json.Decoder(list[_Vector])


def encode_usage(usage: Usage) -> Spoken:
    """Say token counts."""
    said: Spoken = {"prompt_tokens": usage.input_tokens, "total_tokens": usage.input_tokens}
    return said | {"estimated": True} if usage.estimated else said


_PATCHER: Final = Patcher(count="prompt_tokens", encode_usage=encode_usage)


def peek_response(body: bytes, count: int) -> ResponsePeek:
    """Check that `body` is an answer of `count` vectors and give its facts; raise UpstreamInvalid when it is not."""
    members = read_answer(body).members
    check_count(len(_vectors(members)), count)
    return ResponsePeek(
        usage=_usage(members),
        finish_reason=None,
        response_id=word(members.get("id", ABSENT)),
        upstream_model=word(members.get("model", ABSENT)),
        answer_bytes=0,
    )


def decode_response(body: bytes, count: int) -> EmbeddingResponse:
    """Parse an upstream's answer; raise UpstreamInvalid when it is not one of `count` vectors."""
    members = read_answer(body).members
    found = _vectors(members)
    check_count(len(found), count)
    if all(each.index >= 0 for each in found):
        found.sort(key=lambda each: each.index)
    return EmbeddingResponse(
        id=word(members.get("id", ABSENT)) or "",
        model=word(members.get("model", ABSENT)) or "",
        vectors=tuple(as_numbers(each.embedding) for each in found),
        usage=_usage(members),
    )


def encode_response(response: EmbeddingResponse, request: EmbeddingRequest) -> bytes:
    """Say an answer, its vectors as the caller wants them written."""
    wanted = as_base64 if request.encoding == "base64" else lambda vector: vector
    said: Spoken = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": place, "embedding": wanted(vector)}
            for place, vector in enumerate(response.vectors)
        ],
        "model": response.model,
    }
    if response.usage is not None:
        said["usage"] = encode_usage(response.usage)
    return msgspec.json.encode(said)


def patch_response(body: bytes, edits: ResponseEdits) -> bytes:
    """Change only what `edits` say, byte for byte."""
    return _PATCHER.patch(read_answer(body), edits)


def _vectors(members: Members) -> list[_Vector]:
    try:
        return _data.decode(members.get("data", ABSENT))
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise invalid("found no list of vectors as `data`") from None


def _usage(members: Members) -> Usage | None:
    try:
        said = _counts.decode(members.get("usage", ABSENT))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return Usage(input_tokens=said.prompt_tokens, estimated=said.estimated)
