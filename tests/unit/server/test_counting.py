from __future__ import annotations

import json

import pytest

from gearshift import tokens
from gearshift.errors import InvalidRequest
from gearshift.protocols.registry import CODECS
from gearshift.server.counting import count_anthropic, count_gemini

ANTHROPIC = {"model": "m", "system": "Be brief.", "messages": [{"role": "user", "content": "How many tokens?"}]}
GEMINI = {"contents": [{"role": "user", "parts": [{"text": "How many tokens?"}]}]}
PATH = "/v1beta/models/m:countTokens"


def test_a_count_is_that_of_the_request() -> None:
    request = CODECS["anthropic_messages"].decode_request(json.dumps({**ANTHROPIC, "max_tokens": 1}).encode())
    assert json.loads(count_anthropic(json.dumps(ANTHROPIC).encode())) == {"input_tokens": tokens.count(request)}
    assert tokens.count(request) > 5


def test_geminis_count_is_of_contents_or_of_a_whole_request() -> None:
    plain = json.loads(count_gemini(json.dumps(GEMINI).encode(), PATH))
    inner = {"model": "models/m", "systemInstruction": {"parts": [{"text": "Be brief."}]}, **GEMINI}
    whole = json.loads(count_gemini(json.dumps({"generate_content_request": inner}).encode(), PATH))
    assert 0 < plain["totalTokens"] < whole["totalTokens"]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"model":"m"}', b'{"contents":1}'])
def test_what_cannot_be_counted_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        count_anthropic(body)
    with pytest.raises(InvalidRequest):
        count_gemini(body, PATH)
