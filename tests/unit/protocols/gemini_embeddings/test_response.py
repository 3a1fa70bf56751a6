from __future__ import annotations

import json

import pytest
from msgspec import Raw

from gearshift.errors import UpstreamInvalid
from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.gemini_embeddings.response import (
    decode_response,
    encode_response,
    patch_response,
    peek_response,
)
from gearshift.types.chat import Usage
from gearshift.types.embedding import EmbeddingRequest, EmbeddingResponse

MANY = b'{"embeddings":[{"values":[1.50]},{"values":[2]}],"usageMetadata":{"promptTokenCount":4}}'


def test_one_vector_and_many_have_names_of_their_own() -> None:
    assert decode_response(MANY, 2).vectors == (Raw(b"[1.50]"), Raw(b"[2]"))
    assert decode_response(b'{"embedding":{"values":[1]}}', 1).vectors == (Raw(b"[1]"),)
    facts = peek_response(MANY, 2)
    assert (facts.usage, facts.response_id) == (Usage(input_tokens=4), None)
    assert peek_response(b'{"embedding":{"values":[1]}}', 1).usage is None


@pytest.mark.parametrize("body", [b"{}", b'{"embeddings":[]}', b'{"embedding":[1]}', b'{"error":{"message":"no"}}'])
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    for look in (peek_response, decode_response):
        with pytest.raises(UpstreamInvalid):
            look(body, 1)


def test_a_patch_says_who_answered_and_adds_to_the_usage() -> None:
    edits = ResponseEdits(model="m", usage=b'"cost":0.1', counted=Usage(input_tokens=9, estimated=True))
    told = patch_response(MANY, edits)
    assert told == MANY[:-2] + b',"cost":0.1},"modelVersion":"m"}'
    counted = json.loads(patch_response(b'{"embeddings":[]}', edits))["usageMetadata"]
    assert counted == {"promptTokenCount": 9, "totalTokenCount": 9, "estimated": True, "cost": 0.1}


def test_an_answer_has_the_name_that_the_caller_s_method_has_for_it() -> None:
    response = EmbeddingResponse(model="m", vectors=(Raw(b"[1.50]"),), usage=Usage(input_tokens=4))
    one = EmbeddingRequest(model="m", inputs=("a",), single=True)
    usage = b'"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4}'
    assert encode_response(response, one) == b'{"embedding":{"values":[1.50]},%b}' % usage
    many = EmbeddingRequest(model="m", inputs=("a",))
    assert encode_response(response, many) == b'{"embeddings":[{"values":[1.50]}],%b}' % usage
