from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from gearshift.errors import InvalidRequest
from gearshift.protocols.anthropic_messages.outbound import LONGEST, encode_request, patch_request
from gearshift.protocols.codec import RequestEdits
from gearshift.types.chat import (
    Message,
    Reasoning,
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
EDITS = RequestEdits(model="up")


def said(
    *messages: Message, sampling: Sampling | None = None, protocol: str = "openai_chat", **fields: object
) -> tuple[dict[str, Any], set[tuple[str, str]]]:
    knobs = sampling or Sampling(max_output_tokens=9)
    request = Request(protocol=protocol, model="m", messages=messages or (HI,), sampling=knobs, **fields)  # type: ignore[arg-type]
    told = encode_request(request, EDITS)
    return json.loads(told.body), {(loss.field, loss.kind) for loss in told.losses}


def test_a_plain_request() -> None:
    assert said() == ({"model": "up", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}, set())


@pytest.mark.parametrize(("known", "most"), [(None, LONGEST), (64_000, 64_000)])
def test_a_limit_that_nobody_stated_is_the_models_own_and_told(known: int | None, most: int) -> None:
    request = Request(model="m", messages=(HI,))
    told = encode_request(request, RequestEdits(model="up", max_output_tokens=known))
    assert json.loads(told.body)["max_tokens"] == most
    assert [(loss.field, loss.kind) for loss in told.losses] == [("max_tokens", "mapped")]


def test_what_begins_a_conversation_is_its_system_prompt() -> None:
    system = [Message(role=role, parts=(Text(text=role),)) for role in ("system", "developer")]
    late = Message(role="system", parts=(Text(text="late"),))
    body, losses = said(*system, HI, late)
    assert [block["text"] for block in body["system"]] == ["system", "developer"]
    assert body["messages"][1] == {"role": "user", "content": "late"}
    assert losses == {("messages[1]", "mapped"), ("messages[3]", "mapped")}


def test_results_of_tools_and_what_the_user_says_then_are_one_turn() -> None:
    results = [Message(role="tool", parts=(ToolResult(call_id=name, parts=(Text(text="ok"),)),)) for name in "ab"]
    body, _ = said(*results, HI, HI)
    first, second = body["messages"]
    assert [block["type"] for block in first["content"]] == ["tool_result", "tool_result", "text"]
    assert second == {"role": "user", "content": "Hi"}
    assert said(*results)[0]["messages"][0]["role"] == "user"


@pytest.mark.parametrize(
    ("sampling", "fields", "losses"),
    [
        (Sampling(max_output_tokens=9, temperature=1.5), {"temperature": 1.0}, {("temperature", "mapped")}),
        (Sampling(max_output_tokens=9, top_k=4.0, stop=("E",)), {"top_k": 4, "stop_sequences": ["E"]}, set()),
        (Sampling(max_output_tokens=9, seed=1, verbosity="low"), {}, {("seed", "dropped"), ("verbosity", "dropped")}),
        (
            Sampling(max_output_tokens=9, reasoning_effort="minimal"),
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
            {("reasoning_effort", "mapped")},
        ),
        (
            Sampling(max_output_tokens=9, reasoning_effort="none"),
            {"thinking": {"type": "disabled"}},
            {("reasoning_effort", "mapped")},
        ),
        (Sampling(max_output_tokens=9, reasoning_shown="auto"), {}, {("reasoning_shown", "dropped")}),
    ],
)
def test_knobs(sampling: Sampling, fields: dict[str, object], losses: set[tuple[str, str]]) -> None:
    body, told = said(sampling=sampling)
    assert body == {"model": "up", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]} | fields
    assert told == losses


def call(name: str = "c") -> Message:
    return Message(role="assistant", parts=(ToolCall(id=name, name="f", arguments="{}"),))


def result(name: str = "c") -> Message:
    return Message(role="tool", parts=(ToolResult(call_id=name, parts=(Text(text="ok"),)),))


