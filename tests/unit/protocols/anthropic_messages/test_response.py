from __future__ import annotations

import json

import anthropic.types
import pytest
from msgspec import Raw

from gearshift.errors import UpstreamInvalid, UpstreamRefused
from gearshift.protocols.anthropic_messages.response import (
    STOP_REASONS,
    decode_response,
    encode_response,
    patch_response,
    peek_response,
    say_reason,
)
from gearshift.protocols.codec import ResponseEdits
from gearshift.types.chat import Choice, Reasoning, Response, Text, ToolCall, Usage

TEXT = {"type": "text", "text": "Hi"}


def body(**fields: object) -> bytes:
    said = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [TEXT],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }
    return json.dumps(said | fields, separators=(",", ":")).encode()


def test_a_plain_answer() -> None:
    assert decode_response(body()) == Response(
        protocol="anthropic_messages",
        id="msg_1",
        model="claude",
        created=0,
        choices=(Choice(index=0, parts=(Text(text="Hi"),), finish_reason="stop"),),
        usage=Usage(input_tokens=3, output_tokens=2),
    )


@pytest.mark.parametrize(("word", "reason"), STOP_REASONS.items())
def test_why_it_stopped(word: str, reason: str) -> None:
    (choice,) = decode_response(body(stop_reason=word)).choices
    assert choice.finish_reason == reason
    again = json.loads(encode_response(decode_response(body(stop_reason=word))).body)
    assert again["stop_reason"] == word


def test_a_reason_without_a_noun_is_kept() -> None:
    (choice,) = decode_response(body(stop_reason="bored", stop_sequence="END")).choices
    assert (choice.finish_reason, choice.extra) == (
        "stop",
        {"stop_reason": Raw(b'"bored"'), "stop_sequence": Raw(b'"END"')},
    )
    assert say_reason(None) is None


def test_blocks_of_anthropics_own_tools_stay_raw() -> None:
    server = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": "x"}}
    response = decode_response(body(content=[server, TEXT]))
    assert response.choices[0].parts == (Text(text="Hi"),)
    assert json.loads(encode_response(response).body)["content"] == [TEXT, server]


def test_what_is_empty_makes_no_part() -> None:
    assert decode_response(body(content=[{"type": "text", "text": ""}])).choices[0].parts == ()


@pytest.mark.parametrize("usage", [None, {}, {"input_tokens": 3}])
def test_usage_that_is_not_said_is_unknown_and_told_as_counted(usage: object) -> None:
    assert decode_response(body(usage=usage)).usage is None
    counted = Usage(input_tokens=7, output_tokens=1, estimated=True)
    said = encode_response(decode_response(body(usage=usage))).body
    patched = json.loads(patch_response(said, ResponseEdits(model="m", counted=counted)))
    assert (patched["usage"]["input_tokens"], patched["usage"]["estimated"]) == (7, True)


@pytest.mark.parametrize(
    "spoken",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}',
        b'{"id":"x"}',
        body(content="Hi"),
        body(content=[{"text": "x"}]),
        body(content=[{"type": "tool_use", "name": "f"}]),
    ],
)
def test_what_is_no_answer_is_refused(spoken: bytes) -> None:
    with pytest.raises((UpstreamInvalid, UpstreamRefused)):
        decode_response(spoken)


def test_the_facts() -> None:
    facts = peek_response(body(content=[{"type": "thinking", "thinking": "é", "signature": "s"}, TEXT]))
    assert (facts.answer_bytes, facts.response_id, facts.upstream_model, facts.finish_reason) == (
        4,
        "msg_1",
        "claude",
        "stop",
    )


def test_a_patch_leaves_every_other_byte() -> None:
    spoken = body(odd=[1.5])
    assert patch_response(spoken, ResponseEdits(model="small")) == spoken.replace(b'"claude"', b'"small"')
    patched = json.loads(patch_response(spoken, ResponseEdits(model="small", usage=b'"cost":0.5')))
    assert patched["usage"] == {"input_tokens": 3, "output_tokens": 2, "cost": 0.5}


def test_what_an_answer_cannot_say_is_a_loss() -> None:
    choice = Choice(index=0, parts=(), finish_reason=None, logprobs=Raw(b"{}"))
    said = encode_response(Response(id="r", model="m", created=7, choices=(choice, choice)))
    assert {loss.field for loss in said.losses} == {"logprobs", "choices"}
    assert json.loads(said.body)["stop_reason"] is None


def test_thinking_and_calls_come_back() -> None:
    parts = (
        Reasoning(text="Hm", signature="s", origin="anthropic_messages"),
        ToolCall(id="t", name="f", arguments='{"a": 1.0}'),
    )
    choice = Choice(index=0, parts=parts, finish_reason="tool_calls")
    response = Response(protocol="anthropic_messages", id="r", model="m", created=0, choices=(choice,))
    assert decode_response(encode_response(response).body) == response


def test_a_call_that_was_cut_is_an_answer_still() -> None:
    cut = ToolCall(id="t", name="f", arguments='{"city": "Kö')
    choice = Choice(index=0, parts=(cut,), finish_reason="length")
    said = encode_response(Response(protocol="openai_chat", id="r", model="m", created=0, choices=(choice,)))
    told = json.loads(said.body)
    assert told["content"] == [{"type": "tool_use", "id": "t", "name": "f", "input": {"INVALID_JSON": '{"city": "Kö'}}]
    assert told["stop_reason"] == "max_tokens"
    assert [(loss.field, loss.kind) for loss in said.losses] == [("content[0].arguments", "mapped")]
    anthropic.types.Message.model_validate({**told, "usage": {"input_tokens": 1, "output_tokens": 1}})


@pytest.mark.parametrize("given", [[1], "x", 5, True])
def test_an_input_that_is_no_object_is_garbage(given: object) -> None:
    call = {"type": "tool_use", "id": "t", "name": "f", "input": given}
    with pytest.raises(UpstreamInvalid, match=r"content\[0\]\.input: found .*, expected an object"):
        decode_response(body(content=[call]))


def test_cached_tokens_beyond_the_input_are_a_loss() -> None:
    choice = Choice(index=0, parts=(Text(text="Hi"),), finish_reason="stop")
    usage = Usage(input_tokens=1, output_tokens=1, cache_read_tokens=9)
    said = encode_response(Response(id="r", model="m", created=0, choices=(choice,), usage=usage))
    assert json.loads(said.body)["usage"]["input_tokens"] == 0
    assert [(loss.field, loss.kind) for loss in said.losses] == [("usage.input_tokens", "mapped")]


def test_usage_of_null_is_told_as_counted() -> None:
    spoken = body(usage={"input_tokens": None, "output_tokens": None})
    counted = Usage(input_tokens=7, output_tokens=1, estimated=True)
    patched = json.loads(patch_response(spoken, ResponseEdits(model="m", counted=counted)))
    assert (patched["usage"]["input_tokens"], patched["usage"]["output_tokens"]) == (7, 1)
