from __future__ import annotations

import json

import openai.types.responses
import pytest
from msgspec import Raw

from gearshift.errors import UpstreamInvalid, UpstreamRefused
from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.openai_responses.response import (
    decode_response,
    encode_response,
    ending,
    patch_response,
    peek_response,
    skeleton,
)
from gearshift.types.chat import Choice, Citation, Media, Part, Reasoning, Refusal, Response, Text, ToolCall, Usage

TEXT = {"type": "output_text", "text": "Hi", "annotations": []}
MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [TEXT]}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}", "status": "completed"}


def body(*output: object, **fields: object) -> bytes:
    said = skeleton("resp_1", "gpt", 7) | {"status": "completed", "output": list(output) or [MESSAGE]}
    said["usage"] = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    return json.dumps(said | fields, separators=(",", ":")).encode()


def test_a_plain_answer() -> None:
    assert decode_response(body()) == Response(
        protocol="openai_responses",
        id="resp_1",
        model="gpt",
        created=7,
        choices=(Choice(index=0, parts=(Text(text="Hi"),), finish_reason="stop"),),
        usage=Usage(input_tokens=3, output_tokens=2),
    )


@pytest.mark.parametrize(
    ("output", "fields", "reason"),
    [
        (CALL, {}, "tool_calls"),
        (MESSAGE, {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        (MESSAGE, {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        (MESSAGE, {"status": "incomplete"}, "length"),
        (MESSAGE, {"status": None}, "stop"),
    ],
)
def test_why_it_ended(output: object, fields: dict[str, object], reason: str) -> None:
    assert decode_response(body(output, **fields)).choices[0].finish_reason == reason


@pytest.mark.parametrize(
    "spoken",
    [
        b"",
        b"<html>",
        body(status="failed", error={"code": "server_error", "message": "down"}),
        body(status="failed"),
        body(output=5),
        body({"type": 5}),
        body({"type": "function_call", "name": "f"}),
        b'{"id":"x"}',
    ],
)
def test_what_is_no_answer_is_refused(spoken: bytes) -> None:
    with pytest.raises((UpstreamInvalid, UpstreamRefused)):
        decode_response(spoken)


def test_items_of_openais_own_tools_stay_raw() -> None:
    search = {"type": "web_search_call", "id": "ws", "status": "completed"}
    response = decode_response(body(search, MESSAGE))
    assert response.choices[0].parts == (Text(text="Hi"),)
    assert json.loads(encode_response(response).body)["output"][-1] == search


def test_what_repeats_the_request_is_not_kept_what_is_new_is() -> None:
    assert decode_response(body(temperature=1, tools=[], odd=1)).extra == {"odd": Raw(b"1")}


def test_probabilities_are_those_of_the_answer() -> None:
    scores = [{"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}]
    message = {**MESSAGE, "content": [{**TEXT, "logprobs": scores}]}
    response = decode_response(body(message))
    choice = response.choices[0]
    assert choice.parts == (Text(text="Hi"),)
    assert json.loads(bytes(choice.logprobs or Raw())) == {"content": scores, "refusal": None}
    assert json.loads(encode_response(response).body)["output"][0]["content"][0]["logprobs"] == scores


def test_the_official_client_reads_what_we_say() -> None:
    parts: tuple[Part, ...] = (
        Reasoning(text="Hm", signature="s", origin="openai_responses"),
        Text(text="Hi", citations=(Citation(url="https://a", title="A", start=0, end=1),)),
        Refusal(text="No"),
        ToolCall(id="c", name="f", arguments="{}"),
    )
    choice = Choice(index=0, parts=parts, finish_reason="tool_calls")
    said = encode_response(Response(id="r", model="m", created=7, choices=(choice,), usage=Usage(input_tokens=1)))
    read = openai.types.responses.Response.model_validate_json(said.body)
    assert [item.type for item in read.output] == ["reasoning", "message", "function_call"]
    assert read.output_text == "Hi"
    assert len({item.id for item in read.output}) == 3


def test_usage_that_is_not_said_is_unknown_and_told_as_counted() -> None:
    response = decode_response(body(usage=None))
    assert response.usage is None
    said = encode_response(response).body
    assert json.loads(said)["usage"] is None
    counted = Usage(input_tokens=7, output_tokens=1, estimated=True)
    assert json.loads(patch_response(said, ResponseEdits(model="m", counted=counted)))["usage"]["input_tokens"] == 7


def test_a_patch_leaves_every_other_byte() -> None:
    spoken = body(odd=[1.5])
    assert patch_response(spoken, ResponseEdits(model="small")) == spoken.replace(b'"gpt"', b'"small"')


def test_the_facts() -> None:
    facts = peek_response(body(MESSAGE, CALL))
    assert (facts.answer_bytes, facts.response_id, facts.upstream_model) == (4, "resp_1", "gpt")


def test_what_an_answer_cannot_say_is_a_loss() -> None:
    choice = Choice(index=0, parts=(), finish_reason="stop", logprobs=Raw(b'{"content":[]}'))
    said = encode_response(Response(id="r", model="m", created=0, choices=(choice, choice)))
    assert {loss.field for loss in said.losses} == {"choices", "logprobs"}


def test_how_an_answer_ends() -> None:
    assert ending("stop") == ending("tool_calls") == ending(None) == {"status": "completed"}
    assert ending("length") == {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}


def test_a_refusals_probabilities_are_a_loss_and_stand_at_no_part() -> None:
    scores = Raw(b'{"content":[{"token":"x"}],"refusal":[{"token":"N"}]}')
    choice = Choice(index=0, parts=(Refusal(text="No"), Text(text="x")), finish_reason="stop", logprobs=scores)
    said = encode_response(Response(id="r", model="m", created=0, choices=(choice,)))
    refusal, text = json.loads(said.body)["output"][0]["content"]
    assert ("logprobs" in refusal, text["logprobs"]) == (False, [{"token": "x"}])
    assert [loss.field for loss in said.losses] == ["logprobs.refusal"]


def test_an_image_goes_both_ways() -> None:
    image = {"type": "image_generation_call", "id": "ig_resp_1_0", "status": "completed", "result": "AAAA"}
    response = decode_response(body({**image, "output_format": "webp", "size": "1x1"}, MESSAGE))
    told = Media(kind="image", data="AAAA", media_type="image/webp", extra={"size": Raw(b'"1x1"')})
    assert response.choices[0].parts == (told, Text(text="Hi"))
    output = json.loads(encode_response(response).body)["output"]
    assert output[0] == {**image, "output_format": "webp", "size": "1x1"}
    failed = {**image, "result": None, "status": "failed"}
    assert decode_response(body(failed, MESSAGE)).choices[0].parts == (Text(text="Hi"),)


def test_media_that_is_no_image_is_a_loss() -> None:
    parts = (Media(kind="audio", data="AA", media_type="audio/wav"), Media(kind="image", url="https://a"))
    choice = Choice(index=0, parts=parts, finish_reason="stop")
    said = encode_response(Response(id="r", model="m", created=0, choices=(choice,)))
    assert json.loads(said.body)["output"] == []
    assert [loss.field for loss in said.losses] == ["output.parts[0].audio", "output.parts[1].image"]


def test_what_a_message_says_beyond_the_nouns_is_kept() -> None:
    odd = {"type": "output_audio", "data": "x"}
    response = decode_response(body({**MESSAGE, "phase": "final_answer", "content": [TEXT, odd]}))
    assert response.choices[0].parts == (Text(text="Hi", extra={"message": Raw(b'{"phase":"final_answer"}')}),)
    assert decode_response(body({**MESSAGE, "phase": "x", "content": []})).choices[0].parts == ()
    first, second = json.loads(encode_response(response).body)["output"]
    assert (first["phase"], first["content"], second["content"]) == ("final_answer", [TEXT], [odd])


def test_what_is_odd_beside_a_paid_answer_does_not_cost_it() -> None:
    message = {**MESSAGE, "content": [{**TEXT, "annotations": 5, "logprobs": None}]}
    image = {"type": "image_generation_call", "result": {"a": 1}, "output_format": 5}
    (text,) = decode_response(body(message, image)).choices[0].parts
    assert isinstance(text, Text)
    assert text.text == "Hi"
