from __future__ import annotations

import json

import pytest
from msgspec import Raw

from gearshift.errors import UpstreamInvalid, UpstreamRefused
from gearshift.protocols.answering import Patcher, added, peek, read_answer, size
from gearshift.protocols.codec import ResponseEdits
from gearshift.types.chat import Choice, Media, Reasoning, Response, Text, ToolCall, Usage

PATCHER = Patcher(encode_usage=lambda usage: {"output_tokens": usage.output_tokens})
EDITS = ResponseEdits(model="small")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "empty body"),
        (b" \n", "empty body"),
        (b"<html>", "HTML or XML"),
        (b"[]", "not an object"),
        (b'{"error":{"message":"busy"}}', "busy"),
        (b'{"error":{}}', "without a message"),
        (b'{"a":', "not valid JSON"),
    ],
)
def test_what_is_no_answer_is_refused(body: bytes, fault: str) -> None:
    with pytest.raises(UpstreamInvalid, match=fault):
        read_answer(body)


def test_an_error_that_names_its_status_is_a_refusal() -> None:
    with pytest.raises(UpstreamRefused, match="found an error in place of an answer: down") as told:
        read_answer(b'{"error":{"code":503,"message":"down"}}')
    assert (told.value.upstream_status, told.value.kind) == (503, "overloaded")


def test_an_error_that_is_null_is_none() -> None:
    assert set(read_answer(b' {"error":null,"id":"r"}').members) == {"error", "id"}


def test_a_patch_leaves_every_other_byte() -> None:
    body = b'{ "x" : 1.50, "model":"up" ,"usage":{"output_tokens":2}}'
    assert PATCHER.patch(read_answer(body), EDITS) == body.replace(b'"up"', b'"small"')


def test_usage_is_added_to_and_the_count_is_told_where_it_is_missing() -> None:
    counted = Usage(input_tokens=1, output_tokens=7)
    edits = ResponseEdits(model="small", usage=b'"cost":0.5', top=b'"gearshift":{"a":1}', counted=counted)
    told = json.loads(PATCHER.patch(read_answer(b'{"usage":{"output_tokens":2,"cost":9}}'), edits))
    assert told == {"usage": {"output_tokens": 2, "cost": 0.5}, "model": "small", "gearshift": {"a": 1}}
    told = json.loads(PATCHER.patch(read_answer(b'{"usage":null}'), edits))
    assert told["usage"] == {"output_tokens": 7, "cost": 0.5}


def test_nothing_is_added_where_nothing_is_known() -> None:
    assert PATCHER.patched_usage(b"", EDITS) is None
    assert added(EDITS) == {}


def test_the_facts_of_an_answer() -> None:
    parts = (Reasoning(text="é"), Text(text="ab"), ToolCall(id="c", name="f", arguments="{}"))
    choice = Choice(index=0, parts=parts, finish_reason="tool_calls")
    facts = peek(Response(id="", model="m", created=0, choices=(choice, choice)))
    assert (facts.answer_bytes, facts.finish_reason, facts.response_id, facts.upstream_model) == (
        12,
        "tool_calls",
        None,
        "m",
    )
    assert facts.usage is None
    assert size(Media(kind="image", url="https://a", extra={"x": Raw(b"1")})) == 0


def test_a_count_of_null_is_not_said() -> None:
    counted = Usage(input_tokens=7, output_tokens=1, estimated=True)
    patcher = Patcher(count="output_tokens", encode_usage=lambda usage: {"output_tokens": usage.output_tokens})
    edits = ResponseEdits(model="m", usage=b'"cost":1', counted=counted)
    assert patcher.patched_usage(b'{"output_tokens":null,"odd":1}', edits) == b'{"output_tokens":1,"odd":1,"cost":1}'
    assert patcher.patched_usage(b'{"output_tokens":5}', edits) == b'{"output_tokens":5,"cost":1}'
