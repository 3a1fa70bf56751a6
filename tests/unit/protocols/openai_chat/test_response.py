from __future__ import annotations

import itertools
import json

import pytest
from msgspec import Raw

from gearshift.errors import UpstreamInvalid
from gearshift.protocols.codec import ResponseEdits, ResponsePeek
from gearshift.protocols.openai_chat.response import (
    FAILURES,
    decode_response,
    encode_response,
    patch_response,
    peek_response,
)
from gearshift.types.chat import Choice, Citation, Media, Reasoning, Refusal, Response, Text, ToolCall, Usage

CHOICE: dict[str, object] = {
    "index": 0,
    "message": {"role": "assistant", "content": "Hi"},
    "logprobs": None,
    "finish_reason": "stop",
}
COUNTS = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def body(**fields: object) -> bytes:
    whole = {"id": "r", "object": "chat.completion", "created": 7, "model": "up-1", "choices": [CHOICE]}
    return json.dumps(whole | fields, separators=(",", ":")).encode()


def answer(**message: object) -> bytes:
    return body(choices=[CHOICE | {"message": {"role": "assistant"} | message}])


def test_a_plain_answer() -> None:
    told = Response(
        protocol="openai_chat",
        id="r",
        model="up-1",
        created=7,
        choices=(Choice(index=0, parts=(Text(text="Hi"),), finish_reason="stop"),),
        usage=Usage(input_tokens=3, output_tokens=2),
    )
    assert decode_response(body(usage=COUNTS)) == told
    assert decode_response(encode_response(told).body) == told


def test_an_answer_with_everything() -> None:
    message = {
        "role": "assistant",
        "content": "Hi",
        "reasoning_content": "Hm",
        "refusal": "No",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{ }"}}],
        "annotations": [{"type": "url_citation"}],
    }
    choice = CHOICE | {"message": message, "logprobs": {"content": []}, "native_finish_reason": "end"}
    told = decode_response(body(choices=[choice], system_fingerprint="fp"))
    assert told.choices == (
        Choice(
            index=0,
            parts=(
                Reasoning(text="Hm"),
                Text(text="Hi"),
                Refusal(text="No"),
                ToolCall(id="c", name="f", arguments="{ }"),
            ),
            finish_reason="stop",
            logprobs=Raw(b'{"content":[]}'),
            extra={
                "native_finish_reason": Raw(b'"end"'),
                "message": Raw(b'{"annotations":[{"type":"url_citation"}]}'),
            },
        ),
    )
    assert told.extra == {"system_fingerprint": Raw(b'"fp"')}
    assert json.loads(encode_response(told).body)["choices"] == [choice]


def test_an_empty_text_makes_no_part() -> None:
    told = decode_response(answer(content="", refusal="", reasoning="", tool_calls=[]))
    assert told.choices[0].parts == ()
    assert json.loads(encode_response(told).body)["choices"][0]["message"]["content"] == ""


def test_content_in_parts_is_kept_in_parts() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}
    told = decode_response(answer(content=[thinking, {"type": "text", "text": "Hi"}]))
    assert [type(part) for part in told.choices[0].parts] == [Media, Text]
    assert decode_response(encode_response(told).body) == told
    assert peek_response(answer(content=[thinking])).answer_bytes > 0


def test_several_texts_are_said_as_one() -> None:
    parts = (Text(text="a"), Text(text="b"))
    told = Response(id="r", model="m", created=0, choices=(Choice(index=0, parts=parts, finish_reason="stop"),))
    assert json.loads(encode_response(told).body)["choices"][0]["message"] == {"role": "assistant", "content": "ab"}


@pytest.mark.parametrize(
    ("word", "reason", "kept"),
    [
        ("length", "length", False),
        ("function_call", "tool_calls", True),
        ("eos", "stop", True),
        ("", None, False),
        (None, None, False),
    ],
)
def test_a_finish_reason_without_a_noun_is_kept(word: str | None, reason: str | None, kept: bool) -> None:
    told = decode_response(body(choices=[CHOICE | {"finish_reason": word}]))
    assert told.choices[0].finish_reason == reason
    assert told.choices[0].extra == ({"finish_reason": Raw(json.dumps(word).encode())} if kept else {})
    assert json.loads(encode_response(told).body)["choices"][0]["finish_reason"] == (word or None)


