from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from msgspec import Raw

from gearshift.errors import InvalidRequest
from gearshift.protocols.openai_chat.facts import Said
from gearshift.protocols.openai_chat.message import ROLES
from gearshift.protocols.openai_chat.parts import PART_TYPES
from gearshift.protocols.openai_chat.request import CARRIED, MAX_ITEMS, NOUNS, SAMPLING, decode_request
from gearshift.protocols.openai_chat.response import FAILURES, FINISH_REASONS
from gearshift.protocols.openai_chat.usage import COUNTS
from gearshift.protocols.steering import REMOVED, SHARED
from gearshift.types.chat import (
    CacheMark,
    Message,
    Reasoning,
    Request,
    ResponseFormat,
    Routing,
    Sampling,
    Text,
    Tool,
    ToolChoice,
)

USER = {"role": "user", "content": "Hi"}


def body(**fields: object) -> bytes:
    return json.dumps({"model": "auto", "messages": [USER]} | fields).encode()


def test_a_plain_request() -> None:
    messages = (Message(role="user", parts=(Text(text="Hi"),)),)
    assert decode_request(body()) == Request(protocol="openai_chat", model="auto", messages=messages)


def test_every_field_with_a_noun() -> None:
    request = decode_request(
        body(
            max_completion_tokens=9,
            temperature=1,
            top_p=0.5,
            seed=-3,
            n=2,
            stop="END",
            presence_penalty=0.1,
            frequency_penalty=-0.1,
            logprobs=True,
            top_logprobs=3,
            reasoning_effort="low",
            stream=True,
            stream_options={"include_usage": False, "include_obfuscation": False},
            metadata={"plan": "free", "tries": 2, "share": 0.5, "beta": True},
            parallel_tool_calls=False,
            tools=[{"type": "function", "function": {"name": "f"}}],
            tool_choice="required",
            response_format={"type": "json_object"},
            user="u-1",
            service_tier="flex",
            top_k=4,
            verbosity="low",
            cache_control={"type": "ephemeral", "ttl": "1h"},
            reasoning={"max_tokens": 512, "exclude": True},
            logit_bias={"50256": -100},
        )
    )
    assert request.sampling == Sampling(
        max_output_tokens=9,
        temperature=1.0,
        top_p=0.5,
        stop=("END",),
        seed=-3,
        n=2,
        presence_penalty=0.1,
        frequency_penalty=-0.1,
        logprobs=True,
        top_logprobs=3,
        reasoning_effort="low",
        top_k=4.0,
        reasoning_budget=512,
        reasoning_shown="omitted",
        verbosity="low",
    )
    assert (request.user, request.service_tier, request.cache) == ("u-1", "flex", CacheMark(ttl="1h"))
    assert (request.stream, request.include_usage, request.parallel_tool_calls) == (True, False, False)
    assert request.metadata == {"plan": "free", "tries": 2, "share": 0.5, "beta": True}
    assert request.tools == (Tool(name="f"),)
    assert request.tool_choice == ToolChoice(mode="required")
    assert request.response_format == ResponseFormat(kind="json_object")
    assert request.extra == {
        "stream_options": Raw(b'{"include_obfuscation":false}'),
        "logit_bias": Raw(b'{"50256": -100}'),
    }


def test_null_says_nothing() -> None:
    known = [*SAMPLING, *NOUNS[2:], *REMOVED, *SHARED]
    request = decode_request(body(**dict.fromkeys(known), odd=None))
    assert request == decode_request(body(odd=None))
    assert request.extra == {"odd": Raw(b"null")}


@pytest.mark.parametrize(
    ("reasoning", "budget", "shown"),
    [
        ({"enabled": True}, -1, None),
        ({"enabled": False}, 0, None),
        ({"max_tokens": 9, "enabled": True}, 9, None),
        ({"exclude": False}, None, None),
        ({"effort": "low"}, None, None),
    ],
)
def test_openrouters_reasoning_says_how_much_to_think(
    reasoning: dict[str, object], budget: int | None, shown: str | None
) -> None:
    sampling = decode_request(body(reasoning=reasoning)).sampling
    assert (sampling.reasoning_budget, sampling.reasoning_shown) == (budget, shown)
    assert sampling.reasoning_effort == reasoning.get("effort")


def test_two_efforts_must_agree() -> None:
    with pytest.raises(InvalidRequest, match=r"reasoning\.effort: differs from reasoning_effort"):
        decode_request(body(reasoning={"effort": "low"}, reasoning_effort="high"))


