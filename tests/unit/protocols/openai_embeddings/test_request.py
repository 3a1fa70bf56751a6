from __future__ import annotations

import json

import pytest
from msgspec import Raw

from gearshift.errors import InvalidRequest
from gearshift.protocols.codec import RequestEdits
from gearshift.protocols.openai_embeddings.request import decode_request, encode_request, patch_request
from gearshift.types.catalog import Quirks
from gearshift.types.embedding import EmbeddingRequest, TokenIds

EDITS = RequestEdits(model="up")


def decode(**fields: object) -> EmbeddingRequest:
    return decode_request(json.dumps({"model": "m", "input": "a", **fields}).encode())


def test_inputs_have_four_forms() -> None:
    ids = TokenIds(raw=Raw(b"[1, 2]"), count=2)
    assert (decode().inputs, decode().single) == (("a",), True)
    assert (decode(input=["a", ""]).inputs, decode(input=["a"]).single) == (("a", ""), False)
    assert (decode(input=[1, 2]).inputs, decode(input=[1, 2]).single) == ((ids,), True)
    assert (decode(input=[[1, 2], "a"]).inputs, decode(input=[[1]]).single) == ((ids, "a"), False)
    assert decode(input=[{"image": "x"}]).inputs == (Raw(b'{"image": "x"}'),)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "found an empty list"),
        (None, "found null, expected a string"),
        (7, "expected a string, a list"),
        ([1, "a"], r"input\[0\]: expected a string"),
        ([1, -2], r"input"),
        ([1.5], "input"),
        ([["a"]], r"input\[0\]"),
        (["a", None], r"input\[1\]: expected"),
    ],
)
def test_other_forms_are_refused_by_name(given: object, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        decode(input=given)


@pytest.mark.parametrize(
    ("field", "value"),
    [("dimensions", 0), ("dimensions", "3"), ("encoding_format", "int8"), ("model", ""), ("user", 1), ("provider", 1)],
)
def test_fields_of_another_kind_are_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(InvalidRequest, match=field):
        decode(**{field: value})


def test_what_is_known_has_nouns_and_the_rest_stays() -> None:
    found = decode(dimensions=3, encoding_format="base64", user="u", metadata={"a": 1}, models=["b"], odd=1)
    assert (found.dimensions, found.encoding, found.user, found.metadata) == (3, "base64", "u", {"a": 1})
    assert found.routing.models == ("b",)
    assert found.extra == {"odd": Raw(b"1")}


def test_a_patch_changes_the_model_and_takes_out_what_steers() -> None:
    body = b'{"odd":1.50 , "model":"m","input":"a","session_id":"s","metadata":{}}'
    assert patch_request(body, EDITS) == b'{"odd":1.50 , "model":"up","input":"a"}'


def test_token_ids_are_said_as_they_came() -> None:
    said = encode_request(decode(input=[[1, 2]], user="u"), EDITS).body
    assert json.loads(said) == {"model": "up", "input": [[1, 2]], "encoding_format": "float", "user": "u"}


def test_a_field_that_the_upstream_refuses_is_named() -> None:
    drops = RequestEdits(model="up", quirks=Quirks(drops=("dimensions", "encoding_format")))
    with pytest.raises(InvalidRequest, match="dimensions: up does not accept"):
        encode_request(decode(dimensions=3), drops)
    with pytest.raises(InvalidRequest, match="encoding_format: up does not accept"):
        patch_request(b'{"model":"m","input":"a","encoding_format":"float"}', drops)
    assert "encoding_format" not in json.loads(encode_request(decode(), drops).body)


def test_a_provider_that_keeps_demands_itself_is_told_them() -> None:
    knows = RequestEdits(model="up", quirks=Quirks(extensions=("provider",)))
    body = b'{"model":"m","input":"a","provider":{"only":["x"],"zdr":true}}'
    assert json.loads(patch_request(body, knows))["provider"] == {"zdr": True}
    assert "provider" not in json.loads(patch_request(body, EDITS))
    assert json.loads(encode_request(decode_request(body), knows).body)["provider"] == {"zdr": True}
    assert "provider" not in json.loads(encode_request(decode_request(body), EDITS).body)


def test_where_no_model_is_named_the_first_of_models_is_meant() -> None:
    found = decode_request(b'{"models":["b","c"],"input":"a"}')
    assert (found.model, found.routing.models) == ("b", ("b", "c"))
