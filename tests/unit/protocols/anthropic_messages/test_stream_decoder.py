from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from msgspec import Raw

from gearshift.errors import OUR_ACCOUNT, StreamBroken, UpstreamInvalid
from gearshift.protocols.anthropic_messages.response import decode_response
from gearshift.protocols.anthropic_messages.stream_decoder import Decoder
from gearshift.protocols.fold import fold
from gearshift.protocols.sse import encode_event
from gearshift.types.chat import Citation, Reasoning, Text, ToolCall, Usage
from gearshift.types.stream import ChoiceDelta, ChoiceEnded, Event, Finished, PartDelta, PartEnded, PartStarted, Started

ERRORS = (
    "api_error",
    "authentication_error",
    "billing_error",
    "invalid_request_error",
    "not_found_error",
    "overloaded_error",
    "permission_error",
    "rate_limit_error",
    "request_too_large",
    "timeout_error",
    "an_error_to_come",
)
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": []}


def said(kind: str, **fields: object) -> bytes:
    return encode_event(json.dumps({"type": kind, **fields}).encode(), kind)


def block(index: int, start: Mapping[str, object], *deltas: Mapping[str, object]) -> bytes:
    told = [said("content_block_delta", index=index, delta=delta) for delta in deltas]
    begun = said("content_block_start", index=index, content_block=start)
    return b"".join([begun, *told, said("content_block_stop", index=index)])


START = said("message_start", message={**MESSAGE, "usage": {"input_tokens": 3, "output_tokens": 1}})
END = said("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 5})
STOP = said("message_stop")
HI = block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Hi"})


def heard(data: bytes) -> list[Event]:
    decoder = Decoder()
    return decoder.feed(data) + decoder.close()


def test_a_text() -> None:
    assert heard(START + said("ping") + HI + END + STOP) == [
        Started(protocol="anthropic_messages", id="msg_1", model="claude", created=0),
        PartStarted(choice=0, part=0, kind="text"),
        PartDelta(choice=0, part=0, text="Hi"),
        PartEnded(choice=0, part=0),
        ChoiceEnded(choice=0, finish_reason="stop"),
        Finished(usage=Usage(input_tokens=3, output_tokens=5)),
    ]


def test_thinking_calls_and_citations() -> None:
    cited = {"type": "web_search_result_location", "url": "https://a", "title": "A"}
    data = block(
        0,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "Hm"},
        {"type": "signature_delta", "signature": "s"},
    )
    data += block(1, {"type": "redacted_thinking", "data": "d"})
    data += block(2, {"type": "text", "text": "A"}, {"type": "citations_delta", "citation": cited})
    data += block(
        3,
        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        {"type": "input_json_delta", "partial_json": '{"a":'},
        {"type": "input_json_delta", "partial_json": " 1}"},
    )
    data += block(4, {"type": "tool_use", "id": "u", "name": "g", "input": {}})
    assert fold(heard(START + data + END + STOP)).choices[0].parts == (
        Reasoning(text="Hm", signature="s", origin="anthropic_messages"),
        Reasoning(text="", signature="d", origin="anthropic_messages", redacted=True),
        Text(text="A", citations=(Citation(url="https://a", title="A"),)),
        ToolCall(id="t", name="f", arguments='{"a": 1}'),
        ToolCall(id="u", name="g", arguments="{}"),
    )


def test_a_block_without_a_noun_is_told_apart() -> None:
    server = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    events = heard(START + block(0, server, {"type": "input_json_delta", "partial_json": "{}"}) + HI + END + STOP)
    assert [event for event in events if isinstance(event, ChoiceDelta)] == [
        ChoiceDelta(choice=0, message={"blocks": Raw(b"[" + json.dumps(server, separators=(",", ":")).encode() + b"]")})
    ]


