from __future__ import annotations

import json

import msgspec
import pytest
from msgspec import Raw

from gearshift.protocols.fields import Misfit
from gearshift.protocols.openai_chat.message import decode_answer, decode_message, encode_message
from gearshift.types.chat import Message, Part, Reasoning, Refusal, Text, ToolCall, ToolResult

DETAILS = [{"type": "reasoning.text", "text": "Hm", "signature": "s"}]


def members(said: object) -> dict[str, Raw]:
    return msgspec.json.decode(msgspec.json.encode(said), type=dict[str, Raw])


def told(message: Message) -> list[object]:
    said: list[object] = msgspec.json.decode(msgspec.json.encode(list(encode_message(message))))
    return said


WIRE: list[tuple[dict[str, object], Message]] = [
    (
        {"role": "user", "content": "Hi", "name": "ann", "x": 1},
        Message(role="user", parts=(Text(text="Hi"),), name="ann", extra={"x": Raw(b"1")}),
    ),
    ({"role": "developer", "content": ""}, Message(role="developer", parts=(Text(text=""),))),
    ({"role": "assistant", "content": None}, Message(role="assistant", parts=())),
    (
        {
            "role": "assistant",
            "reasoning_content": "Hm",
            "content": "Yes",
            "refusal": "No",
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{ "a":1.0}', "z": 1}, "y": 2}
            ],
        },
        Message(
            role="assistant",
            parts=(
                Reasoning(text="Hm"),
                Text(text="Yes"),
                Refusal(text="No"),
                ToolCall(
                    id="c",
                    name="f",
                    arguments='{ "a":1.0}',
                    extra={"function": Raw(b'{"z":1}'), "y": Raw(b"2")},
                ),
            ),
        ),
    ),
    (
        {"role": "assistant", "reasoning": "Hm", "reasoning_details": DETAILS, "content": None},
        Message(
            role="assistant",
            parts=(Reasoning(text="Hm", extra={"reasoning_details": Raw(msgspec.json.encode(DETAILS))}),),
        ),
    ),
    (
        {"role": "assistant", "reasoning_content": "a", "reasoning": "b", "content": None},
        Message(role="assistant", parts=(Reasoning(text="a"),), extra={"reasoning": Raw(b'"b"')}),
    ),
    (
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "sh", "input": "ls"}}],
        },
        Message(
            role="assistant",
            parts=(
                ToolCall(
                    id="c",
                    name="sh",
                    arguments="ls",
                    extra={
                        "id": Raw(b'"c"'),
                        "type": Raw(b'"custom"'),
                        "custom": Raw(b'{"name":"sh","input":"ls"}'),
                    },
                ),
            ),
        ),
    ),
    (
        {"role": "tool", "tool_call_id": "c", "content": "42", "name": "f"},
        Message(role="tool", parts=(ToolResult(call_id="c", parts=(Text(text="42"),)),), name="f"),
    ),
]


@pytest.mark.parametrize(("wire", "message"), WIRE, ids=[f"{n}-{wire['role']}" for n, (wire, _) in enumerate(WIRE)])
def test_a_message_is_read_and_said_as_it_was(wire: dict[str, object], message: Message) -> None:
    assert decode_message(members(wire)) == message
    assert told(message) == [wire]


def test_reasoning_that_says_nothing_is_none() -> None:
    said: dict[str, object] = {"reasoning": None, "reasoning_content": None, "reasoning_details": [], "content": "x"}
    assert decode_answer(members(said)) == (Text(text="x"),)
    same = {"reasoning": "a", "reasoning_content": "a", "content": None}
    assert decode_answer(members(same)) == (Reasoning(text="a"),)


def test_a_lone_spelling_of_reasoning_is_enough() -> None:
    assert decode_answer(members({"reasoning": "a"})) == (Reasoning(text="a"),)


def test_upstreams_are_forgiven_what_callers_are_not() -> None:
    call = {"index": 0, "id": None, "function": {"name": "f", "arguments": None}}
    assert decode_answer(members({"tool_calls": [call]}), lax=True) == (ToolCall(id="", name="f", arguments=""),)
    with pytest.raises(Misfit, match=r"tool_calls\[0\].id: found null, expected a string"):
        decode_answer(members({"tool_calls": [call]}))


def test_a_signature_of_another_protocol_is_said_as_a_detail() -> None:
    signed = Reasoning(text="Hm", signature="s", origin="anthropic_messages")
    said = told(Message(role="assistant", parts=(signed, Reasoning(text=" so"))))
    details = [{"type": "reasoning.text", "text": "Hm", "signature": "s", "format": "anthropic-claude-v1"}]
    assert said == [{"role": "assistant", "content": None, "reasoning": "Hm so", "reasoning_details": details}]


def test_details_of_several_thoughts_are_strung_together() -> None:
    thoughts: tuple[Part, ...] = tuple(
        Reasoning(text=text, extra={"reasoning_details": Raw(f'[{{"text":"{text}"}}]'.encode())}) for text in "ab"
    )
    said = json.loads(msgspec.json.encode(list(encode_message(Message(role="assistant", parts=thoughts)))))
    assert said[0]["reasoning_details"] == [{"text": "a"}, {"text": "b"}]


def test_a_refusal_amid_content_stays_in_its_place() -> None:
    parts: tuple[Part, ...] = (Refusal(text="No"), Text(text="but"))
    message = Message(role="assistant", parts=parts)
    assert decode_message(members(told(message)[0])) == message


def test_results_beside_other_parts_become_messages_of_their_own() -> None:
    parts: tuple[Part, ...] = (
        ToolResult(call_id="a", parts=(Text(text="1"),)),
        Text(text="Go on"),
        ToolResult(call_id="b", parts=()),
    )
    assert told(Message(role="user", parts=parts)) == [
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": []},
        {"role": "user", "content": "Go on"},
    ]


@pytest.mark.parametrize("part", [Reasoning(text="x"), ToolCall(id="c", name="f", arguments="{}")])
def test_what_only_an_assistant_says_is_refused_elsewhere(part: Part) -> None:
    with pytest.raises(Misfit, match="outside an assistant's turn"):
        told(Message(role="user", parts=(part,)))


def test_a_tool_does_not_refuse() -> None:
    said = {"role": "tool", "tool_call_id": "c", "content": [{"type": "refusal", "refusal": "No"}]}
    with pytest.raises(Misfit, match="found a refusal in a tool's result, expected text or media"):
        decode_message(members(said))


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        ({"type": "custom", "custom": {"input": 5}}, "tool_calls[0].custom.input: found a number, expected a string"),
        ({"type": "custom", "id": 5}, "tool_calls[0].id: found a number, expected a string"),
        ({"type": 5}, "tool_calls[0].type: found a number, expected a string"),
    ],
)
def test_a_wrong_call_is_told_by_its_path(call: dict[str, object], fault: str) -> None:
    with pytest.raises(Misfit) as caught:
        decode_answer(members({"tool_calls": [call]}))
    assert str(caught.value) == fault
