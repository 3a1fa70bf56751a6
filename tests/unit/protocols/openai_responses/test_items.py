from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from gearshift.protocols.fields import Misfit
from gearshift.protocols.openai_responses.items import encode_items, encode_output, take_input
from gearshift.protocols.openai_responses.parts import Speaker
from gearshift.protocols.places import Turns
from gearshift.protocols.signatures import seal
from gearshift.types.chat import CacheMark, Media, Message, Reasoning, Refusal, Text, ToolCall, ToolResult
from gearshift.types.record import Loss


def heard(*items: object) -> list[Message]:
    return _taken(json.dumps(items, separators=(",", ":")).encode())


def _taken(spoken: bytes) -> list[Message]:
    turns = Turns()
    take_input(Raw(spoken), turns)
    return turns.messages


def said(*messages: Message, to_caller: bool = False) -> tuple[Any, list[Loss]]:
    losses: list[Loss] = []
    told = list(encode_items(messages, Speaker(losses, to_caller=to_caller)))
    return json.loads(msgspec.json.encode(told)), losses


USER = {"type": "message", "role": "user", "content": "Hi"}
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{ "a":1.50}', "id": "fc_1"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "ok"}
THOUGHT = {
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "Hm"}],
    "encrypted_content": "e",
    "id": "rs_1",
}
ANSWER = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Ho", "annotations": []}],
    "id": "msg_1",
}


def test_a_string_is_what_the_user_says() -> None:
    assert _taken(b'"Hi"') == [Message(role="user", parts=(Text(text="Hi"),))]


def test_what_the_assistant_did_in_a_row_is_one_message() -> None:
    items = [USER, THOUGHT, ANSWER, CALL, OUTPUT]
    user, assistant, tool = heard(*items)
    assert user == Message(role="user", parts=(Text(text="Hi"),))
    thought, text, call = assistant.parts
    assert thought == Reasoning(text="Hm", signature="e", origin="openai_responses", extra={"id": Raw(b'"rs_1"')})
    assert isinstance(text, Text)
    assert text.text == "Ho"
    assert call == ToolCall(id="c", name="f", arguments='{ "a":1.50}', extra={"id": Raw(b'"fc_1"')})
    assert tool == Message(role="tool", parts=(ToolResult(call_id="c", parts=(Text(text="ok"),)),))
    assert said(user, assistant, tool) == (items, [])


@pytest.mark.parametrize("role", ["system", "developer"])
def test_roles_stay_what_they_are(role: str) -> None:
    item = {"type": "message", "role": role, "content": "S"}
    assert said(*heard(item)) == ([item], [])
    assert heard({"role": role, "content": "S"}) == heard(item)


def test_an_item_without_a_noun_is_kept_whole() -> None:
    item = {"type": "item_reference", "id": "i"}
    (message,) = heard(item)
    assert (message.parts, list(message.extra)) == ((), ["item"])
    assert said(message) == ([item], [])


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ({"role": "tool", "content": "x"}, "input[0].role"),
        ({"role": "user"}, "input[0].content"),
        ({"type": "function_call", "name": "f", "arguments": "{}"}, "input[0].call_id"),
        ({"type": "function_call", "call_id": "c", "name": "f", "arguments": {}}, "input[0].arguments"),
        ({"type": "function_call_output", "call_id": "c"}, "input[0].output"),
        ({"type": "reasoning", "summary": "Hm"}, "input[0].summary"),
        ({"type": "reasoning", "summary": [{"text": 5}]}, "input[0].summary[0].text"),
        ({"type": "reasoning", "content": [{"text": "a"}, {}]}, "input[0].content[1].text"),
        ({"type": 5}, "input[0].type"),
    ],
)
def test_a_wrong_field_is_named(item: object, path: str) -> None:
    with pytest.raises(Misfit) as caught:
        heard(item)
    assert caught.value.path == path


def test_input_is_a_string_or_a_list() -> None:
    with pytest.raises(Misfit, match="input: found a number, expected a string or a list of items"):
        _taken(b"5")


def test_the_text_of_thinking_is_taken_where_there_is_no_summary() -> None:
    item = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm"}]}
    assert heard(item)[0].parts == (Reasoning(text="Hm"),)