def test_the_counts_are_cumulative() -> None:
    end = said("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 5, "input_tokens": 4})
    (last,) = [event for event in heard(START + HI + end + STOP) if isinstance(event, Finished)]
    assert last.usage == Usage(input_tokens=4, output_tokens=5)


@pytest.mark.parametrize(
    "broken",
    [
        said("error", error={"type": "overloaded_error", "message": "Overloaded"}),
        encode_event(b'{"type":"error","error":{"message":"Overloaded"}}'),
    ],
)
def test_an_error_in_band_breaks_the_stream(broken: bytes) -> None:
    decoder = Decoder()
    assert len(decoder.feed(START + HI + broken)) == 4
    with pytest.raises(StreamBroken, match=r"broke the stream off: Overloaded"):
        decoder.close()


@pytest.mark.parametrize("data", [START, START + HI, START + HI[:-20]])
def test_a_stream_that_is_cut_is_broken(data: bytes) -> None:
    with pytest.raises(StreamBroken, match="closed the stream before the end"):
        heard(data)


def test_a_stream_without_its_terminator_is_whole_once_it_says_why_it_stopped() -> None:
    assert heard(START + HI + END)[-1] == Finished(usage=Usage(input_tokens=3, output_tokens=5))


def test_a_terminator_without_a_reason_is_no_end() -> None:
    with pytest.raises(StreamBroken, match="without the stop_reason"):
        heard(START + HI + STOP)


@pytest.mark.parametrize(
    "garbage",
    [
        b"data: {\n\n",
        b"data: 5\n\n",
        said("content_block_delta", index=9, delta={"type": "text_delta", "text": "x"}),
        said("content_block_start", index=0, content_block=5),
        said("content_block_start", index=0, content_block={"type": "text"}),
        said("message_start", message=[]),
        said("content_block_start", index=0, content_block={"type": "text", "text": "x"}),
    ],
)
def test_what_cannot_be_read_breaks_the_stream(garbage: bytes) -> None:
    with pytest.raises(UpstreamInvalid):
        Decoder().feed(garbage)


def test_an_end_before_a_beginning_is_no_answer() -> None:
    with pytest.raises(UpstreamInvalid, match="before it held an answer"):
        Decoder().feed(END)


def test_events_to_come_are_passed_over() -> None:
    assert heard(START + said("message_weather", sun=1) + HI + END + STOP) == heard(START + HI + END + STOP)


def test_the_name_decides_where_no_type_is_said() -> None:
    untyped = encode_event(b'{"index":0,"delta":{"text":"Ho"}}', "content_block_delta")
    answer = fold(heard(START + HI.replace(b'"content_block_stop", "index": 0', b'"ping"') + untyped + END + STOP))
    assert answer.choices[0].parts == (Text(text="HiHo"),)


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_in_band_breaks_the_stream(kind: str) -> None:
    broken = said("error", error={"type": kind, "message": "Because"}, request_id="req_1")
    for spoken in (broken, broken.split(b"\n", 1)[1], encode_event(b'{"error":{"message":"Because"}}')):
        decoder = Decoder()
        decoder.feed(START + HI)
        with pytest.raises(StreamBroken, match=r"broke the stream off: (Because|our account was refused)$") as told:
            decoder.feed(spoken)
        assert ("Because" in told.value.message) == (told.value.kind not in OUR_ACCOUNT)


def test_a_terminator_of_another_protocol_is_passed_over() -> None:
    assert heard(START + HI + END + b"data: [DONE]\n\n") == heard(START + HI + END)


def test_empty_deltas_say_nothing() -> None:
    empty: list[dict[str, object]] = [
        {"type": "text_delta", "text": ""},
        {"type": "text_delta", "text": None},
        {"type": "text_delta"},
        {"type": "thinking_delta", "thinking": None},
        {"type": "input_json_delta", "partial_json": None},
        {"type": "signature_delta", "signature": ""},
    ]
    whole = {"type": "text_delta", "text": "Hi"}
    assert heard(START + block(0, {"type": "text", "text": ""}, *empty, whole) + END + STOP) == heard(
        START + HI + END + STOP
    )


def test_the_input_of_a_call_in_small_pieces_an_empty_one_first() -> None:
    spoken = '{"city": "K\\u00f6ln", "n": [1, 2.50]}'
    pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *spoken)]
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    assert fold(heard(START + block(0, call, *pieces) + END + STOP)).choices[0].parts == (
        ToolCall(id="t", name="f", arguments=spoken),
    )


