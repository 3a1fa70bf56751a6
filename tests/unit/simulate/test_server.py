from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from gearshift.errors import StreamBroken
from gearshift.simulate import server
from gearshift.simulate.answer import AnswerRefused, End
from gearshift.simulate.server import Upstream
from gearshift.types.chat import Usage

CHAT = "/v1/chat/completions"
HELLO = {"model": "scripted", "messages": [{"role": "user", "content": "Hello"}]}
LOADING = AnswerRefused("The model is loading.", status=503, code="loading", retry_after=1)

Answered = tuple[int, dict[str, str], bytes]
Call = Callable[..., Answered]
Make = Callable[..., Any]


def events_of(body: bytes) -> list[Any]:
    lines = body.decode().split("\n\n")
    assert lines.pop() == ""
    return [line if line == "data: [DONE]" else msgspec.json.decode(line.removeprefix("data: ")) for line in lines]


def test_an_answer_comes_whole(call: Call, scripted: Make) -> None:
    model = scripted()
    status, headers, body = call(Upstream([model]), CHAT, HELLO)
    answer = msgspec.json.decode(body)
    assert (status, headers["content-type"], int(headers["content-length"])) == (200, "application/json", len(body))
    assert answer["choices"][0]["message"]["content"] == "Hello world"
    assert answer["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert model.prompts[0].question == "Hello"
    assert model.closed


def test_an_answer_comes_as_a_stream(call: Call, scripted: Make) -> None:
    status, headers, body = call(Upstream([scripted()]), CHAT, HELLO | {"stream": True})
    *chunks, done = events_of(body)
    assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert [chunk["choices"][0]["delta"] for chunk in chunks] == [
        {"role": "assistant", "content": ""}, {"content": "Hello "}, {"content": "world"}, {},
    ]  # fmt: skip
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, None, "stop"]
    assert all("usage" not in chunk for chunk in chunks)
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert done == "data: [DONE]"


def test_a_stream_ends_with_its_usage_when_asked(call: Call, scripted: Make) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    *chunks, last, done = events_of(call(Upstream([scripted()]), CHAT, HELLO | options)[2])
    assert [chunk["usage"] for chunk in chunks] == [None] * 4
    assert (last["choices"], last["usage"]["total_tokens"], done) == ([], 5, "data: [DONE]")


def test_an_empty_answer_is_a_whole_stream_too(call: Call, scripted: Make) -> None:
    end = End(finish_reason="stop", usage=Usage())
    chunks = events_of(call(Upstream([scripted(end)]), CHAT, HELLO | {"stream": True})[2])
    assert [chunk["choices"][0]["delta"] for chunk in chunks[:-1]] == [{"role": "assistant", "content": ""}, {}]


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_keeps_its_status(call: Call, scripted: Make, stream: bool) -> None:
    status, headers, body = call(Upstream([scripted(LOADING)]), CHAT, HELLO | {"stream": stream})
    assert (status, headers["retry-after"], headers["content-type"]) == (503, "1", "application/json")
    assert msgspec.json.decode(body)["error"]["code"] == "loading"


def test_a_stream_that_breaks_ends_in_an_error(call: Call, scripted: Make) -> None:
    model = scripted("Hello ", StreamBroken("the engine stopped"))
    status, _, body = call(Upstream([model]), CHAT, HELLO | {"stream": True})
    *_, last = events_of(body)
    assert (status, last["error"]["message"]) == (200, "the engine stopped")


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_that_leaves_stops_the_answer(call: Call, scripted: Make, stream: bool) -> None:
    model = scripted("Hello ", hang=True)
    _, _, body = call(Upstream([model]), CHAT, HELLO | {"stream": stream}, leave=True)
    assert model.closed
    assert b"[DONE]" not in body


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "invalid_request"),
        (HELLO | {"n": 3}, 400, "invalid_request"),
        (HELLO | {"model": "scriptd"}, 404, "model_not_found"),
    ],
)
def test_a_bad_request_is_answered_in_openais_shape(
    call: Call, scripted: Make, body: object, status: int, code: str
) -> None:
    answered = call(Upstream([scripted()]), CHAT, body)
    assert answered[0] == status
    assert msgspec.json.decode(answered[2])["error"]["code"] == code


def test_an_unknown_model_names_close_ones(call: Call, scripted: Make) -> None:
    _, _, body = call(Upstream([scripted()]), CHAT, HELLO | {"model": "scriptd"})
    assert "did you mean scripted?" in msgspec.json.decode(body)["error"]["message"]


def test_a_body_that_is_too_large_is_refused(call: Call, scripted: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_BODY_BYTES", 50)
    assert call(Upstream([scripted()]), CHAT, HELLO | {"user": "x" * 100})[0] == 413


@pytest.mark.parametrize(("method", "path"), [("GET", CHAT), ("POST", "/v1/models"), ("GET", "/"), ("PUT", "/x" * 99)])
def test_there_is_nothing_else(call: Call, scripted: Make, method: str, path: str) -> None:
    status, _, body = call(Upstream([scripted()]), path, method=method)
    assert (status, msgspec.json.decode(body)["error"]["code"]) == (404, "not_found")


def test_models_and_health_say_who_is_ready(call: Call, scripted: Make) -> None:
    app = Upstream([scripted()])
    models = msgspec.json.decode(call(app, "/v1/models", method="GET")[2])
    assert [(model["id"], model["state"]) for model in models["data"]] == [
        ("scripted", "ready"),
        ("sim-embed", "ready"),
    ]
    health = msgspec.json.decode(call(app, "/healthz", method="GET")[2])
    assert health == {"status": "ok", "models": {"scripted": "ready"}}
