from __future__ import annotations

import json

import pytest
from msgspec import Raw

from gearshift.errors import UpstreamInvalid
from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.openai_embeddings.response import (
    decode_response,
    encode_response,
    patch_response,
    peek_response,
)
from gearshift.types.chat import Usage
from gearshift.types.embedding import EmbeddingRequest, EmbeddingResponse

DATA = b'[{"index":1,"embedding":[2.0]},{"index":0,"embedding":[1.50]}]'
BODY = b'{"data":%b,"model":"up","usage":{"prompt_tokens":4}}' % DATA


def test_vectors_stand_in_the_order_of_their_inputs() -> None:
    found = decode_response(BODY, 2)
    assert found.vectors == (Raw(b"[1.50]"), Raw(b"[2.0]"))
    assert (found.model, found.usage) == ("up", Usage(input_tokens=4))
    unnumbered = b'{"data":[{"embedding":[2.0]},{"embedding":[1.50]}]}'
    assert decode_response(unnumbered, 2).vectors == (Raw(b"[2.0]"), Raw(b"[1.50]"))


def test_a_quick_look_tells_the_facts() -> None:
    facts = peek_response(BODY, 2)
    assert (facts.usage, facts.upstream_model, facts.finish_reason) == (Usage(input_tokens=4), "up", None)
    assert peek_response(b'{"data":[{"embedding":"AAAA"}],"usage":{"total_tokens":1}}', 1).usage is None


@pytest.mark.parametrize("body", [b"{}", b'{"data":[]}', b'{"data":{}}', b'{"data":[1]}', b'{"error":{"a":1}}', b""])
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    for look in (peek_response, decode_response):
        with pytest.raises(UpstreamInvalid):
            look(body, 1)


def test_a_patch_changes_the_model_and_adds_to_the_usage() -> None:
    edits = ResponseEdits(model="m", usage=b'"cost":0.1', counted=Usage(input_tokens=9, estimated=True))
    assert patch_response(BODY, edits) == BODY.replace(b'"up"', b'"m"').replace(b"4}", b'4,"cost":0.1}')
    told = json.loads(patch_response(b'{"data":[]}', edits))["usage"]
    assert told == {"prompt_tokens": 9, "total_tokens": 9, "estimated": True, "cost": 0.1}


def test_an_answer_is_written_as_the_caller_wants_it() -> None:
    response = EmbeddingResponse(model="m", vectors=(Raw(b"[1.50]"),), usage=Usage(input_tokens=4))
    plain = json.loads(encode_response(response, EmbeddingRequest(model="m", inputs=("a",))))
    assert plain["data"] == [{"object": "embedding", "index": 0, "embedding": [1.5]}]
    assert (plain["object"], plain["usage"]) == ("list", {"prompt_tokens": 4, "total_tokens": 4})
    packed = json.loads(encode_response(response, EmbeddingRequest(model="m", inputs=("a",), encoding="base64")))
    assert packed["data"][0]["embedding"] == "AADAPw=="