@pytest.mark.parametrize(
    "turn",
    [
        Message(role="assistant", parts=(Reasoning(text="Hm", signature="s", origin="gemini"), Reasoning(text="Hm"))),
        Message(role="assistant", parts=(Text(text=""),)),
        Message(role="assistant", parts=()),
        Message(role="user", parts=(Text(text=" "),)),
    ],
)
def test_a_turn_of_which_nothing_can_be_said_is_left_out(turn: Message) -> None:
    body, losses = said(HI, turn, HI)
    assert [message["content"] for message in body["messages"]] == ["Hi", "Hi"]
    assert ("messages[1]", "dropped") in losses
    with pytest.raises(InvalidRequest, match="nothing that Anthropic can be told"):
        said(turn)


def test_a_system_prompt_of_which_nothing_can_be_said_is_left_out() -> None:
    body, losses = said(Message(role="system", parts=(Text(text=""),)), HI)
    assert ("system" in body, losses) == (False, {("system[0]", "dropped")})


def test_a_limit_that_nobody_stated_leaves_room_beside_thinking() -> None:
    body, _ = said(sampling=Sampling(reasoning_budget=9000))
    assert (body["max_tokens"], body["thinking"]["budget_tokens"]) == (LONGEST + 9000, 9000)


def test_anthropics_own_effort_is_said_as_it_was() -> None:
    body, losses = said(sampling=Sampling(max_output_tokens=9, reasoning_effort="xhigh"), protocol="anthropic_messages")
    assert (body["output_config"], "thinking" in body, losses) == ({"effort": "xhigh"}, False, set())


@pytest.mark.parametrize(
    ("choice", "parallel", "spoken"),
    [
        (ToolChoice(mode="required"), None, {"type": "any"}),
        (ToolChoice(mode="named", name="f"), False, {"type": "tool", "name": "f", "disable_parallel_tool_use": True}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice(mode="none"), False, {"type": "none"}),
    ],
)
def test_the_choice_among_tools(choice: ToolChoice | None, parallel: bool | None, spoken: object) -> None:
    body, _ = said(tools=(Tool(name="f"),), tool_choice=choice, parallel_tool_calls=parallel)
    assert body["tool_choice"] == spoken
    assert body["tools"] == [{"name": "f", "input_schema": {"type": "object"}}]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"sampling": Sampling(n=2)}, "n"),
        ({"sampling": Sampling(logprobs=True)}, "logprobs"),
        ({"response_format": ResponseFormat(kind="json_object")}, "response_format"),
    ],
)
def test_what_would_be_another_answer_is_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        said(**fields)
    assert caught.value.param == param


def test_tiers_and_tags_of_others_are_lost() -> None:
    body, losses = said(user="ann", service_tier="flex", metadata={"plan": "free"})
    assert (body["metadata"], "service_tier" in body) == ({"user_id": "ann"}, False)
    assert losses == {("service_tier", "dropped"), ("metadata", "dropped")}


def test_what_was_kept_of_an_object_goes_on() -> None:
    extra = {"thinking": Raw(b'{"odd":1}'), "output_config": Raw(b'{"task_budget":2}'), "container": Raw(b'"c"')}
    body, _ = said(
        sampling=Sampling(max_output_tokens=9, reasoning_budget=-1), protocol="anthropic_messages", extra=extra
    )
    assert body["thinking"] == {"type": "adaptive", "odd": 1}
    assert (body["output_config"], body["container"]) == ({"task_budget": 2}, "c")


def test_a_patch_changes_the_model_and_takes_the_routers_fields_out() -> None:
    spoken = (
        b'{ "model":"auto", "max_tokens":1e1,"messages":[ {"role":"user","content":"\\u0041"}],'
        b' "provider":{"only":["a"]},'
        b'"metadata":{"user_id":"u","plan":"free"},"odd":1.50}'
    )
    assert patch_request(spoken, EDITS) == (
        b'{ "model":"up", "max_tokens":1e1,"messages":[ {"role":"user","content":"\\u0041"}],'
        b'"metadata":{"user_id":"u"},"odd":1.50}'
    )
    assert b"metadata" not in patch_request(b'{"model":"a","metadata":{"plan":"x"}}', EDITS)
    assert b'"metadata":null' in patch_request(b'{"model":"a","metadata":null}', EDITS)
    assert patch_request(b'{"model":"a","metadata":{"user_id" : "u"}}', EDITS) == (
        b'{"model":"up","metadata":{"user_id" : "u"}}'
    )
