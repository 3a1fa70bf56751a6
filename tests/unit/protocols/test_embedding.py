from __future__ import annotations

import inspect
import json
from base64 import b64decode, b64encode
from struct import pack, unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from gearshift.errors import InvalidRequest, UpstreamInvalid
from gearshift.protocols.codec import RequestEdits
from gearshift.protocols.embedding import Embedder, as_base64, as_numbers, check_count, cross_request, peek
from gearshift.protocols.registry import EMBEDDERS
from gearshift.types.embedding import EmbeddingRequest, EmbeddingResponse

EDITS = RequestEdits(model="up")
NUMBERS = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=9)
names = pytest.mark.parametrize("name", EMBEDDERS)


@names
def test_every_codec_has_the_shape_s_methods_with_its_signatures(name: str) -> None:
    for method, theirs in inspect.getmembers(Embedder, inspect.isfunction):
        if not method.startswith("_"):
            expected = [each for each in inspect.signature(theirs).parameters if each != "self"]
            assert list(inspect.signature(getattr(EMBEDDERS[name], method)).parameters) == expected, method


@given(NUMBERS)
def test_base64_is_that_of_little_endian_32_bit_floats(numbers: list[float]) -> None:
    packed = b64decode(as_base64(Raw(json.dumps(numbers).encode())))
    assert list(unpack(f"<{len(numbers)}f", packed)) == numbers
    back = as_numbers(Raw(json.dumps(b64encode(packed).decode()).encode()))
    assert json.loads(bytes(back)) == numbers


def test_numbers_stay_digit_for_digit() -> None:
    assert bytes(as_numbers(Raw(b"[1.50, -2e-3]"))) == b"[1.50, -2e-3]"


@pytest.mark.parametrize("vector", [b"null", b'["a"]', b'"%%"', b'"AAA="', b"{}"])
def test_what_is_no_vector_is_refused(vector: bytes) -> None:
    with pytest.raises(UpstreamInvalid):
        as_numbers(Raw(vector))


def test_there_must_be_as_many_vectors_as_inputs() -> None:
    check_count(2, 2)
    with pytest.raises(UpstreamInvalid, match="found 1 vectors, expected 2"):
        check_count(1, 2)


@names
def test_what_the_other_protocol_has_no_word_for_is_refused_and_a_hint_is_recorded(name: str) -> None:
    asked = EmbeddingRequest(model="m", inputs=("a", "b"), user="u", extra={"odd": Raw(b"null")})
    said = cross_request(asked, EMBEDDERS[name], EDITS)
    assert [(loss.field, loss.kind) for loss in said.losses] == [("user", "dropped")]
    assert b"odd" not in said.body
    with pytest.raises(InvalidRequest, match=f"odd: {name} has no words") as caught:
        cross_request(EmbeddingRequest(model="m", inputs=("a",), extra={"odd": Raw(b"1")}), EMBEDDERS[name], EDITS)
    assert caught.value.param == "odd"
    with pytest.raises(InvalidRequest, match=r"input\[1\]"):
        cross_request(EmbeddingRequest(model="m", inputs=("a", Raw(b"{}"))), EMBEDDERS[name], EDITS)


@names
@pytest.mark.parametrize("single", [True, False])
def test_what_is_said_is_what_was_meant(name: str, single: bool) -> None:
    codec = EMBEDDERS[name]
    texts = ("Zürich",) if single else ("Zürich", "")
    asked = EmbeddingRequest(model="m", inputs=texts, single=single, dimensions=3)
    heard = codec.decode_request(codec.encode_request(asked, EDITS).body, codec.path("up", single=single))
    assert (heard.model, heard.inputs, heard.single, heard.dimensions) == ("up", texts, single, 3)
    vectors = tuple(Raw(b"[1.5,2]") for _ in texts)
    answer = codec.encode_response(EmbeddingResponse(model="up", vectors=vectors), asked)
    assert codec.decode_response(answer, len(texts)).vectors == vectors
    packed = b64encode(pack("<2f", 1.5, 2)).decode()
    assert (packed.encode() in answer) is False


@pytest.mark.parametrize(
    ("name", "body"),
    [
        (
            "openai_embeddings",
            b'{"id":"e1","model":"m","data":[{"embedding":[1.5]}],"usage":{"prompt_tokens":3,"total_tokens":3}}',
        ),
        (
            "openai_embeddings",
            b'{"data":[{"embedding":[1.5]}]}',
        ),
        (
            "gemini_embeddings",
            b'{"embeddings":[{"values":[1.5]}],"modelVersion":"m","usageMetadata":{"promptTokenCount":3}}',
        ),
    ],
)
def test_an_answer_that_was_decoded_has_the_facts_that_a_look_at_it_finds(name: str, body: bytes) -> None:
    embedder = EMBEDDERS[name]
    assert peek(embedder.decode_response(body, 1)) == embedder.peek_response(body, 1)
