from __future__ import annotations

import json

import pytest

from gearshift.server.paths import codec_of, gemini_verb, spoken_in


@pytest.mark.parametrize(
    ("path", "verb"),
    [
        ("/v1beta/models/auto:generateContent", "generateContent"),
        ("/v1/models/lab/small:streamGenerateContent", "streamGenerateContent"),
        ("/v1alpha/models/auto:countTokens", "countTokens"),
        ("/v1beta1/publishers/google/models/auto:generateContent", "generateContent"),
        ("/v1/projects/p/locations/l/publishers/google/models/m:generateContent", "generateContent"),
        ("/v1beta/models/auto", None),
        ("/v1/chat/completions", None),
        ("/v2/models/auto:generateContent", None),
    ],
)
def test_googles_paths_say_the_model_and_what_to_do(path: str, verb: str | None) -> None:
    assert gemini_verb(path) == verb


@pytest.mark.parametrize(
    ("path", "headers", "protocol"),
    [
        ("/v1/chat/completions", {}, "openai_chat"),
        ("/v1/responses", {}, "openai_responses"),
        ("/v1/messages", {}, "anthropic_messages"),
        ("/v1/messages/count_tokens", {}, "anthropic_messages"),
        ("/v1beta/models", {}, "gemini"),
        ("/v1/models/m:generateContent", {}, "gemini"),
        ("/v1/embeddings", {}, "openai_embeddings"),
        ("/v1beta/models/m:embedContent", {}, "gemini"),
        ("/v1/models", {}, "openai_chat"),
        ("/v1/models", {"anthropic-version": "2023-06-01"}, "anthropic_messages"),
        ("/nowhere", {}, "openai_chat"),
    ],
)
def test_a_path_speaks_a_protocol(path: str, headers: dict[str, str], protocol: str) -> None:
    scope = {"path": path, "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}
    assert codec_of(scope).name == protocol


@pytest.mark.parametrize(
    ("body", "protocol", "path"),
    [
        ({"model": "auto", "messages": []}, "openai_chat", ""),
        ({"model": "auto", "input": "Hi"}, "openai_responses", ""),
        ({"model": "auto", "messages": [], "system": "S"}, "anthropic_messages", ""),
        ({"model": "x", "contents": []}, "gemini", "/v1beta/models/x:generateContent"),
        ({"contents": []}, "gemini", "/v1beta/models/auto:generateContent"),
        ({"model": "x", "input": ["a"]}, "openai_embeddings", ""),
        ({"model": "x", "input": [[1]]}, "openai_embeddings", ""),
        ({"model": "x", "input": "a", "dimensions": 3}, "openai_embeddings", ""),
        ({"model": "x", "input": [{"role": "user", "content": "a"}]}, "openai_responses", ""),
        ({"model": "models/x", "content": {}}, "gemini_embeddings", "/v1beta/models/x:embedContent"),
        ({"requests": []}, "gemini_embeddings", "/v1beta/models/auto:batchEmbedContents"),
        ([], "openai_chat", ""),
    ],
)
def test_a_body_without_its_path_is_told_by_its_fields(body: object, protocol: str, path: str) -> None:
    codec, found = spoken_in({"path": "/v1/route", "headers": []}, json.dumps(body).encode())
    assert (codec.name, found) == (protocol, path)
