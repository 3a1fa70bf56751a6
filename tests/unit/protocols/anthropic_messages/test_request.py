from __future__ import annotations

import json

import pytest
from msgspec import Raw

from gearshift.errors import InvalidRequest
from gearshift.protocols.anthropic_messages.request import decode_request
from gearshift.types.chat import (
    CacheMark,
    Message,
    Request,
    ResponseFormat,
    Sampling,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
)

USER = {"role": "user", "content": "Hi"}


def body(**fields: object) -> bytes:
    return json.dumps({"model": "auto", "max_tokens": 9, "messages": [USER]} | fields).encode()


def test_a_plain_request() -> None:
    assert decode_request(body()) == Request(
        protocol="anthropic_messages",
        model="auto",
        messages=(Message(role="user", parts=(Text(text="Hi"),)),),
        sampling=Sampling(max_output_tokens=9),
    )


def test_every_field_with_a_noun() -> None:
    schema = {"type": "object"}
    request = decode_request(
        body(
            system=[{"type": "text", "text": "S", "cache_control": {"type": "ephemeral"}}],
            temperature=0.5,
            top_p=0.25,
            top_k=4,
            stop_sequences=["END"],
            stream=True,
            thinking={"type": "enabled", "budget_tokens": 2048, "display": "omitted"},
            output_config={"effort": "max", "format": {"type": "json_schema", "schema": schema}},
            metadata={"user_id": "ann", "plan": "free"},
            service_tier="auto",
            cache_control={"type": "ephemeral", "ttl": "5m"},
            tools=[{"name": "f", "description": "d", "input_schema": schema, "strict": True}],
            tool_choice={"type": "any", "disable_parallel_tool_use": True},
            container="c",
        )
    )
    assert request.messages[0] == Message(role="system", parts=(Text(text="S", cache=CacheMark()),))
    assert request.sampling == Sampling(
        max_output_tokens=9,
        temperature=0.5,
        top_p=0.25,
        top_k=4.0,
        stop=("END",),
        reasoning_budget=2048,
        reasoning_effort="max",
        reasoning_shown="omitted",
    )
    assert request.response_format == ResponseFormat(kind="json_schema", schema=Raw(b'{"type": "object"}'))
    assert (request.user, request.metadata, request.service_tier) == ("ann", {"plan": "free"}, "auto")
    assert (request.cache, request.stream) == (CacheMark(ttl="5m"), True)
    assert request.tools == (Tool(name="f", description="d", parameters=Raw(b'{"type": "object"}'), strict=True),)
    assert (request.tool_choice, request.parallel_tool_calls) == (ToolChoice(mode="required"), False)
    assert request.extra == {"container": Raw(b'"c"')}


@pytest.mark.parametrize(
    ("thinking", "budget"), [({"type": "adaptive"}, -1), ({"type": "disabled"}, 0), (None, None), ({}, None)]
)
def test_how_much_to_think(thinking: object, budget: int | None) -> None:
    assert decode_request(body(thinking=thinking)).sampling.reasoning_budget == budget


@pytest.mark.parametrize(
    ("choice", "mode", "name"),
    [("auto", "auto", None), ("none", "none", None), ("any", "required", None), ("tool", "named", "f")],
)
def test_the_choice_among_tools(choice: str, mode: str, name: str | None) -> None:
    said = {"type": choice} | ({"name": name} if name else {})
    request = decode_request(body(tool_choice=said))
    assert request.tool_choice is not None
    assert (request.tool_choice.mode, request.tool_choice.name) == (mode, name)
    assert request.parallel_tool_calls is None


def test_results_of_tools_are_turns_of_their_own() -> None:
    results = [{"type": "tool_result", "tool_use_id": name, "content": "ok"} for name in ("a", "b")]
    request = decode_request(body(messages=[{"role": "user", "content": [*results, {"type": "text", "text": "Go"}]}]))
    ok = (Text(text="ok"),)
    assert request.messages == (
        Message(role="tool", parts=(ToolResult(call_id="a", parts=ok),)),
        Message(role="tool", parts=(ToolResult(call_id="b", parts=ok),)),
        Message(role="user", parts=(Text(text="Go"),)),
    )