def test_what_upstreams_leave_out_is_forgiven() -> None:
    told = decode_response(b'{"choices":[{"message":{"content":"a"}},{"message":{"content":"b"}}],"usage":null}')
    assert (told.id, told.model, told.created, told.usage) == ("", "", 0, None)
    assert [choice.index for choice in told.choices] == [0, 1]


def test_a_usage_that_cannot_be_is_kept_but_not_counted() -> None:
    told = decode_response(body(usage=COUNTS | {"prompt_tokens": -1}))
    assert told.usage is None
    assert json.loads(encode_response(told).body)["usage"]["prompt_tokens"] == -1


BAD = [
    (b"", "found an empty body, expected JSON"),
    (b" \n", "found an empty body, expected JSON"),
    (b"<!DOCTYPE html><title>502</title>", "found HTML or XML, expected JSON"),
    (b"upstream connect error", "not valid JSON"),
    (b'{"id":"r","choices":[', "not valid JSON: Input data was truncated"),
    (b"[]", "found JSON that is not an object"),
    (b'{"error":{"message":"Over\\nloaded"}}', "found an error in place of an answer: Over loaded"),
    (b'{"error":{"code":1}}', "found an error in place of an answer: without a message"),
    (body(choices=[]), "choices: found none, expected at least one"),
    (b'{"id":"r"}', "choices: missing, expected a list of objects"),
    (body(choices=None), "choices: found null, expected a list of objects"),
    (body(choices=[5]), "choices[0]: found a number, expected an object"),
    (body(choices=[{"index": 0}]), "choices[0].message: missing, expected an object"),
    (body(choices=[CHOICE | {"message": "Hi"}]), "choices[0].message: found a string, expected an object"),
    (body(choices=[CHOICE | {"finish_reason": 5}]), "choices[0].finish_reason: found a number, expected"),
    *[
        (body(choices=[CHOICE | {"finish_reason": word}]), f"ended with finish_reason {word}")
        for word in sorted(FAILURES)
    ],
]


@pytest.mark.parametrize(("spoken", "message"), BAD)
def test_what_is_no_answer_is_refused_in_words(spoken: bytes, message: str) -> None:
    for read in (decode_response, peek_response):
        with pytest.raises(UpstreamInvalid) as caught:
            read(spoken)
        assert caught.value.message.startswith("the upstream's answer: ")
        assert message in caught.value.message


@pytest.mark.parametrize(
    ("spoken", "name", "model"),
    [
        (body(id=5, model=[], created="soon"), "5", None),
        (body(id=None, model={"a": 1}, created=[]), None, None),
        (body()[:-1] + b',"id":"s","x":1,"x":2}', "s", "up-1"),
    ],
)
def test_what_is_odd_beside_a_paid_answer_does_not_cost_it(spoken: bytes, name: str | None, model: str | None) -> None:
    peek = peek_response(spoken)
    assert (peek.response_id, peek.upstream_model, peek.answer_bytes) == (name, model, 2)
    told = decode_response(spoken)
    assert (told.id, told.model) == (name or "", model or "")
    patched = patch_response(spoken, EDITS)
    assert json.loads(patched)["model"] == "small"
    assert patched.count(b'"id"') == 1


def test_half_a_surrogate_pair_stays_byte_for_byte() -> None:
    spoken = body().replace(b'"Hi"', b'"Hi\\ud83d"')
    assert peek_response(spoken).answer_bytes == 5
    assert patch_response(spoken, ResponseEdits(model="up-1")) == spoken
    assert decode_response(spoken).choices[0].parts == (Text(text="Hi\ufffd"),)


def test_the_peek_gives_the_facts() -> None:
    assert peek_response(body(usage=COUNTS)) == ResponsePeek(
        usage=Usage(input_tokens=3, output_tokens=2),
        finish_reason="stop",
        response_id="r",
        upstream_model="up-1",
        answer_bytes=2,
    )
    bare = ResponsePeek(usage=None, finish_reason=None, response_id=None, upstream_model=None, answer_bytes=0)
    assert peek_response(b'{"choices":[{"message":{}}]}') == bare


