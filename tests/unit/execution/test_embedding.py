from __future__ import annotations

import json
import time

import pytest

from gearshift.case import Case
from gearshift.errors import CannotCarry, InvalidRequest, UpstreamInvalid
from gearshift.execution.embedding import EmbeddingInterpreter
from gearshift.protocols.registry import EMBEDDERS
from gearshift.types.embedding import EmbeddingRequest
from gearshift.types.inbound import Inbound
from tests.fakes.nouns import deployment, provider
from tests.unit.execution.test_order import WORLD

BODY = b'{"model":"auto","input":["a"],"user":"u","odd":1.50}'
PLAIN = b'{"model":"auto","input":["a"],"user":"u"}'


def interpreter(upstream: str, body: bytes = BODY) -> EmbeddingInterpreter:
    inbound = Inbound(path="/v1/embeddings", body=body, began=0.0)
    case = Case(WORLD, EMBEDDERS["openai_embeddings"], inbound, "gx-1", time.monotonic)
    case.read()
    assert isinstance(case.request, EmbeddingRequest)
    at = deployment("small", provider("lab", "https://up/v1", protocol=upstream))
    return EmbeddingInterpreter(case, case.request, at)


@pytest.mark.parametrize("upstream", ["openai_chat", "openai_responses"])
def test_the_same_protocol_is_patched(upstream: str) -> None:
    made = interpreter(upstream)
    assert made.url == "https://up/v1/embeddings"
    assert made.request() == BODY.replace(b'"auto"', b'"small-v1"')
    answer = b'{"data":[{"embedding":[1.50]}],"odd":1.50}'
    assert made.answer(answer)[1] == answer
    assert made.losses == ()


def test_another_protocol_is_told_in_its_words() -> None:
    made = interpreter("gemini", PLAIN)
    assert made.url == "https://up/v1/models/small-v1:batchEmbedContents"
    assert "requests" in json.loads(made.request())
    assert [loss.field for loss in made.losses] == ["user"]
    facts, told = made.answer(b'{"embeddings":[{"values":[1.50]}],"usageMetadata":{"promptTokenCount":3}}')
    assert facts.usage is not None
    assert (facts.usage.input_tokens, b"[1.50]" in told) == (3, True)
    with pytest.raises(UpstreamInvalid):
        made.answer(b'{"embeddings":[]}')


def test_what_cannot_be_said_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="odd"):
        interpreter("gemini").request()
    with pytest.raises(CannotCarry):
        interpreter("openai_chat").relay()
