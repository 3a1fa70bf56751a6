from __future__ import annotations

from gearshift.config.values import PROTOCOLS
from gearshift.protocols.registry import CODECS


def test_every_protocol_that_a_config_may_name_has_its_codec() -> None:
    assert tuple(CODECS) == PROTOCOLS
    assert all(codec.name == name for name, codec in CODECS.items())


def test_every_protocol_says_where_requests_go() -> None:
    paths = {name: codec.path("m/1", stream=True) for name, codec in CODECS.items()}
    assert paths == {
        "openai_chat": "/chat/completions",
        "openai_responses": "/responses",
        "anthropic_messages": "/messages",
        "gemini": "/models/m/1:streamGenerateContent?alt=sse",
        "bedrock_converse": "/model/m%2F1/converse-stream",
    }
    assert CODECS["gemini"].path("a b?", stream=False) == "/models/a%20b%3F:generateContent"
