from __future__ import annotations

import json

import pytest
from msgspec import Raw

from gearshift.errors import InvalidRequest
from gearshift.protocols.codec import RequestEdits
from gearshift.protocols.gemini_embeddings.request import decode_request, encode_request, patch_request
from gearshift.types.catalog import Quirks
from gearshift.types.embedding import EmbeddingRequest, TokenIds

EDITS = RequestEdits(model="up")
ONE = "/v1beta/models/m:embedContent"
MANY = "/v1beta/models/m:batchEmbedContents"


def content(text: str) -> dict[str, object]:
    return {"parts": [{"text": text}]}


def decode(path: str, **fields: object) -> EmbeddingRequest:
    return decode_request(json.dumps(fields).encode(), path)


def test_one_content_is_one_input() -> None:
    found = decode(ONE, model="models/m", content=content("a"), output_dimensionality=3, taskType="CLUSTERING")
    assert (found.model, found.inputs, found.single, found.dimensions) == ("m", ("a",), True, 3)
    assert found.extra == {"taskType": Raw(b'"CLUSTERING"')}


def test_a_batch_is_many_and_what_differs_stays_with_its_request() -> None:
    requests = [
        {"model": "models/m", "content": content("a"), "outputDimensionality": 3},
        {"content": content("b"), "outputDimensionality": 3, "title": "t"},
    ]
    found = decode(MANY, requests=requests, session_id="s")
    assert (found.inputs, found.single, found.dimensions) == (("a", "b"), False, 3)
    assert found.extra == {"requests[1].title": Raw(b'"t"')}
    assert found.routing.session_id == "s"
    requests[0]["outputDimensionality"] = 4
    differing = decode(MANY, requests=requests)
    assert differing.dimensions is None
    assert "outputDimensionality" in differing.extra


def test_what_is_not_one_text_stays_raw() -> None:
    image = {"parts": [{"inlineData": {"mimeType": "image/png", "data": "AA"}}]}
    assert isinstance(decode(ONE, content=image).inputs[0], Raw)
    assert isinstance(decode(ONE, content={"parts": [{"text": "a"}, {"text": "b"}]}).inputs[0], Raw)


@pytest.mark.parametrize(
    ("path", "fields", "told"),
    [
        (ONE, {}, "content: missing"),
        (ONE, {"content": {}}, "content.parts: found none"),
        (ONE, {"content": content("a"), "model": "models/other"}, "model: found another model than the path's"),
        (ONE, {"content": content("a"), "outputDimensionality": 0}, "outputDimensionality"),
        (ONE, {"content": content("a"), "task_type": "A", "taskType": "B"}, "two spellings"),
        (MANY, {"requests": []}, "requests: found an empty list"),
        (MANY, {"requests": [{"content": {"parts": [{"text": 1}]}}]}, r"requests\[0\].content.parts\[0\].text"),
        ("/v1beta/models/m:generateContent", {}, "path"),
    ],
)
def test_faults_are_named(path: str, fields: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        decode(path, **fields)


def test_a_patch_changes_the_model_wherever_it_stands() -> None:
    body = b'{"requests":[{"odd":1.50,"model":"models/m"}, {"content":{}}],"session_id":"s"}'
    said = patch_request(body, EDITS)
    assert said == b'{"requests":[{"odd":1.50,"model":"models/up"},{"content":{},"model":"models/up"}]}'
    assert patch_request(b'{"content" : {}}', EDITS) == b'{"content" : {}}'
    assert patch_request(b'{"model":"models/m"}', EDITS) == b'{"model":"models/up"}'


def test_token_ids_are_refused() -> None:
    asked = EmbeddingRequest(model="m", inputs=("a", TokenIds(raw=Raw(b"[1]"), count=1)))
    with pytest.raises(InvalidRequest, match=r"input\[1\]: found token ids, expected text"):
        encode_request(asked, EDITS)


def test_a_provider_that_keeps_demands_itself_is_told_them() -> None:
    knows = RequestEdits(model="up", quirks=Quirks(extensions=("provider",)))
    body = json.dumps({"content": content("a"), "provider": {"zdr": True}}).encode()
    assert json.loads(patch_request(body, knows))["provider"] == {"zdr": True}
    assert json.loads(encode_request(decode_request(body, ONE), knows).body)["provider"] == {"zdr": True}
    assert "provider" not in json.loads(encode_request(decode_request(body, ONE), EDITS).body)
