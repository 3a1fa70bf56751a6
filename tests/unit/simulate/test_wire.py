from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from gearshift.errors import BodyTooLarge, GearshiftError, InvalidRequest, UnknownModel
from gearshift.simulate import wire
from gearshift.simulate.answer import AnswerRefused, Card, End, Prompt, Turn
from gearshift.types.chat import Usage

ENVELOPE = wire.Envelope(id="chatcmpl-1", model="calc", created=1_700_000_000)
END = End(finish_reason="length", usage=Usage(input_tokens=5, output_tokens=2))
HELLO = {"model": "calc", "messages": [{"role": "user", "content": "Hello"}]}


def decoded(**fields: object) -> wire.Ask:
    return wire.decode(msgspec.json.encode(HELLO | fields))


def event_of(data: bytes) -> ChatCompletionChunk:
    assert data.startswith(b"data: ")
    assert data.endswith(b"\n\n")
    return ChatCompletionChunk.model_validate(msgspec.json.decode(data[6:]), strict=True)


def test_a_body_becomes_a_prompt() -> None:
    parts = [{"type": "text", "text": "How "}, {"type": "text", "text": "many?"}]
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": parts}, {"role": "assistant"}]
    ask = decoded(
        messages=messages, max_tokens=9, max_completion_tokens=7, temperature=0.5, stop="end", stream=True,
        stream_options={"include_usage": True}, user="unknown fields are fine",
    )  # fmt: skip
    turns = (
        Turn(role="system", text="Be kind."),
        Turn(role="user", text="How many?"),
        Turn(role="assistant", text=""),
    )
    prompt = Prompt(turns=turns, max_tokens=7, temperature=0.5, stop=("end",))
    assert ask == wire.Ask(model="calc", prompt=prompt, stream=True, include_usage=True)


def test_nulls_mean_not_said() -> None:
    ask = decoded(
        max_tokens=None, stop=None, stream=None, stream_options=None, n=None, tools=None, response_format=None
    )
    assert ask == decoded(stop=["a"][:0])
    assert ask.prompt.max_tokens is None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_tokens"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(fields: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decoded(**fields)
    assert caught.value.param == param


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"model": 3, "messages": []}', b'{"model": "calc"}', b"\xff"])
def test_a_body_of_another_shape_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="The body is not a chat-completions request"):
        wire.decode(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        wire.decode(body)


def test_a_completion_is_what_the_sdk_expects() -> None:
    answer = ChatCompletion.model_validate(msgspec.json.decode(ENVELOPE.completion("Hi", END)), strict=True)
    assert (answer.id, answer.model, answer.created) == ("chatcmpl-1", "calc", 1_700_000_000)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Hi", "length")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (5, 2, 7)


def test_events_are_what_the_sdk_expects() -> None:
    delta = event_of(ENVELOPE.delta({"role": "assistant", "content": ""}, include_usage=True))
    assert (delta.choices[0].delta.role, delta.usage, "usage" in delta.model_fields_set) == ("assistant", None, True)
    last = event_of(ENVELOPE.delta({}, include_usage=False, finish_reason="stop"))
    assert (last.choices[0].finish_reason, "usage" in last.model_fields_set) == ("stop", False)
    usage = event_of(ENVELOPE.usage(END))
    assert usage.choices == []
    assert usage.usage is not None
    assert usage.usage.total_tokens == 7


def test_an_estimated_usage_says_so() -> None:
    end = End(finish_reason="stop", usage=Usage(input_tokens=1, output_tokens=1, estimated=True))
    assert msgspec.json.decode(ENVELOPE.completion("", end))["usage"]["estimated"] is True
    assert "estimated" not in msgspec.json.decode(ENVELOPE.completion("", END))["usage"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (InvalidRequest("bad", param="n"), ("invalid_request_error", "n", "invalid_request")),
        (UnknownModel("which?", param="model"), ("invalid_request_error", "model", "model_not_found")),
        (BodyTooLarge("long"), ("invalid_request_error", None, "request_too_large")),
        (AnswerRefused("gone", status=404, code="unknown_prompt"), ("invalid_request_error", None, "unknown_prompt")),
        (AnswerRefused("wait", status=503, code="loading"), ("server_error", None, "loading")),
    ],
)
def test_an_error_has_openais_shape(error: GearshiftError, expected: tuple[str, str | None, str]) -> None:
    body = msgspec.json.decode(wire.encode_error(error))["error"]
    assert body.pop("message") == error.message
    assert tuple(body[key] for key in ("type", "param", "code")) == expected


def test_models_are_listed_with_what_they_are() -> None:
    card = Card(id="calc", owned_by="local", description="sums", simulated=False, context_window=10)
    listed = msgspec.json.decode(wire.encode_models([(card, "ready")]))
    assert listed["object"] == "list"
    assert listed["data"] == [
        {
            "id": "calc", "object": "model", "created": 0, "owned_by": "local", "state": "ready",
            "description": "sums", "simulated": False, "context_window": 10,
        }
    ]  # fmt: skip


def test_only_a_refusal_that_will_pass_says_when() -> None:
    assert wire.retry_after(AnswerRefused("wait", status=503, code="loading", retry_after=1)) == 1
    assert wire.retry_after(InvalidRequest("bad")) is None
