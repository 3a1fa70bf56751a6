from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from gearshift.errors import InvalidRequest
from gearshift.protocols.codec import RequestEdits
from gearshift.protocols.openai_responses.outbound import LEAST, encode_request, patch_request
from gearshift.types.chat import CacheMark, Message, Request, ResponseFormat, Sampling, Text, Tool, ToolChoice

HI = Message(role="user", parts=(Text(text="Hi"),))
EDITS = RequestEdits(model="up")
BARE = {"model": "up", "input": [{"type": "message", "role": "user", "content": "Hi"}]}


def said(
    *messages: Message, protocol: str = "openai_responses", **fields: object
) -> tuple[dict[str, Any], set[tuple[str, str]]]:
    request = Request(protocol=protocol, model="m", messages=messages or (HI,), **fields)  # type: ignore[arg-type]
    told = encode_request(request, EDITS)
    return json.loads(told.body), {(loss.field, loss.kind) for loss in told.losses}


def test_a_plain_request() -> None:
    assert said() == (BARE, set())


def test_a_request_of_another_protocol_is_not_stored_and_its_thinking_comes_back() -> None:
    body, losses = said(protocol="anthropic_messages", tools=(Tool(name="f"),))
    assert (body["store"], body["include"]) == (False, ["reasoning.encrypted_content"])
    assert body["tools"] == [{"type": "function", "name": "f", "parameters": None, "strict": False}]
    assert losses == set()


def test_a_plain_system_message_is_the_instructions() -> None:
    system = Message(role="system", parts=(Text(text="S"),))
    assert said(system, HI)[0] == {**BARE, "instructions": "S"}
    marked = Message(role="system", parts=(Text(text="S", cache=CacheMark()),))
    body, losses = said(marked, HI)
    assert "instructions" not in body
    assert ("messages[0].content[0].cache_control", "dropped") in losses


@pytest.mark.parametrize(
    ("sampling", "fields", "losses"),
    [
        (Sampling(max_output_tokens=9, top_p=0.5), {"max_output_tokens": 9, "top_p": 0.5}, set()),
        (
            Sampling(logprobs=True, top_logprobs=2),
            {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
            set(),
        ),
        (Sampling(verbosity="low"), {"text": {"verbosity": "low"}}, set()),
        (
            Sampling(reasoning_effort="high", reasoning_shown="auto"),
            {"reasoning": {"effort": "high", "summary": "auto"}},
            set(),
        ),
        (Sampling(reasoning_budget=512), {"reasoning": {"effort": "low"}}, {("reasoning_budget", "mapped")}),
        (Sampling(reasoning_budget=-1), {}, {("reasoning_budget", "mapped")}),
        (Sampling(reasoning_shown="omitted"), {}, {("reasoning_shown", "mapped")}),
        (Sampling(seed=1, top_k=2.0), {}, {("seed", "dropped"), ("top_k", "dropped")}),
    ],
)
def test_knobs(sampling: Sampling, fields: dict[str, object], losses: set[tuple[str, str]]) -> None:
    assert said(sampling=sampling) == ({**BARE, **fields}, losses)


@pytest.mark.parametrize(("sampling", "param"), [(Sampling(n=2), "n"), (Sampling(stop=("E",)), "stop")])
def test_what_would_be_another_answer_is_refused(sampling: Sampling, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        said(sampling=sampling)
    assert caught.value.param == param


def test_the_form_and_the_choice() -> None:
    form = ResponseFormat(kind="json_schema", schema=Raw(b"{}"))
    body, _ = said(response_format=form, tool_choice=ToolChoice(mode="named", name="f"), parallel_tool_calls=True)
    assert body["text"] == {"format": {"type": "json_schema", "name": "response", "schema": {}}}
    assert body["tool_choice"] == {"type": "function", "name": "f"}
    assert body["parallel_tool_calls"] is True
    assert said(tool_choice=ToolChoice(mode="none"))[0]["tool_choice"] == "none"


def test_tags_are_words() -> None:
    assert said(metadata={"n": 1, "b": True, "s": "x"})[0]["metadata"] == {"n": "1", "b": "true", "s": "x"}


def test_marks_of_the_prompt_cache_are_lost() -> None:
    _, losses = said(cache=CacheMark(), tools=(Tool(name="f", cache=CacheMark()),))
    assert losses == {("request.cache_control", "dropped"), ("tools.f.cache_control", "dropped")}


def test_what_was_kept_of_an_object_goes_on() -> None:
    extra = {
        "include": Raw(b'["x"]'),
        "reasoning": Raw(b'{"mode":"pro"}'),
        "text": Raw(b'{"odd":1}'),
        "store": Raw(b"true"),
    }
    body, _ = said(extra=extra, sampling=Sampling(logprobs=True))
    assert body["include"] == ["message.output_text.logprobs", "x"]
    assert (body["reasoning"], body["text"], body["store"]) == ({"mode": "pro"}, {"odd": 1}, True)


def test_a_patch_changes_the_model_and_takes_the_routers_fields_out() -> None:
    spoken = b'{ "model":"auto","input" : "\\u0041","models":["a"],"session_id":"s","odd":1.50}'
    assert patch_request(spoken, EDITS) == b'{ "model":"up","input" : "\\u0041","odd":1.50}'


def test_a_system_that_speaks_alone_is_an_item() -> None:
    body, losses = said(Message(role="system", parts=(Text(text="S"),)))
    assert (body["input"], "instructions" in body) == ([{"type": "message", "role": "system", "content": "S"}], False)
    assert losses == set()


def test_a_limit_below_the_least_that_is_taken_is_raised() -> None:
    short = Sampling(max_output_tokens=5)
    body, losses = said(protocol="openai_chat", sampling=short)
    assert (body["max_output_tokens"], losses) == (LEAST, {("max_output_tokens", "mapped")})
    assert said(sampling=short)[0]["max_output_tokens"] == 5
