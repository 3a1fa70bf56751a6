from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from gearshift.errors import InvalidRequest
from gearshift.protocols.codec import RequestEdits
from gearshift.protocols.crossing import cross_request
from gearshift.protocols.places import Turns, encode, in_callers_words, inner, number_of, place, placed, span
from gearshift.protocols.registry import CODECS
from gearshift.types.chat import APART, Message, Request, Text
from gearshift.types.record import Loss

EDITS = RequestEdits(model="m")
PATH = "/v1beta/models/m:generateContent"
RESULTS = [{"type": "tool_result", "tool_use_id": each, "content": "1"} for each in "ab"]
CALLS = [{"type": "tool_use", "id": each, "name": "f", "input": {}} for each in "ab"]
BODIES: dict[str, dict[str, object]] = {
    "anthropic_messages": {
        "model": "m",
        "max_tokens": 9,
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": CALLS},
            {"role": "user", "content": [*RESULTS, {"type": "text", "text": "So?"}]},
            {"role": "user", "content": "Well?"},
        ],
    },
    "gemini": {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hi"}]},
            {"role": "model", "parts": [{"functionCall": {"id": each, "name": "f", "args": {}}} for each in "ab"]},
            {
                "role": "user",
                "parts": [
                    *({"functionResponse": {"id": each, "name": "f", "response": {"output": "1"}}} for each in "ab"),
                    {"text": "So?"},
                ],
            },
            {"role": "user", "parts": [{"text": "Well?"}]},
        ],
    },
    "openai_responses": {
        "model": "m",
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": "Hi"},
            *({"type": "function_call", "call_id": each, "name": "f", "arguments": "{}"} for each in "ab"),
            *({"type": "function_call_output", "call_id": each, "output": "1"} for each in "ab"),
            {"role": "user", "content": "Well?"},
        ],
    },
}


def request(caller: str, **fields: object) -> Request:
    return CODECS[caller].decode_request(json.dumps({**BODIES[caller], **fields}).encode(), PATH)


@pytest.mark.parametrize(
    ("caller", "places"),
    [
        (
            "anthropic_messages",
            ["system", "messages[0]", "messages[1]", "messages[2]", "messages[2]", "messages[2]", "messages[3]"],
        ),
        (
            "gemini",
            ["systemInstruction", *(f"contents[{at}]" for at in (0, 1, 2, 2, 2, 3))],
        ),
        ("openai_responses", ["instructions", *(f"input[{at}]" for at in (0, 1, 3, 4, 5))]),
    ],
)
def test_a_message_is_named_as_its_caller_knows_it(caller: str, places: list[str]) -> None:
    asked = request(caller)
    assert [place(asked, at) for at in range(len(asked.messages))] == places
    assert number_of(asked, 0) == APART


def test_a_list_that_is_the_caller_s_own_needs_no_places() -> None:
    body = {"model": "m", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]}
    asked = CODECS["openai_chat"].decode_request(json.dumps(body).encode())
    assert asked.places == ()
    assert [place(asked, at) for at in (0, 1)] == ["messages[0]", "messages[1]"]
    assert request("anthropic_messages", system=None, messages=[{"role": "user", "content": "Hi"}]).places == ()


def test_turns_know_where_they_were_said() -> None:
    turns = Turns()
    said = Message(role="user", parts=(Text(text="Hi"),))
    turns.add(0, [said])
    assert not turns.places
    turns.add(1, [said, said])
    assert turns.messages == [said] * 3
    assert list(turns.places) == [0, 1, 1]


def test_parts_and_spans_are_named_too() -> None:
    asked = request("gemini")
    assert inner(asked, 1, 2) == "contents[0].parts[2]"
    assert inner(request("anthropic_messages"), 6, 0) == "messages[3].content[0]"
    assert span(asked, 1, 4) == "contents[0:3]"


def test_a_text_and_losses_are_told_in_the_caller_s_words() -> None:
    asked = request("anthropic_messages")
    assert in_callers_words(asked, "messages[0].name, not messages[6]") == "system.name, not messages[3]"
    loss = Loss(field="messages[3].x", kind="dropped", detail="none")
    assert placed(asked, [loss]) == (replace(loss, field="messages[2].x"),)


@pytest.mark.parametrize("caller", BODIES)
def test_what_is_lost_on_the_way_is_named_in_the_caller_s_words(caller: str) -> None:
    asked = request(caller)
    last = replace(asked.messages[-1], name="Ann")
    asked = replace(asked, messages=(*asked.messages[:-1], last))
    said = cross_request(asked, CODECS["bedrock_converse"], EDITS)
    assert f"{place(asked, len(asked.messages) - 1)}.name" in {loss.field for loss in said.losses}


def test_what_cannot_be_said_is_named_in_the_caller_s_words() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    asked = request("anthropic_messages", messages=[{"role": "user", "content": [image]}])
    with pytest.raises(InvalidRequest, match=r"^messages\[0\]\.content\[0\]") as refused:
        cross_request(asked, CODECS["bedrock_converse"], EDITS)
    assert refused.value.param == "messages[0].content[0]"


def test_the_same_holds_in_the_caller_s_own_protocol() -> None:
    asked = request("openai_responses")
    told = replace(asked, messages=(*asked.messages[:-1], replace(asked.messages[-1], name="Ann")))
    said = encode(told, CODECS["openai_responses"], EDITS)
    assert [loss.field for loss in said.losses] == ["input[5].name"]
