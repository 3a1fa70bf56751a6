from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from msgspec import Raw

from gearshift.errors import StreamBroken, UpstreamInvalid
from gearshift.protocols.anthropic_messages.stream_decoder import Decoder
from gearshift.protocols.fold import fold
from gearshift.protocols.sse import encode_event
from gearshift.types.chat import Citation, Reasoning, Text, ToolCall, Usage
from gearshift.types.stream import ChoiceDelta, ChoiceEnded, Event, Finished, PartDelta, PartEnded, PartStarted, Started

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
    with pytest.raises(StreamBroken, match="broke the stream off: Overloaded"):
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