@pytest.mark.parametrize("content", ["null", "[]", "[ ]"])
def test_a_turn_that_says_nothing_is_a_turn(content: str) -> None:
    spoken = b'{"model":"auto","max_tokens":9,"messages":[{"role":"user","content":%b}]}' % content.encode()
    assert decode_request(spoken).messages == (Message(role="user", parts=()),)


def test_tools_of_anthropics_own_are_kept_whole() -> None:
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    (tool,) = decode_request(body(tools=[search])).tools
    assert tool.name == "web_search"
    assert {name: json.loads(bytes(raw)) for name, raw in tool.extra.items()} == search


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": 5}, "model"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": None}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [USER, {"role": "user"}]}, "messages[1].content"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"system": 5}, "system"),
        ({"system": [{"type": "image", "source": {"type": "url", "url": "x"}}]}, "system[0]"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop_sequences": "END"}, "stop_sequences"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": 5}}, "thinking.type"),
        ({"thinking": {"type": "adaptive", "display": 5}}, "thinking.display"),
        ({"output_config": {"format": {"type": 5}}}, "output_config.format.type"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
        ({"tools": [{"input_schema": {}}]}, "tools[0].name"),
        ({"tools": [{"name": "f", "input_schema": 5}]}, "tools[0].input_schema"),
        ({"tool_choice": {"type": 5}}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"metadata": {"user_id": 5}}, "metadata.user_id"),
        ({"metadata": {"plan": []}}, "metadata.plan"),
        ({"provider": {"onyl": []}}, "provider.onyl"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decode_request(body(**fields))
    assert caught.value.param == param


def test_a_call_of_which_the_input_is_no_object_is_named() -> None:
    call = {"type": "tool_use", "id": "t", "name": "f", "input": "x"}
    with pytest.raises(InvalidRequest, match="found a string, expected an object") as caught:
        decode_request(body(messages=[USER, {"role": "assistant", "content": [call]}]))
    assert caught.value.param == "messages[1].content[0].input"


def test_no_name_is_made_up_for_a_tool_that_has_none() -> None:
    toolset = {"type": "browser_toolset_20260801", "configs": {"zoom": {"enabled": False}}}
    (tool,) = decode_request(body(tools=[toolset])).tools
    assert tool.name == "browser_toolset_20260801"
    assert {name: json.loads(bytes(raw)) for name, raw in tool.extra.items()} == toolset


@pytest.mark.parametrize("kind", ["between_tools", "interleaved", "a_kind_to_come"])
def test_thinking_of_another_kind_is_kept_whole(kind: str) -> None:
    request = decode_request(body(thinking={"type": kind, "display": "summarized", "odd": 1}))
    assert request.sampling == Sampling(max_output_tokens=9)
    assert json.loads(bytes(request.extra["thinking"])) == {"type": kind, "display": "summarized", "odd": 1}


def test_a_display_to_come_is_kept() -> None:
    request = decode_request(body(thinking={"type": "adaptive", "display": "encrypted"}))
    assert (request.sampling.reasoning_budget, request.sampling.reasoning_shown) == (-1, None)
    assert request.extra == {"thinking": Raw(b'{"display":"encrypted"}')}


def test_a_form_and_a_choice_to_come_are_kept() -> None:
    form, choice = {"type": "grammar", "grammar": "x"}, {"type": "most", "name": 5}
    request = decode_request(body(output_config={"format": form, "effort": "low"}, tool_choice=choice))
    assert (request.response_format, request.tool_choice, request.parallel_tool_calls) == (None, None, None)
    assert json.loads(bytes(request.extra["output_config"])) == {"format": form}
    assert json.loads(bytes(request.extra["tool_choice"])) == choice


def test_a_limit_of_no_tokens_fills_the_cache() -> None:
    assert decode_request(body(max_tokens=0)).sampling == Sampling(max_output_tokens=0)


def test_a_key_said_twice_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="twice"):
        decode_request(b'{"model":"a","model":"b","max_tokens":1,"messages":[]}')
