from __future__ import annotations

import json

import pytest
from msgspec import Raw

from gearshift.errors import InvalidRequest
from gearshift.protocols.openai_responses.request import decode_request
from gearshift.types.chat import Message, Request, ResponseFormat, Sampling, Text, Tool, ToolChoice


def body(**fields: object) -> bytes:
    return json.dumps({"model": "auto", "input": "Hi"} | fields, separators=(",", ":")).encode()


HI = Message(role="user", parts=(Text(text="Hi"),))


def test_a_plain_request() -> None:
    assert decode_request(body()) == Request(protocol="openai_responses", model="auto", messages=(HI,))


def test_every_field_with_a_noun() -> None:
    request = decode_request(
        body(
            instructions="S",
            max_output_tokens=9,
            temperature=0.5,
            top_p=0.25,
            top_logprobs=3,
            include=["message.output_text.logprobs", "reasoning.encrypted_content"],
            reasoning={"effort": "high", "summary": "auto", "mode": "pro"},
            text={"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True}},
            tools=[{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": False}],
            tool_choice={"type": "function", "name": "f"},
            parallel_tool_calls=False,
            stream=True,
            user="ann",
            service_tier="flex",
            metadata={"plan": "free"},
            store=False,
        )
    )
    assert request.messages == (Message(role="system", parts=(Text(text="S"),)), HI)
    assert request.sampling == Sampling(
        max_output_tokens=9,
        temperature=0.5,
        top_p=0.25,
        logprobs=True,
        top_logprobs=3,
        reasoning_effort="high",
        reasoning_shown="auto",
        verbosity="low",
    )
    assert request.response_format == ResponseFormat(kind="json_schema", name="n", schema=Raw(b"{}"), strict=True)
    assert request.tools == (Tool(name="f", parameters=Raw(b'{"type":"object"}'), strict=False),)
    assert (request.tool_choice, request.parallel_tool_calls) == (ToolChoice(mode="named", name="f"), False)
    assert (request.stream, request.user, request.service_tier) == (True, "ann", "flex")
    assert request.metadata == {"plan": "free"}
    assert request.extra == {
        "include": Raw(b'["reasoning.encrypted_content"]'),
        "reasoning": Raw(b'{"mode":"pro"}'),
        "store": Raw(b"false"),
    }


@pytest.mark.parametrize("kind", ["text", "json_object"])
def test_forms_without_a_schema(kind: str) -> None:
    form = decode_request(body(text={"format": {"type": kind}})).response_format
    assert form is not None
    assert form.kind == kind


def test_kinds_without_a_noun_are_kept_whole() -> None:
    choice = {"type": "allowed_tools", "mode": "auto", "tools": []}
    search = {"type": "web_search", "search_context_size": "low"}
    request = decode_request(body(tool_choice=choice, tools=[search]))
    assert request.tool_choice is None
    assert json.loads(bytes(request.extra["tool_choice"])) == choice
    assert (request.tools[0].name, set(request.tools[0].extra)) == ("web_search", set(search))


@pytest.mark.parametrize("name", ["previous_response_id", "conversation", "prompt"])
def test_a_conversation_that_the_provider_keeps_needs_no_input(name: str) -> None:
    request = decode_request(json.dumps({"model": "auto", name: "r"}).encode())
    assert (request.messages, list(request.extra)) == ((), [name])
    assert decode_request(json.dumps({"model": "auto", name: "r", "input": []}).encode()).messages == ()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"input": None}, "input"),
        ({"input": 5}, "input"),
        ({"input": []}, "input"),
        ({"instructions": 5}, "instructions"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"include": "x"}, "include"),
        ({"reasoning": {"effort": 5}}, "reasoning.effort"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"tools": [{"name": "f"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tool_choice": 5}, "tool_choice"),
        ({"metadata": {"a": []}}, "metadata"),
        ({"stream": "yes"}, "stream"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decode_request(body(**fields))
    assert caught.value.param == param
