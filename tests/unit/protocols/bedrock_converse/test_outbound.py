from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from gearshift.errors import InvalidRequest
from gearshift.protocols.bedrock_converse.outbound import encode_request, patch_request
from gearshift.protocols.codec import RequestEdits
from gearshift.types.chat import (
    CacheMark,
    Message,
    Request,
    ResponseFormat,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

HI = Message(role="user", parts=(Text(text="Hi"),))
CALL = Message(role="assistant", parts=(ToolCall(id="c", name="f", arguments="{}"),))
RESULT = Message(role="tool", parts=(ToolResult(call_id="c", parts=(Text(text="ok"),)),))
TOOL = Tool(name="f", parameters=Raw(b'{"type":"object"}'))
SPEC = {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}


def said(
    *messages: Message, model: str = "anthropic.claude", sampling: Sampling | None = None, **fields: object
) -> tuple[dict[str, Any], set[tuple[str, str]]]:
    bare = Request(protocol="openai_chat", model="auto", messages=messages or (HI,), sampling=sampling or Sampling())
    made = encode_request(msgspec.structs.replace(bare, **fields), RequestEdits(model=model))
    return json.loads(made.body), {(loss.field, loss.kind) for loss in made.losses}


def test_the_least_is_said_without_a_word_too_many() -> None:
    assert said() == ({"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}, set())


def test_what_begins_a_conversation_is_its_system_prompt() -> None:
    body, losses = said(
        Message(role="system", parts=(Text(text="S", cache=CacheMark()),)),
        Message(role="developer", parts=(Text(text="D"),)),
        HI,
    )
    assert body["system"] == [{"text": "S"}, {"cachePoint": {"type": "default"}}, {"text": "D"}]
    assert losses == {("messages[1]", "mapped")}


def test_turns_alternate_and_results_are_the_users() -> None:
    later = Message(role="system", parts=(Text(text="S"),))
    body, losses = said(HI, HI, CALL, RESULT, HI, later, tools=(TOOL,))
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert [next(iter(block)) for block in body["messages"][2]["content"]] == ["toolResult", "text", "text"]
    assert losses == {("messages[1]", "mapped"), ("messages[5]", "mapped")}


def test_a_turn_that_says_nothing_is_left_out() -> None:
    body, losses = said(HI, Message(role="assistant", parts=(Text(text=""),)), HI)
    assert len(body["messages"]) == 1
    assert ("messages[1]", "dropped") in losses
    with pytest.raises(InvalidRequest, match="nothing to say"):
        said(Message(role="user", parts=()))


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (ToolChoice(mode="auto"), {"auto": {}}),
        (ToolChoice(mode="required"), {"any": {}}),
        (ToolChoice(mode="named", name="f"), {"tool": {"name": "f"}}),
    ],
)
def test_tools_and_their_choice(choice: ToolChoice, told: dict[str, Any]) -> None:
    body, losses = said(tools=(TOOL,), tool_choice=choice, parallel_tool_calls=True)
    assert body["toolConfig"] == {"tools": [SPEC], "toolChoice": told}
    assert losses == set()


def test_no_tool_is_said_by_offering_none_unless_one_was_called() -> None:
    body, losses = said(tools=(TOOL,), tool_choice=ToolChoice(mode="none"))
    assert "toolConfig" not in body
    assert losses == {("tool_choice", "mapped")}
    body, losses = said(HI, CALL, RESULT, tools=(TOOL,), tool_choice=ToolChoice(mode="none"))
    assert body["toolConfig"] == {"tools": [SPEC]}
    assert losses == {("tool_choice", "mapped")}


def test_a_tool_that_was_called_is_declared() -> None:
    body, losses = said(HI, CALL, RESULT)
    assert body["toolConfig"] == {"tools": [SPEC]}
    assert losses == {("tools", "mapped")}


def test_what_can_be_said_of_tools_only_here_is_told() -> None:
    _, losses = said(tools=(TOOL,), parallel_tool_calls=False)
    assert losses == {("parallel_tool_calls", "dropped")}
    _, losses = said(tool_choice=ToolChoice(mode="required"))
    assert losses == {("tool_choice", "dropped")}
    marked = Tool(name="f", description="", strict=True, cache=CacheMark(ttl="5m"))
    body, _ = said(tools=(marked, Tool(name="nova_grounding", extra={"systemTool": Raw(b'{"name":"nova_grounding"}')})))
    assert body["toolConfig"]["tools"] == [
        {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}, "strict": True}},
        {"cachePoint": {"type": "default", "ttl": "5m"}},
        {"systemTool": {"name": "nova_grounding"}},
    ]