def test_signed_thinking_comes_back_in_openrouters_details() -> None:
    pieces = [
        {"type": "reasoning.text", "text": "Hm", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.text", "text": " so", "format": "anthropic-claude-v1", "index": 0, "signature": "s"},
        {"type": "reasoning.encrypted", "data": "d", "format": "google-gemini-v1", "index": 1},
    ]
    turn = {"role": "assistant", "content": "Hi", "reasoning": "Hm so", "reasoning_details": pieces}
    (message,) = decode_request(body(messages=[turn])).messages
    assert message.parts == (
        Reasoning(text="Hm so", signature="s", origin="anthropic_messages"),
        Reasoning(text="", signature="d", origin="gemini"),
        Text(text="Hi"),
    )


def test_unknown_fields_survive_as_they_are_spelt() -> None:
    spoken = b'{"model":"m","messages":[{"role":"user","content":"x","cache":1.50}],"topk":4E1,"x":{ "y" :"\\u0041"}}'
    request = decode_request(spoken)
    assert request.extra == {"topk": Raw(b"4E1"), "x": Raw(b'{ "y" :"\\u0041"}')}
    assert request.messages[0].extra == {"cache": Raw(b"1.50")}


def test_kinds_without_a_noun_are_kept_whole() -> None:
    tool_choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}
    response_format = {"type": "grammar", "grammar": "root ::= x"}
    request = decode_request(body(tool_choice=tool_choice, response_format=response_format))
    assert request.tool_choice is None
    assert request.response_format is None
    assert json.loads(bytes(request.extra["tool_choice"])) == tool_choice
    assert json.loads(bytes(request.extra["response_format"])) == response_format


def test_both_spellings_of_the_limit_may_be_said_if_they_agree() -> None:
    assert decode_request(body(max_tokens=5, max_completion_tokens=5)).sampling.max_output_tokens == 5
    assert decode_request(body(max_tokens=5, max_completion_tokens=None)).sampling.max_output_tokens == 5
    with pytest.raises(InvalidRequest, match="mean the same and differ; send one of them"):
        decode_request(body(max_tokens=5, max_completion_tokens=6))


def test_steering_becomes_routing() -> None:
    request = decode_request(body(models=["a", "b"], session_id="s"))
    assert request.routing == Routing(models=("a", "b"), session_id="s")
    assert request.extra == {}


AN_IMAGE = {"type": "image_url", "image_url": {"url": 5}}
A_CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": {}}}
WRONG = [
    ({"model": 5}, "model", "found a number, expected a string"),
    ({"model": ""}, "model", "found an empty string, expected 1 to 256 printable characters"),
    ({"model": "m" * 257}, "model", "found 257 characters, expected 1 to 256"),
    ({"model": "a\nb"}, "model", "found unprintable characters, expected 1 to 256 pr"),
    ({"messages": []}, "messages", "found an empty list, expected at least one message"),
    ({"messages": {}}, "messages", "found an object, expected a list of objects"),
    ({"messages": None}, "messages", "found null, expected a list of objects"),
    ({"messages": [USER, 5]}, "messages[1]", "found a number, expected an object"),
    ({"messages": [USER] * (MAX_ITEMS + 1)}, "messages", "found 10001 items, expected at most 10000"),
    ({"messages": [{"content": "x"}]}, "messages[0].role", "missing, expected one of user, assistant"),
    ({"messages": [{"role": "bot"}]}, "messages[0].role", "found 'bot', expected one of user, assistant, system"),
    ({"messages": [{"role": 5}]}, "messages[0].role", "found a number, expected a string"),
    ({"messages": [USER, {"role": "user"}]}, "messages[1].content", "missing, expected a string or a list of parts"),
    ({"messages": [{"role": "user", "content": None}]}, "messages[0].content", "found null, expected a string or a"),
    (
        {"messages": [USER, USER, {"role": "user", "content": 5}]},
        "messages[2].content",
        "found a number, expected a string or a list of parts",
    ),
    ({"messages": [{"role": "user", "content": [5]}]}, "messages[0].content[0]", "found a number, expected an object"),
    (
        {"messages": [{"role": "user", "content": [{"text": "x"}]}]},
        "messages[0].content[0].type",
        "missing, expected one of text, image_url",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": []}]}]},
        "messages[0].content[0].text",
        "found a list, expected a string",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, AN_IMAGE]}]},
        "messages[0].content[1].image_url.url",
        "found a number, expected a string",
    ),
    ({"messages": [{"role": "user", "content": "x", "name": 5}]}, "messages[0].name", "found a number, expected a st"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id", "missing, expected a string"),
    (
        {"messages": [{"role": "assistant", "tool_calls": [A_CALL]}]},
        "messages[0].tool_calls[0].function.arguments",
        "found an object, expected a string",
    ),
    (
        {"messages": [{"role": "assistant", "tool_calls": {}}]},
        "messages[0].tool_calls",
        "found an object, expected a",
    ),
    ({"messages": [{"role": "assistant", "refusal": 5}]}, "messages[0].refusal", "found a number, expected a string"),
    ({"messages": [{"role": "assistant", "reasoning": {}}]}, "messages[0].reasoning", "found an object, expected a st"),
    ({"tools": {}}, "tools", "found an object, expected a list of objects"),
    ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name", "missing, expected a string"),
    ({"tools": [{}] * (MAX_ITEMS + 1)}, "tools", "found 10001 items, expected at most 10000"),
    ({"tool_choice": 5}, "tool_choice", "found a number, expected a string or an object"),
    ({"parallel_tool_calls": "yes"}, "parallel_tool_calls", "found a string, expected a boolean"),
    ({"response_format": "json"}, "response_format", "found a string, expected an object"),
    ({"response_format": {"type": 5}}, "response_format.type", "found a number, expected a string"),
    ({"temperature": "hot"}, "temperature", "found a string, expected a number"),
    ({"max_tokens": "10"}, "max_tokens", "found a string, expected a whole number of at least 1"),
    ({"max_tokens": 0}, "max_tokens", "found 0, expected a whole number of at least 1"),
    ({"max_completion_tokens": 1.5}, "max_completion_tokens", "found 1.5, expected a whole number of at least 1"),
    ({"n": -1}, "n", "found -1, expected a whole number of at least 1"),
    ({"seed": "x"}, "seed", "found a string, expected a whole number"),
    ({"top_p": True}, "top_p", "found a boolean, expected a number"),
    ({"logprobs": 1}, "logprobs", "found a number, expected a boolean"),
    ({"top_logprobs": []}, "top_logprobs", "found a list, expected a whole number"),
    ({"reasoning_effort": 3}, "reasoning_effort", "found a number, expected a string"),
    ({"stop": 5}, "stop", "found a number, expected a string or a list of strings"),
    ({"stop": ["a", 5]}, "stop[1]", "found a number, expected a string"),
    ({"stream": "true"}, "stream", "found a string, expected a boolean"),
    ({"stream_options": []}, "stream_options", "found a list, expected an object"),
    ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage", "found a number, expected a boolean"),
    ({"metadata": []}, "metadata", "found a list, expected an object whose values are strings, numbers or booleans"),
    ({"metadata": {"a": {}}}, "metadata", "found an object, expected an object whose values are strings, numbers or"),
    ({"user": 5}, "user", "found a number, expected a string"),
    ({"logit_bias": []}, "logit_bias", "found a list, expected an object"),
    ({"store": 1}, "store", "found a number, expected a boolean"),
    ({"modalities": "text"}, "modalities", "found a string, expected a list"),
    ({"models": "a"}, "models", "found a string, expected a list of strings"),
    ({"session_id": 5}, "session_id", "found a number, expected a string"),
]