EDITS = ResponseEdits(model="small", usage=b'"cost":0.5')


def test_the_patch_touches_nothing_else() -> None:
    spoken = b'{ "model" : "up-1",\n "x":1.50, "choices":[{"message":{}}],"usage":{ "prompt_tokens" : 3 } , "y":[ ]}\n'
    assert patch_response(spoken, EDITS) == (
        b'{ "model" : "small",\n "x":1.50, "choices":[{"message":{}}],"usage":{ "prompt_tokens" : 3,"cost":0.5}'
        b' , "y":[ ]}\n'
    )


def test_an_answer_without_a_model_gets_one() -> None:
    assert patch_response(b'{"choices":[]}', ResponseEdits(model="small")) == b'{"choices":[],"model":"small"}'


@pytest.mark.parametrize(
    ("usage", "edits", "patched"),
    [
        ({"cost": 9, "a": 1}, EDITS, {"cost": 0.5, "a": 1}),
        ({}, EDITS, {"cost": 0.5}),
        (None, EDITS, {"cost": 0.5}),
        ([], EDITS, {"cost": 0.5}),
        ({"a": 1}, ResponseEdits(model="small"), {"a": 1}),
        (None, ResponseEdits(model="small"), None),
        ({"a": 1}, ResponseEdits(model="small", counted=Usage(input_tokens=3)), {"a": 1}),
        (
            {"prompt_tokens": -1, "completion_tokens": 2},
            ResponseEdits(model="small", usage=b'"cost":0.5', counted=Usage(input_tokens=3)),
            {"prompt_tokens": -1, "completion_tokens": 2, "cost": 0.5},
        ),
    ],
)
def test_the_usage_is_added_to(usage: object, edits: ResponseEdits, patched: object) -> None:
    assert json.loads(patch_response(body(usage=usage), edits))["usage"] == patched


@pytest.mark.parametrize(
    ("fields", "cost"),
    [
        *itertools.product([{}, {"usage": None}], [b"", b'"cost":null']),
        ({"usage": {}}, b'"cost":null'),
        ({"usage": {"x": 1}}, b'"cost":1'),
    ],
)
def test_a_usage_that_the_upstream_did_not_say_is_what_was_counted(fields: dict[str, object], cost: bytes) -> None:
    counted = Usage(input_tokens=3, output_tokens=2, estimated=True)
    spoken = json.loads(patch_response(body(**fields), ResponseEdits(model="m", usage=cost, counted=counted)))
    assert spoken["usage"].items() >= (COUNTS | {"estimated": True}).items()
    assert ("cost" in spoken["usage"]) == bool(cost)


def test_metadata_is_added_at_the_top_or_replaced() -> None:
    edits = ResponseEdits(model="small", top=b'"gearshift":{"router":"auto"},"x":2')
    assert json.loads(patch_response(body(x=1), edits)).items() >= {"gearshift": {"router": "auto"}, "x": 2}.items()


def test_what_a_text_cites_is_a_noun_and_said_as_it_was() -> None:
    page = {
        "type": "url_citation",
        "url_citation": {"url": "https://a", "title": "A", "start_index": 0, "end_index": 2},
    }
    response = decode_response(answer(content="Hi", annotations=[page]))
    cited = Text(text="Hi", citations=(Citation(url="https://a", title="A", start=0, end=2),))
    assert (response.choices[0].parts, response.choices[0].extra) == ((cited,), {})
    assert json.loads(encode_response(response).body)["choices"][0]["message"]["annotations"] == [page]
    alone = decode_response(answer(content=None, annotations=[page])).choices[0]
    assert (alone.parts, list(alone.extra)) == ((), ["message"])


def test_several_texts_that_cite_are_one_that_does() -> None:
    page = Citation(url="https://a", start=1, end=2)
    choice = Choice(index=0, parts=(Text(text="Höhö"), Text(text="Hi", citations=(page,))), finish_reason="stop")
    said = json.loads(encode_response(Response(id="r", model="m", created=0, choices=(choice,))).body)
    (cited,) = said["choices"][0]["message"]["annotations"]
    assert (cited["url_citation"]["start_index"], cited["url_citation"]["end_index"]) == (5, 6)