def test_foreign_thinking_is_sealed_for_a_caller_and_dropped_for_an_upstream() -> None:
    thought = Reasoning(text="", signature="s", origin="anthropic_messages", redacted=True)
    message = Message(role="assistant", parts=(thought, Reasoning(text="unsigned")))
    told, losses = said(message, to_caller=True)
    sealed = seal("s", "anthropic_messages", "openai_responses", redacted=True)
    assert told[0] == {"type": "reasoning", "summary": [], "encrypted_content": sealed}
    assert told[1] == {"type": "reasoning", "summary": [{"type": "summary_text", "text": "unsigned"}]}
    assert losses == []
    assert heard(told[0])[0].parts == (thought,)
    told, losses = said(message)
    assert (told, len(losses)) == ([], 2)


def test_a_refusal_and_text_are_one_message() -> None:
    message = Message(
        role="assistant", parts=(Text(text="a"), Refusal(text="b"), ToolCall(id="c", name="f", arguments=""))
    )
    told, _ = said(message)
    assert [part["type"] for part in told[0]["content"]] == ["output_text", "refusal"]
    assert told[1]["type"] == "function_call"


def test_what_items_have_no_word_for_is_a_loss() -> None:
    result = ToolResult(call_id="c", parts=(Text(text="no"),), is_error=True, cache=CacheMark())
    _, losses = said(Message(role="user", parts=(Text(text="Hi"),), name="ann"), Message(role="tool", parts=(result,)))
    assert [loss.field for loss in losses] == [
        "messages[0].name",
        "messages[1].parts[0].is_error",
        "messages[1].parts[0].cache_control",
    ]


def test_a_summary_and_the_thinking_itself_are_two_parts() -> None:
    thought = {**THOUGHT, "content": [{"type": "reasoning_text", "text": "First this."}]}
    (message,) = heard(thought)
    assert message.parts == (
        Reasoning(text="First this."),
        Reasoning(text="Hm", signature="e", origin="openai_responses", extra={"id": Raw(b'"rs_1"')}),
    )


def test_an_empty_piece_of_a_summary_makes_no_blank_line() -> None:
    pieces = [{"type": "summary_text", "text": text} for text in ("", "a", "b")]
    (message,) = heard({"type": "reasoning", "summary": pieces})
    assert message.parts == (Reasoning(text="a\n\nb"),)


def test_an_assistants_message_without_content_keeps_its_id() -> None:
    silent = {"type": "message", "role": "assistant", "content": [], "id": "msg_0", "status": "completed"}
    messages = heard(USER, silent, ANSWER)
    assert said(*messages) == ([USER, silent, ANSWER], [])


def test_an_assistants_part_without_a_noun_is_said_as_it_was() -> None:
    odd = {"type": "message", "role": "assistant", "content": [{"type": "output_audio", "data": "x"}], "id": "msg_0"}
    assert said(*heard(USER, odd)) == ([USER, odd], [])


def test_a_part_of_a_functions_output_that_is_no_part_is_kept() -> None:
    output = {**OUTPUT, "output": [{"type": "refusal", "refusal": "No"}, {"type": "input_text", "text": "x"}]}
    (result,) = heard(output)
    assert said(result) == ([output], [])
    (refusal, _) = result.parts[0].parts  # type: ignore[union-attr]
    assert refusal == Media(kind="file", extra={"type": Raw(b'"refusal"'), "refusal": Raw(b'"No"')})


def test_a_reference_to_an_item_needs_no_type() -> None:
    (message,) = heard({"id": "msg_1"})
    assert said(message) == ([{"type": "item_reference", "id": "msg_1"}], [])


def test_an_image_that_was_made_is_one_of_the_assistants() -> None:
    image = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "AAAA"}
    _, message = heard(USER, image)
    assert message.role == "assistant"
    assert said(message) == ([{**image, "output_format": "png"}], [])
    (unmade,) = heard({**image, "result": None})
    assert "item" in unmade.extra
    with pytest.raises(Misfit, match="images only"):
        said(Message(role="assistant", parts=(Media(kind="audio", data="AA"),)))
    with pytest.raises(Misfit, match="result of a tool"):
        list(encode_output([ToolResult(call_id="c", parts=())], "at", Speaker([])))