@pytest.mark.parametrize(("fields", "param", "problem"), WRONG)
def test_a_field_of_the_wrong_type_is_named(fields: dict[str, object], param: str, problem: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decode_request(body(**fields))
    assert caught.value.param == param
    assert caught.value.message.startswith(f"{param}: {problem}")


def test_every_carried_field_has_its_kind_checked() -> None:
    for name in CARRIED:
        with pytest.raises(InvalidRequest, match=f"^{name}: found a number, expected"):
            decode_request(body(**{name: 5}))


@pytest.mark.parametrize("missing", ["model", "messages"])
def test_what_must_be_there_is_named_when_it_is_not(missing: str) -> None:
    fields = {name: value for name, value in (("model", "m"), ("messages", [USER])) if name != missing}
    with pytest.raises(InvalidRequest, match=f"{missing}: missing, expected"):
        decode_request(json.dumps(fields).encode())


def test_a_fault_shows_no_text_of_the_caller() -> None:
    with pytest.raises(InvalidRequest) as caught:
        decode_request(body(temperature="my secret", metadata={"a": ["my secret"]}))
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("spoken", "message"),
    [
        (b"", "found an empty body"),
        (b"[]", "found JSON that is not an object; expected an object"),
        (b'{"model":"a","model":"b","messages":[]}', "ambiguous: the key 'model' is there twice; say it once"),
        (
            b'{"model":"a","messages":[{"role":"user","content":"Hi"}],"metadata":{"plan":"free","plan":"paid"}}',
            "metadata: ambiguous: the key 'plan'",
        ),
        (b'{"messages":' + b"[" * 70 + b"]" * 70 + b"}", "nested deeper than 64 levels"),
        (b'{"model":"m","messages":[{"role":"user","content":"\xff"}]}', "not valid Unicode"),
    ],
)
def test_a_body_that_is_no_request_is_refused_in_words(spoken: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        decode_request(spoken)


def test_the_reference_page_names_every_field_that_the_code_knows() -> None:
    page = (Path(__file__).parents[4] / "docs" / "reference" / "openai-chat.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([^`\s]+)`", page))
    known = {
        *SAMPLING,
        *NOUNS,
        *CARRIED,
        *PART_TYPES,
        *COUNTS,
        *FINISH_REASONS,
        *FAILURES,
        *ROLES.values(),
        *Said.__struct_fields__,
    }
    assert known - named == set()
