"""Hold every documented block, event, error and stop reason of Anthropic's Messages API to the laws, in all directions.

Source: the types of the official client (`anthropic.types`), which are made from the API's own description.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import anthropic.types
import pytest
from pydantic import TypeAdapter

from gearshift.errors import OUR_ACCOUNT, StreamBroken
from gearshift.protocols.codec import Codec, ResponseEdits
from gearshift.protocols.crossing import Crossing, cross_response
from gearshift.protocols.fold import fold
from gearshift.protocols.registry import CODECS
from gearshift.protocols.sse import ServerEvent, SSEParser, encode_event
from gearshift.types.chat import Choice, Response, Text, ToolCall
from gearshift.types.stream import ChoiceEnded, Event, Finished, PartDelta, PartEnded, PartStarted, Started

JSON = dict[str, Any]
NAME: Final = "anthropic_messages"
OWN: Final = CODECS[NAME]
OTHERS: Final = tuple(codec for name, codec in CODECS.items() if name != NAME)
MESSAGE: TypeAdapter[Any] = TypeAdapter(anthropic.types.Message)
EVENT: TypeAdapter[Any] = TypeAdapter(anthropic.types.RawMessageStreamEvent)

to_others = pytest.mark.parametrize("codec", OTHERS, ids=lambda codec: codec.name)


def answer(*content: object, **more: object) -> JSON:
    usage = {"input_tokens": 3, "output_tokens": 5}
    said = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": list(content)}
    return said | {"stop_reason": "end_turn", "stop_sequence": None, "usage": usage} | more


def streamed(message: JSON) -> bytes:
    """Say an answer as the API streams it, the counts of the input at the start."""
    start = message | {"content": [], "stop_reason": None, "stop_sequence": None}
    told: list[JSON] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(message["content"]):
        begun, deltas = _pieces(block)
        told.append({"type": "content_block_start", "index": index, "content_block": begun})
        told += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        told.append({"type": "content_block_stop", "index": index})
    ended = {name: message[name] for name in ("stop_reason", "stop_sequence", "stop_details") if name in message}
    told.append(
        {"type": "message_delta", "delta": ended, "usage": {"output_tokens": message["usage"]["output_tokens"]}}
    )
    told.append({"type": "message_stop"})
    return b"".join(encode_event(json.dumps(event).encode(), event["type"]) for event in told)


def _pieces(block: Mapping[str, Any]) -> tuple[JSON, list[JSON]]:
    match block["type"]:
        case "text":
            deltas = [{"type": "text_delta", "text": piece} for piece in ("", *block["text"])]
            cited = [{"type": "citations_delta", "citation": each} for each in block.get("citations") or ()]
            return {**block, "text": "", "citations": None}, [*deltas, *cited]
        case "thinking":
            said = {"type": "thinking_delta", "thinking": block["thinking"]}
            signed = {"type": "signature_delta", "signature": block["signature"]}
            return {**block, "thinking": "", "signature": ""}, [said, signed]
        case "tool_use" | "server_tool_use":
            pieces = ("", *json.dumps(block["input"]))
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        case _:
            return dict(block), []


PAGE: Final = {
    "type": "web_search_result_location",
    "url": "https://a",
    "title": "A",
    "cited_text": "x",
    "encrypted_index": "e",
}
PLACE: Final = {
    "type": "page_location",
    "cited_text": "x",
    "document_index": 0,
    "document_title": "T",
    "start_page_number": 1,
    "end_page_number": 2,
}
TEXT: Final = {"type": "text", "text": "Höhö"}
CALL: Final = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"city": "Köln", "n": [1, 2.5]}}
ANSWERS: Final[dict[str, JSON]] = {
    "a text": answer(TEXT),
    "nothing": answer(),
    "a text that cites": answer({**TEXT, "citations": [PAGE, PLACE]}),
    "thinking": answer({"type": "thinking", "thinking": "Hm", "signature": "s"}, TEXT),
    "encrypted thinking": answer({"type": "redacted_thinking", "data": "d"}, TEXT),
    "calls": answer(TEXT, CALL, CALL | {"id": "toolu_2", "input": {}}, stop_reason="tool_use"),
    "tools of Anthropic's own": answer(
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
        TEXT,
        stop_reason="pause_turn",
    ),
    "a block to come": answer(TEXT, {"type": "smell", "smell": "rose"}),
    "a stop sequence": answer(TEXT, stop_reason="stop_sequence", stop_sequence="END"),
    "a refusal": answer(
        stop_reason="refusal", stop_details={"type": "refusal", "category": "cyber", "explanation": "No"}
    ),
    "the end of the window": answer(TEXT, stop_reason="model_context_window_exceeded"),
    "the limit": answer(TEXT, stop_reason="max_tokens"),
    "a reason to come": answer(TEXT, stop_reason="bored"),
}
answers = pytest.mark.parametrize("message", ANSWERS.values(), ids=ANSWERS)
REASONS: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "bored": "stop",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}


@answers
def test_a_stream_says_what_the_answer_says(message: JSON) -> None:
    decoder = OWN.stream_decoder()
    told = fold(decoder.feed(streamed(message)) + decoder.close())
    whole = OWN.decode_response(json.dumps(message).encode())
    assert (told.id, told.model, told.usage) == (whole.id, whole.model, whole.usage)
    (one,), (other,) = told.choices, whole.choices
    assert (one.finish_reason, one.parts) == (other.finish_reason, other.parts)
    assert {name: json.loads(bytes(raw)) for name, raw in one.extra.items()} == {
        name: json.loads(bytes(raw)) for name, raw in other.extra.items()
    }


@answers
def test_an_answer_decoded_and_said_again_is_the_same(message: JSON) -> None:
    said = json.loads(OWN.encode_response(OWN.decode_response(json.dumps(message).encode())).body)
    assert said["stop_reason"] == message["stop_reason"]
    assert said["stop_sequence"] == message["stop_sequence"]
    assert sorted(said["content"], key=json.dumps) == sorted(message["content"], key=json.dumps)


@to_others
@answers
def test_an_answer_crosses_whole_or_says_what_was_lost(message: JSON, codec: Codec) -> None:
    said = cross_response(OWN.decode_response(json.dumps(message).encode()), codec)
    told = codec.decode_response(said.body)
    crossing = Crossing(OWN, codec, "claude")
    passed = crossing.feed(streamed(message))
    crossing.close()
    passed += crossing.end(ResponseEdits(model="claude"), send_usage=True)
    decoder = codec.stream_decoder()
    again = fold(decoder.feed(passed) + decoder.close())
    kinds = {block["type"] for block in message["content"]}
    for response in (told, again):
        (choice,) = response.choices
        assert choice.finish_reason == REASONS[message["stop_reason"]]
        texts = [part.text for part in choice.parts if isinstance(part, Text) and part.text]
        assert texts == ["Höhö"] * ("text" in kinds)
        calls = [json.loads(part.arguments) for part in choice.parts if isinstance(part, ToolCall)]
        assert calls == [block["input"] for block in message["content"] if block["type"] == "tool_use"]
        assert response.usage is not None
        assert (response.usage.input_tokens, response.usage.output_tokens) == (3, 5)
    beyond = kinds - {"text", "tool_use", "thinking", "redacted_thinking"}
    lost = {"stop_sequence", "pause_turn", "bored", "model_context_window_exceeded"}
    if beyond or message["stop_reason"] in lost or "stop_details" in message:
        assert said.losses
        assert crossing.losses


@answers
@pytest.mark.parametrize("named", [True, False])
def test_a_stream_is_relayed_as_it_came_but_for_the_model_and_the_cost(message: JSON, *, named: bool) -> None:
    spoken = streamed(message)
    if not named:
        spoken = b"\n".join(line for line in spoken.split(b"\n") if not line.startswith(b"event:"))
    relay = OWN.relay("mine")
    passed = relay.feed(spoken)
    relay.close()
    passed += relay.end(ResponseEdits(model="mine", usage=b'"cost":0.5', top=b'"gearshift":{}'), send_usage=True)
    assert b'"claude"' not in passed
    one, other = (
        [json.loads(item.data) for item in SSEParser().feed(data) if isinstance(item, ServerEvent)]
        for data in (spoken, passed)
    )
    one[0]["message"]["model"] = "mine"
    ended = next(event for event in one if event["type"] == "message_delta")
    ended["usage"]["cost"] = 0.5
    ended["gearshift"] = {}
    assert other == one
    assert passed.count(b"event: ") == (len(one) if named else 0)


ERRORS: Final = (
    "invalid_request_error",
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "api_error",
    "overloaded_error",
    "timeout_error",
)


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_an_error_in_mid_stream_breaks_it_for_every_caller(kind: str, codec: Codec) -> None:
    broken = {"type": "error", "error": {"type": kind, "message": "Because"}, "request_id": "req_1"}
    data = streamed(answer(TEXT)).split(b"event: message_delta")[0]
    for name in ("error", ""):
        relay = OWN.relay("m") if codec is OWN else Crossing(OWN, codec, "m")
        assert relay.feed(data)
        with pytest.raises(StreamBroken, match=r"Because|our account was refused") as told:
            relay.feed(encode_event(json.dumps(broken).encode(), name))
        assert ("Because" in told.value.message) == (told.value.kind not in OUR_ACCOUNT)


CUT: Final = '{"city": "Kö'


@pytest.mark.parametrize("upstream", [CODECS["openai_chat"], CODECS["openai_responses"]], ids=lambda codec: codec.name)
@pytest.mark.parametrize("caller", CODECS.values(), ids=CODECS)
def test_a_call_that_the_limit_cut_is_a_valid_answer_of_that_length(upstream: Codec, caller: Codec) -> None:
    call = ToolCall(id="call.1", name="f", arguments=CUT)
    choice = Choice(index=0, parts=(call,), finish_reason="length")
    whole = Response(protocol=upstream.name, id="r", model="m", created=0, choices=(choice,))
    said = cross_response(whole, caller)
    (told,) = caller.decode_response(said.body).choices
    assert told.finish_reason == "length"
    (part,) = told.parts
    assert isinstance(part, ToolCall)
    if caller.name in {NAME, "gemini", "bedrock_converse"}:
        assert json.loads(part.arguments) == {"INVALID_JSON": CUT}
        assert any(loss.field.endswith("arguments") for loss in said.losses)
    else:
        assert part.arguments == CUT


def test_more_cached_than_input_is_recorded_before_the_books_are_closed() -> None:
    """So it is with an upstream that counts what it found in its cache beside the input, not as part of it."""
    piece = {
        "candidates": [{"content": {"parts": [{"text": "Hi"}], "role": "model"}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1, "cachedContentTokenCount": 9},
        "responseId": "r",
        "modelVersion": "m",
    }
    crossing = Crossing(CODECS["gemini"], OWN, "m")
    passed = crossing.feed(encode_event(json.dumps(piece).encode()))
    crossing.close()
    assert [(loss.field, loss.kind) for loss in crossing.losses] == [("usage.input_tokens", "mapped")]
    passed += crossing.end(ResponseEdits(model="m"), send_usage=True)
    told = [json.loads(item.data) for item in SSEParser().feed(passed) if isinstance(item, ServerEvent)]
    assert told[-2]["usage"]["input_tokens"] == 0
    assert told[-2]["usage"]["cache_read_input_tokens"] == 9


@pytest.mark.parametrize("upstream", OTHERS, ids=lambda codec: codec.name)
def test_ids_of_calls_are_told_the_same_streamed_or_not(upstream: Codec) -> None:
    calls = tuple(ToolCall(id=name, name="f", arguments="{}") for name in ("a.b", "a_b"))
    choice = Choice(index=0, parts=calls, finish_reason="tool_calls")
    said = cross_response(Response(protocol=upstream.name, id="r", model="m", created=0, choices=(choice,)), OWN)
    events: list[Event] = [Started(protocol=upstream.name, id="r", model="m", created=0)]
    for part, call in enumerate(calls):
        events.append(PartStarted(choice=0, part=part, kind="tool_call", id=call.id, name=call.name))
        events += [PartDelta(choice=0, part=part, text="{}"), PartEnded(choice=0, part=part)]
    events.append(ChoiceEnded(choice=0, finish_reason="tool_calls"))
    encoder = OWN.stream_encoder(send_usage=True)
    data = b"".join(encoder.feed(event) for event in events) + encoder.end(Finished(), ResponseEdits(model="m"))
    told = [json.loads(item.data) for item in SSEParser().feed(data) if isinstance(item, ServerEvent)]
    streamed_ids = [event["content_block"]["id"] for event in told if event["type"] == "content_block_start"]
    assert streamed_ids == [block["id"] for block in json.loads(said.body)["content"]]
    assert len(set(streamed_ids)) == 2


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_what_is_told_an_anthropic_caller_is_what_its_client_takes(name: str) -> None:
    """Every answer, said by way of each other protocol and back, is one of the official client's types."""
    for codec in OTHERS:
        there = cross_response(OWN.decode_response(json.dumps(ANSWERS[name]).encode()), codec)
        back = cross_response(codec.decode_response(there.body), OWN)
        MESSAGE.validate_json(back.body)
        crossing = Crossing(codec, OWN, "m")
        out = Crossing(OWN, codec, "m")
        passed = out.feed(streamed(ANSWERS[name]))
        out.close()
        data = crossing.feed(passed + out.end(ResponseEdits(model="m"), send_usage=True))
        crossing.close()
        data += crossing.end(ResponseEdits(model="m"), send_usage=True)
        for item in SSEParser().feed(data):
            if isinstance(item, ServerEvent):
                EVENT.validate_json(item.data)