@pytest.mark.parametrize("given", [{"a": 1}, {}, None])
def test_the_input_that_a_call_begins_with(given: object) -> None:
    call = {"type": "tool_use", "id": "t", "name": "f", "input": given}
    begun = said("content_block_start", index=0, content_block=call)
    for spoken in (block(0, call), begun):  # a block that is never stopped ends with the answer
        assert fold(heard(START + spoken + END + STOP)).choices[0].parts == (
            ToolCall(id="t", name="f", arguments="{}" if not given else '{"a": 1}'),
        )


def test_an_input_that_is_no_object_is_garbage() -> None:
    call = {"type": "tool_use", "id": "t", "name": "f", "input": [1]}
    with pytest.raises(UpstreamInvalid, match="input: found a list, expected an object"):
        heard(START + block(0, call))


def test_places_in_documents_are_kept_as_in_an_answer_that_is_not_streamed() -> None:
    page = {"type": "web_search_result_location", "url": "https://a", "title": "A", "cited_text": "x"}
    page["encrypted_index"] = "e"
    places: list[dict[str, object]] = [
        {"type": "char_location", "cited_text": "x", "document_index": 0, "start_char_index": 0, "end_char_index": 1},
        {"type": "page_location", "cited_text": "y", "document_index": 0, "start_page_number": 1, "end_page_number": 2},
        {"type": "content_block_location", "cited_text": "z", "document_index": 0},
        {"type": "search_result_location", "cited_text": "z", "source": "https://a"},
    ]
    deltas: list[dict[str, object]] = [{"type": "text_delta", "text": "Hi"}]
    deltas += [{"type": "citations_delta", "citation": cited} for cited in (page, *places)]
    streamed = fold(heard(START + block(0, {"type": "text", "text": "", "citations": []}, *deltas) + END + STOP))
    whole = {"type": "text", "text": "Hi", "citations": [page, *places]}
    told = {**MESSAGE, "content": [whole], "stop_reason": "end_turn"}
    answer = decode_response(json.dumps(told, separators=(",", ":")).encode())
    (text,) = streamed.choices[0].parts
    (same,) = answer.choices[0].parts
    assert isinstance(text, Text)
    assert isinstance(same, Text)
    assert text.citations == same.citations
    assert json.loads(bytes(text.extra["citations"])) == json.loads(bytes(same.extra["citations"])) == places


def test_a_tool_of_anthropics_own_is_told_with_its_input() -> None:
    server = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    found = {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"type": "web_search_result"}]}
    pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", '{"query"', ': "x"}')]
    answer = fold(heard(START + block(0, server, *pieces) + block(1, found) + HI + END + STOP)).choices[0]
    assert json.loads(bytes(answer.extra["message"])) == {"blocks": [{**server, "input": {"query": "x"}}, found]}
    assert answer.parts == (Text(text="Hi"),)


def test_a_delta_to_come_is_told_apart() -> None:
    odd = {"type": "smell_delta", "smell": "rose"}
    events = heard(START + block(0, {"type": "text", "text": "Hi"}, odd) + END + STOP)
    (told,) = [event for event in events if isinstance(event, ChoiceDelta)]
    assert json.loads(bytes(told.message["deltas"])) == [odd]


def test_counts_alone_end_nothing() -> None:
    counts = said("message_delta", delta={}, usage={"output_tokens": 2, "input_tokens": None})
    late = said("message_delta", delta={"stop_reason": None}, usage={"output_tokens": 7})
    assert heard(START + counts + HI + END + late + STOP)[:-1] == heard(START + HI + END + STOP)[:-1]
    assert heard(START + counts + HI + END + late + STOP)[-1] == Finished(usage=Usage(input_tokens=3, output_tokens=7))


def test_why_it_stopped_and_what_belongs_to_it() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": None}
    end = said("message_delta", delta={"stop_reason": "refusal", "stop_details": details, "container": {"id": "c"}})
    (ended,) = [event for event in heard(START + end + STOP) if isinstance(event, ChoiceEnded)]
    assert (ended.finish_reason, set(ended.extra)) == ("content_filter", {"stop_details", "container"})
    end = said("message_delta", delta={"stop_reason": "stop_sequence", "stop_sequence": "END"})
    (ended,) = [event for event in heard(START + end + STOP) if isinstance(event, ChoiceEnded)]
    assert (ended.finish_reason, set(ended.extra)) == ("stop", {"stop_reason", "stop_sequence"})