def test_the_knobs() -> None:
    knobs = Sampling(max_output_tokens=9, temperature=1.5, top_p=0.5, stop=("END",), seed=3, verbosity="low")
    body, losses = said(sampling=knobs)
    assert body["inferenceConfig"] == {"maxTokens": 9, "topP": 0.5, "stopSequences": ["END"]}
    assert losses == {("temperature", "dropped"), ("seed", "dropped"), ("verbosity", "dropped")}
    assert said(sampling=Sampling(temperature=1.5))[0]["inferenceConfig"] == {"temperature": 1.0}


@pytest.mark.parametrize(
    ("knobs", "words"),
    [({"n": 2}, "n: found 2"), ({"logprobs": True}, "no probabilities"), ({"top_logprobs": 1}, "no probabilities")],
)
def test_what_would_change_the_answer_is_refused(knobs: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        said(sampling=Sampling(**knobs))


def test_thinking_is_said_to_the_model_and_effort_to_converse() -> None:
    body, losses = said(sampling=Sampling(reasoning_effort="high"), response_format=ResponseFormat(kind="text"))
    assert body["additionalModelRequestFields"] == {"thinking": {"type": "adaptive"}}
    assert body["outputConfig"] == {"effort": "high"}
    assert losses == {("reasoning_effort", "mapped")}


def test_the_form_of_the_answer() -> None:
    form = ResponseFormat(kind="json_schema", name="n", schema=Raw(b'{"type":"object"}'), strict=True)
    body, losses = said(response_format=form)
    described = {"schema": '{"type":"object"}', "name": "n"}
    assert body["outputConfig"] == {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": described}}}
    assert losses == {("response_format.strict", "dropped")}
    with pytest.raises(InvalidRequest, match="no free JSON mode"):
        said(response_format=ResponseFormat(kind="json_object"))


def test_what_surrounds_a_request() -> None:
    named = Message(role="user", parts=HI.parts, name="ann")
    body, losses = said(named, user="ann", metadata={"a": "b"}, service_tier="flex", cache=CacheMark())
    assert body["serviceTier"] == {"type": "flex"}
    assert body["messages"][0]["content"][-1] == {"cachePoint": {"type": "default"}}
    assert losses == {
        ("messages[0].name", "dropped"),
        ("user", "dropped"),
        ("metadata", "dropped"),
        ("cache_control", "mapped"),
    }
    assert said(service_tier="auto")[1] == {("service_tier", "dropped")}


def test_words_of_its_own_are_added_to_what_is_said() -> None:
    own = {
        "inferenceConfig": Raw(b'{"x":1}'),
        "additionalModelRequestFields": Raw(b'{"anthropic_beta":["b"]}'),
        "guardrailConfig": Raw(b'{"guardrailIdentifier":"g"}'),
    }
    body, _ = said(sampling=Sampling(top_k=3, top_p=0.5), extra=own)
    assert body["inferenceConfig"] == {"topP": 0.5, "x": 1}
    assert body["additionalModelRequestFields"] == {"top_k": 3, "anthropic_beta": ["b"]}
    assert body["guardrailConfig"] == {"guardrailIdentifier": "g"}


def test_what_stands_in_the_wrong_place_is_refused() -> None:
    result = ToolResult(call_id="c", parts=())
    with pytest.raises(InvalidRequest, match="found a tool's result in an answer"):
        said(HI, Message(role="assistant", parts=(result,)))


def test_a_patch_takes_out_what_is_the_routers_only() -> None:
    body = b'{"messages": [], "models": ["a"]}'
    assert json.loads(patch_request(body, RequestEdits(model="m"))) == {"messages": []}
