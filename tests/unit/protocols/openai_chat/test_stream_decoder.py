from __future__ import annotations

import json

import pytest
from msgspec import Raw

from gearshift.errors import StreamBroken, UpstreamInvalid
from gearshift.protocols.fold import fold
from gearshift.protocols.openai_chat.stream_decoder import Decoder
from gearshift.protocols.sse import encode_event
from gearshift.types.chat import Citation, Reasoning, Text, ToolCall, Usage
from gearshift.types.stream import ChoiceDelta, ChoiceEnded, Event, Finished, PartDelta, PartEnded, PartStarted, Started

DONE = b"data: [DONE]\n\n"
STARTED = Started(protocol="openai_chat", id="r", model="m", created=7)


def chunk(delta: dict[str, object] | None = None, finish: str | None = None, **fields: object) -> bytes:
    choice: dict[str, object] = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    extra = {name: fields.pop(name) for name in ("logprobs", "native") if name in fields}
    whole: dict[str, object] = {"id": "r", "object": "chat.completion.chunk", "created": 7, "model": "m"}
    return encode_event(json.dumps(whole | {"choices": [choice | extra]} | fields, separators=(",", ":")).encode())


def call(index: int | None, arguments: str = "", **fields: object) -> dict[str, object]:
    function = {"arguments": arguments} | ({"name": "f"} if "id" in fields else {})
    numbered = {} if index is None else {"index": index}
    return {"tool_calls": [{**numbered, "function": function, **fields}]}


def heard(data: bytes, choices: int = 1) -> list[Event]:
    decoder = Decoder(choices)
    return decoder.feed(data) + decoder.close()


def test_a_text_in_deltas() -> None:
    counts = {"prompt_tokens": 3, "completion_tokens": 2}
    data = chunk({"role": "assistant", "content": ""}) + chunk({"content": "H"}) + chunk({"content": "i"})
    data += b": ping\n\n" + chunk(finish="stop") + chunk(choices=[], usage=counts) + DONE + chunk({"content": "late"})
    assert heard(data) == [
        STARTED,
        PartStarted(choice=0, part=0, kind="text"),
        PartDelta(choice=0, part=0, text="H"),
        PartDelta(choice=0, part=0, text="i"),
        PartEnded(choice=0, part=0),
        ChoiceEnded(choice=0, finish_reason="stop"),
        Finished(usage=Usage(input_tokens=3, output_tokens=2)),
    ]


def test_reasoning_text_refusal_and_calls_are_parts_of_their_own() -> None:
    data = chunk({"reasoning_content": "Hm", "content": None}) + chunk({"content": "Hi", "refusal": "No"})
    data += chunk(call(0, id="c")) + chunk(call(0, '{"a"')) + chunk(call(1, "{}", id="d")) + chunk(call(0, ":1}"))
    told = fold(heard(data + chunk({"content": "!"}) + chunk(finish="tool_calls") + DONE))
    assert [type(part).__name__ for part in told.choices[0].parts] == [
        "Reasoning",
        "Text",
        "Refusal",
        "ToolCall",
        "ToolCall",
    ]
    assert told.choices[0].parts[1] == Text(text="Hi!")
    assert told.choices[0].parts[3:] == (
        ToolCall(id="c", name="f", arguments='{"a":1}'),
        ToolCall(id="d", name="f", arguments="{}"),
    )


def test_calls_without_an_index_are_told_apart_by_their_ids() -> None:
    data = chunk(call(None, "{", id="c")) + chunk(call(None, "}")) + chunk(call(None, "[]", id="d"))
    told = fold(heard(data + chunk(finish="tool_calls") + DONE))
    assert told.choices[0].parts == (
        ToolCall(id="c", name="f", arguments="{}"),
        ToolCall(id="d", name="f", arguments="[]"),
    )


def test_a_custom_call_goes_on_in_its_extra() -> None:
    first = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "sh", "input": "l"}}
    data = chunk({"tool_calls": [first]}) + chunk({"tool_calls": [{"index": 0, "custom": {"input": "s"}}]})
    told = fold(heard(data + chunk(finish="tool_calls") + DONE))
    extra = {"id": Raw(b'"c"'), "type": Raw(b'"custom"'), "custom": Raw(b'{"name":"sh","input":"ls"}')}
    assert told.choices[0].parts == (ToolCall(id="c", name="sh", arguments="ls", extra=extra),)


def test_reasoning_details_are_strung_together() -> None:
    details = [{"text": "a", "index": 0}], [{"signature": "s", "index": 0}]
    data = chunk({"reasoning": "a", "reasoning_details": details[0]}) + chunk({"reasoning_details": details[1]})
    told = fold(heard(data + chunk({"content": "x"}) + chunk(finish="stop") + DONE))
    thought = told.choices[0].parts[0]
    assert isinstance(thought, Reasoning)
    assert thought.text == "a"
    assert json.loads(bytes(thought.extra["reasoning_details"])) == [*details[0], *details[1]]


def test_what_has_no_noun_is_told_once_unless_it_changes() -> None:
    data = chunk({"content": "a"}, native=None) + chunk({"content": "b", "annotations": [1]}, native=None)
    data += chunk({"audio": None}, native=2) + chunk(finish="stop", native=3) + chunk(native=None) + DONE
    deltas = [event for event in heard(data) if isinstance(event, ChoiceDelta | ChoiceEnded)]
    assert deltas == [
        ChoiceDelta(choice=0, extra={"native": Raw(b"null")}),
        ChoiceDelta(choice=0, message={"annotations": Raw(b"[1]")}),
        ChoiceDelta(choice=0, extra={"native": Raw(b"2")}),
        ChoiceEnded(choice=0, finish_reason="stop", extra={"native": Raw(b"3")}),
    ]


