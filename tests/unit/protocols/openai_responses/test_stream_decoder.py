from __future__ import annotations

import json

import pytest
from msgspec import Raw

from gearshift.errors import StreamBroken, UpstreamInvalid
from gearshift.protocols.fold import fold
from gearshift.protocols.openai_responses.response import skeleton
from gearshift.protocols.openai_responses.stream_decoder import Decoder
from gearshift.protocols.sse import encode_event
from gearshift.types.chat import Reasoning, Text, ToolCall, Usage
from gearshift.types.stream import (
    ChoiceEnded,
    Event,
    Finished,
    PartDelta,
    PartEnded,
    PartStarted,
    Started,
)

HEAD = skeleton("resp_1", "gpt", 7)
USAGE = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}


def said(kind: str, **fields: object) -> bytes:
    return encode_event(json.dumps({"type": f"response.{kind}", "sequence_number": 0, **fields}).encode(), kind)


def added(index: int, **item: object) -> bytes:
    return said("output_item.added", output_index=index, item=item)


def done(index: int, **item: object) -> bytes:
    return said("output_item.done", output_index=index, item=item)


START = said("created", response=HEAD) + said("in_progress", response=HEAD)
END = said("completed", response={**HEAD, "status": "completed", "usage": USAGE})
HI = (
    added(0, type="message", id="m", role="assistant", content=[])
    + said("content_part.added", output_index=0, content_index=0, part={"type": "output_text", "text": ""})
    + said("output_text.delta", output_index=0, content_index=0, delta="Hi")
    + said("output_text.done", output_index=0, content_index=0, text="Hi")
    + done(0, type="message", id="m", role="assistant", content=[])
)


def heard(data: bytes) -> list[Event]:
    decoder = Decoder()
    return decoder.feed(data) + decoder.close()


def test_a_text() -> None:
    assert heard(START + HI + END) == [
        Started(protocol="openai_responses", id="resp_1", model="gpt", created=7),
        PartStarted(choice=0, part=0, kind="text"),
        PartDelta(choice=0, part=0, text="Hi"),
        PartEnded(choice=0, part=0),
        ChoiceEnded(choice=0, finish_reason="stop"),
        Finished(usage=Usage(input_tokens=3, output_tokens=2)),
    ]


@pytest.mark.parametrize(
    ("details", "reason"),
    [({"reason": "max_output_tokens"}, "length"), ({"reason": "content_filter"}, "content_filter")],
)
def test_an_answer_that_is_incomplete(details: object, reason: str) -> None:
    end = said("incomplete", response={**HEAD, "status": "incomplete", "incomplete_details": details})
    assert ChoiceEnded(choice=0, finish_reason=reason) in heard(START + HI + end)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "broken",
    [
        encode_event(b'{"type":"error","message":"down","code":"x"}', "error"),
        encode_event(b'{"type":"error","message":"down"}'),
        said("failed", response={**HEAD, "status": "failed", "error": {"code": "x", "message": "down"}}),
    ],
)
def test_an_error_in_band_breaks_the_stream(broken: bytes) -> None:
    decoder = Decoder()
    assert len(decoder.feed(START + HI + broken)) == 4
    with pytest.raises(StreamBroken, match="down"):
        decoder.close()


@pytest.mark.parametrize("data", [b"", START, START + HI, START + HI + END[:-20]])
def test_a_stream_that_is_cut_is_broken(data: bytes) -> None:
    with pytest.raises(StreamBroken, match="closed the stream before the end"):
        heard(data)


@pytest.mark.parametrize(
    "garbage",
    [
        b"data: {\n\n",
        b"data: 5\n\n",
        said("function_call_arguments.delta", output_index=4, delta="x"),
        said("output_item.added", output_index=0, item=5),
        said("created", response=[]),
    ],
)
def test_what_cannot_be_read_breaks_the_stream(garbage: bytes) -> None:
    with pytest.raises(UpstreamInvalid):
        Decoder().feed(garbage)


def test_events_to_come_and_terminators_of_others_are_passed_over() -> None:
    assert heard(START + said("weather") + HI + b"data: [DONE]\n\n" + END) == heard(START + HI + END)


def test_an_answer_that_is_told_at_the_end_only() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]}
    end = said("completed", response={**HEAD, "status": "completed", "output": [thought, call]})
    (choice,) = fold(heard(START + end)).choices
    assert choice.parts == (Reasoning(text="Hm"), ToolCall(id="c", name="f", arguments="{}"))
    assert choice.finish_reason == "tool_calls"


def test_half_a_surrogate_pair_passes_as_a_sign_for_it() -> None:
    data = added(0, type="message", content=[])
    data += encode_event(b'{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a\\ud83d"}')
    assert fold(heard(START + data + done(0, type="message") + END)).choices[0].parts == (Text(text="a\ufffd"),)


def test_a_call_without_its_id_breaks_the_stream() -> None:
    with pytest.raises(UpstreamInvalid, match="call_id: missing"):
        Decoder().feed(added(0, type="function_call", name="f"))


def test_an_item_that_is_told_at_its_end_only() -> None:
    data = done(0, type="message", content=[{"type": "output_text", "text": "Hi", "annotations": []}])
    assert fold(heard(START + data + END)).choices[0].parts == (Text(text="Hi"),)


def test_a_delta_that_is_no_text_breaks_the_stream() -> None:
    with pytest.raises(UpstreamInvalid, match="delta"):
        Decoder().feed(added(0, type="message") + said("output_text.delta", output_index=0, delta={"a": 1}))
    assert heard(START + said("weather.delta", delta={"a": 1}) + HI + END) == heard(START + HI + END)


def test_a_reason_for_an_early_end_that_is_not_known_is_kept() -> None:
    end = said("incomplete", response={**HEAD, "status": "incomplete", "incomplete_details": {"reason": "steered"}})
    *_, ended, finished = heard(START + HI + end)
    assert ended == ChoiceEnded(choice=0, finish_reason="length")
    assert isinstance(finished, Finished)
    assert finished.extra == {"incomplete_details": Raw(b'{"reason":"steered"}')}


def test_an_item_whose_beginning_is_not_said_is_told_all_the_same() -> None:
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}], "encrypted_content": "e"}
    data = said("reasoning_summary_text.delta", output_index=0, delta="Hm") + done(0, **thought)
    data += said("output_text.delta", output_index=1, delta="Hi")
    data += added(1, type="message") + done(1, type="message", content=[{"type": "output_text", "text": "Hi"}])
    assert fold(heard(START + data + END)).choices[0].parts == (
        Reasoning(text="Hm", signature="e", origin="openai_responses"),
        Text(text="Hi"),
    )
