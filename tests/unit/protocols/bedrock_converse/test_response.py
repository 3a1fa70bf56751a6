from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from gearshift.errors import UpstreamInvalid
from gearshift.protocols.bedrock_converse.response import (
    STOP_REASONS,
    decode_response,
    encode_response,
    patch_response,
    patched_usage,
    peek_response,
    say_reason,
)
from gearshift.protocols.codec import ResponseEdits
from gearshift.types.chat import Choice, Reasoning, Response, Text, ToolCall, Usage

USAGE = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}
MESSAGE = {
    "role": "assistant",
    "content": [
        {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "s"}}},
        {"text": "Hi"},
        {"toolUse": {"toolUseId": "c", "name": "f", "input": {}}},
    ],
}


def answer(**changes: object) -> bytes:
    said = {"output": {"message": MESSAGE}, "stopReason": "tool_use", "usage": USAGE, "metrics": {"latencyMs": 7}}
    return json.dumps({**said, **changes}).encode()


def content(*blocks: object) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": list(blocks)}}


def test_an_answer_is_heard() -> None:
    response = decode_response(answer(trace={"guardrail": {}}))
    assert response.choices == (
        Choice(
            index=0,
            parts=(
                Reasoning(text="Hm", signature="s", origin="bedrock_converse"),
                Text(text="Hi"),
                ToolCall(id="c", name="f", arguments="{}"),
            ),
            finish_reason="tool_calls",
        ),
    )
    assert response.usage == Usage(input_tokens=3, output_tokens=2)
    assert (response.id, response.model, set(response.extra)) == ("", "", {"trace"})
    peek = peek_response(answer())
    assert (peek.response_id, peek.upstream_model, peek.answer_bytes) == (None, None, 6)


@pytest.mark.parametrize("said", STOP_REASONS)
def test_every_reason_to_stop_is_heard_and_said_again(said: str) -> None:
    choice = decode_response(answer(stopReason=said)).choices[0]
    assert choice.finish_reason == STOP_REASONS[said]
    kept = choice.extra.get("stopReason")
    assert said == (say_reason(choice.finish_reason) if kept is None else json.loads(bytes(kept)))
    assert decode_response(answer(stopReason="new_one")).choices[0].finish_reason == "stop"


def test_usage_that_was_not_said_is_unknown_and_what_stands_beside_it_is_kept() -> None:
    assert decode_response(answer(usage=None)).usage is None
    detailed = {**USAGE, "cacheDetails": [{"ttl": "5m", "inputTokens": 1}]}
    response = decode_response(answer(usage=detailed))
    assert bytes(response.extra["usage"]) == b'{"cacheDetails":[{"ttl": "5m", "inputTokens": 1}]}'
    assert json.loads(encode_response(response).body)["usage"]["cacheDetails"] == detailed["cacheDetails"]


def test_blocks_without_a_noun_are_kept_and_empty_texts_are_not() -> None:
    video = {"video": {"format": "mp4", "source": {"bytes": "x"}}}
    response = decode_response(answer(output=content({"text": ""}, video), stopReason="end_turn"))
    assert response.choices[0].parts == ()
    assert json.loads(encode_response(response).body)["output"] == content(video)


def test_what_has_no_place_is_told() -> None:
    choice = Choice(index=0, parts=(Text(text="Hi"),), finish_reason="stop", logprobs=Raw(b"{}"))
    said = encode_response(Response(id="x", model="m", created=1, choices=(choice, choice)))
    assert {loss.field for loss in said.losses} == {"logprobs", "choices"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty body"),
        (b"<html>", "HTML"),
        (b"{}", "output: missing"),
        (answer(output={}), "content: missing"),
        (answer(output=content({"text": 7})), r"output\.message\.content\[0\]\.text: found a number"),
        (answer(stopReason=None), "stopReason"),
        (b'{"error":{"message":"no"}}', "an error in place of an answer: no"),
    ],
)
def test_what_is_no_answer_is_said(body: bytes, words: str) -> None:
    with pytest.raises(UpstreamInvalid, match=words):
        decode_response(body)


def test_a_patch_adds_to_usage_and_top() -> None:
    edits = ResponseEdits(model="m", usage=b'"cost":1', top=b'"gearshift":{}')
    patched = json.loads(patch_response(answer(), edits))
    assert patched["usage"] == {**USAGE, "cost": 1}
    assert patched["gearshift"] == {}
    assert patch_response(answer(), ResponseEdits(model="m")) == answer()


def test_what_was_counted_is_said_where_nothing_was() -> None:
    counted = Usage(input_tokens=1, output_tokens=2, estimated=True)
    told = patched_usage(b"", ResponseEdits(model="m", counted=counted))
    assert json.loads(told or b"")["totalTokens"] == 3
    assert patched_usage(json.dumps(USAGE).encode(), ResponseEdits(model="m", counted=counted)) is None