def test_logprobs_stand_with_their_text_or_alone() -> None:
    scores: dict[str, list[int]] = {"content": []}
    data = chunk({"content": "a"}, logprobs=scores) + chunk({"content": ""}, logprobs=scores) + chunk(finish="stop")
    events = heard(data + DONE)
    assert PartDelta(choice=0, part=0, text="a", logprobs=Raw(b'{"content":[]}')) in events
    assert ChoiceDelta(choice=0, logprobs=Raw(b'{"content":[]}')) in events


def test_content_that_is_no_text_is_kept() -> None:
    told = fold(heard(chunk({"content": [{"type": "thinking"}]}) + chunk(finish="stop") + DONE))
    assert told.choices[0].extra == {"message": Raw(b'{"content":[{"type":"thinking"}]}')}


def test_top_level_fields_come_with_the_start_or_the_end() -> None:
    data = chunk(id="", created=0, model="", choices=[], filters=[1]) + chunk({"content": "a"}, tier="x", pad=1)
    data += chunk(finish="stop", tier=None, pad=2, obfuscation="abc") + DONE
    events = heard(data)
    assert events[0] == Started(
        protocol="openai_chat",
        id="r",
        model="m",
        created=7,
        extra={"filters": Raw(b"[1]"), "tier": Raw(b'"x"'), "pad": Raw(b"1")},
    )
    assert events[-1] == Finished(extra={"pad": Raw(b"2")})


def test_a_finish_reason_without_a_noun_is_kept() -> None:
    assert ChoiceEnded(choice=0, finish_reason="stop", extra={"finish_reason": Raw(b'"eos"')}) in heard(
        chunk({"content": "x"}, "eos") + DONE
    )


def test_a_stream_without_a_terminator_ends_when_its_answers_have() -> None:
    assert heard(chunk({"content": "x"}, "stop"))[-1] == Finished()
    with pytest.raises(StreamBroken, match="closed the stream before the end"):
        heard(chunk({"content": "x"}, "stop"), choices=2)


def test_an_error_in_band_breaks_the_stream() -> None:
    with pytest.raises(StreamBroken, match="broke the stream off: Overloaded"):
        heard(chunk({"content": "x"}) + encode_event(b'{"error":{"message":"Overloaded"}}'))
    with pytest.raises(StreamBroken, match="finish_reason abort"):
        heard(chunk({"content": "x"}, "abort"))


@pytest.mark.parametrize(
    "spoken",
    [
        b"{",
        b"<html>",
        b'{"choices":5}',
        b'{"choices":[{"delta":5}]}',
        b'{"choices":[{"index":"zero"}]}',
        b'{"choices":[{"delta":{"content":"b","tool_calls":[{"index":0,"function":5}]}}]}',
    ],
)
def test_a_chunk_that_cannot_be_read_breaks_the_stream(spoken: bytes) -> None:
    decoder = Decoder()
    assert decoder.feed(chunk({"content": "x"})) != []
    with pytest.raises(UpstreamInvalid):
        decoder.feed(encode_event(spoken) + chunk(finish="stop") + DONE)


@pytest.mark.parametrize(
    "spoken",
    [
        b'data: {"object":"error","message":"Overloaded"}',
        b'data: {"message":"Overloaded"}',
        b'data: {"error":"Overloaded","choices":5}',
        b'event: error\ndata: {"message":"Overloaded"}',
    ],
)
def test_an_error_in_band_is_seen_in_any_shape(spoken: bytes) -> None:
    with pytest.raises(StreamBroken, match="broke the stream off: Overloaded"):
        heard(chunk({"content": "x"}) + spoken + b"\n\n" + DONE)


def test_a_terminator_without_a_finish_reason_is_no_end() -> None:
    with pytest.raises(StreamBroken, match="without the finish_reason"):
        heard(chunk({"content": "x"}) + DONE)
    assert heard(chunk({"content": "x"}, "stop") + b"data: [DONE]\n")[-1] == Finished()


def test_what_is_odd_beside_the_text_costs_none() -> None:
    data = chunk({"content": "a"}, id=5, model={"a": 1}, created="soon")
    data += b'data: {"tier":1,"choices":[{"index":0,"delta":{"content":"\\ud83d"}}],"tier":2}\n\n'
    told = fold(heard(data + chunk({"content": "c"}, "stop") + DONE))
    assert (told.id, told.choices[0].parts) == ("5", (Text(text="a\ufffdc"),))


def test_a_terminator_without_an_answer_is_none() -> None:
    with pytest.raises(UpstreamInvalid, match="ended before it held an answer"):
        heard(DONE)


def test_a_usage_that_cannot_be_does_not_hide_one_that_can() -> None:
    counts = {"prompt_tokens": 3, "completion_tokens": 2}
    data = chunk({"content": "a"}, "stop", usage=counts) + chunk(choices=[], usage={"prompt_tokens": -1})
    finished = heard(data + DONE)[-1]
    assert isinstance(finished, Finished)
    assert finished.usage == Usage(input_tokens=3, output_tokens=2)


def test_what_a_text_cites_is_told_with_it() -> None:
    page = {
        "type": "url_citation",
        "url_citation": {"url": "https://a", "title": "A", "start_index": 0, "end_index": 2},
    }
    events = heard(chunk({"content": "Hi"}) + chunk({"annotations": [page]}) + chunk(finish="stop"))
    assert fold(events).choices[0].parts == (
        Text(text="Hi", citations=(Citation(url="https://a", title="A", start=0, end=2),)),
    )
    before = heard(chunk({"annotations": [page]}) + chunk({"content": "Hi"}, "stop"))
    (early,) = [event for event in before if isinstance(event, ChoiceDelta)]
    assert json.loads(bytes(early.message["annotations"])) == [page]
