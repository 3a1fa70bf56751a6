from __future__ import annotations

import json
import sys
from types import FrameType

import pytest

from gearshift.errors import StreamBroken, UpstreamInvalid
from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.openai_chat.relay import Relay
from gearshift.protocols.sse import ServerEvent, SSEParser, encode_event
from gearshift.types.chat import Usage

DONE = b"data: [DONE]\n\n"
COUNTS = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
COUNTED = Usage(input_tokens=3, output_tokens=2)
EDITS = ResponseEdits(model="small", usage=b'"cost":0.5', top=b'"gearshift":{}')


def chunk(delta: dict[str, object] | None = None, finish: str | None = None, **fields: object) -> bytes:
    choices = [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
    whole = {"id": "r", "created": 7, "model": "up-1", "choices": choices}
    return encode_event(json.dumps(whole | fields, separators=(",", ":")).encode())


USAGE_ONLY = chunk(choices=[], usage=COUNTS)


def said(data: bytes) -> list[dict[str, object]]:
    items = [item.data for item in SSEParser().feed(data) if isinstance(item, ServerEvent)]
    return [json.loads(item) for item in items if item != b"[DONE]"]


def ended(relay: Relay, *, send_usage: bool = True, edits: ResponseEdits = EDITS) -> list[dict[str, object]]:
    data = relay.end(edits, send_usage=send_usage)
    assert data.endswith(DONE)
    return said(data)


def test_a_stream_in_its_stages() -> None:
    relay = Relay("small")
    first = chunk({"role": "assistant", "content": ""})
    assert relay.feed(first) == first.replace(b"up-1", b"small")
    assert (relay.content_seen, relay.response_id, relay.upstream_model) == (False, "r", "up-1")
    hello = chunk({"content": "H\u00e9"})
    assert relay.feed(hello) == hello.replace(b"up-1", b"small")
    assert (relay.content_seen, relay.complete, relay.answer_bytes) == (True, False, 3)
    relay.feed(chunk(finish="stop"))
    assert (relay.complete, relay.ended, relay.finish_reason) == (True, False, "stop")
    assert relay.feed(USAGE_ONLY) == b""
    assert relay.usage == COUNTED
    assert relay.feed(DONE) == b""
    assert relay.ended
    assert relay.feed(chunk({"content": "late"})) == b""
    relay.close()
    assert ended(relay) == [
        {
            "id": "r",
            "created": 7,
            "model": "small",
            "choices": [],
            "usage": COUNTS | {"cost": 0.5},
            "gearshift": {},
        }
    ]


def test_a_choice_without_an_index_is_the_first() -> None:
    relay = Relay("small")
    relay.feed(
        chunk(choices=[{"index": None, "delta": {"content": "x"}, "finish_reason": "stop"}]) + b"data: [DONE] \n\n"
    )
    assert relay.ended


@pytest.mark.parametrize(
    "spoken",
    [
        b'{"model":"up-1","x":"up-1","choices":[]}',
        b'{ "x" : 1.50,\n "model" :  "up-1" , "choices":[ ]}',
        b'{"choices":[{"index":0,"delta":{"model":"up-1","content":"\\"model\\":\\"up-1\\""}}],"model":"up-1"}',
    ],
)
def test_only_the_model_changes_however_a_chunk_is_spelt(spoken: bytes) -> None:
    relay = Relay('a "b"')
    patched = json.loads(spoken) | {"model": 'a "b"'}
    for _ in range(2):
        [told] = said(relay.feed(encode_event(spoken)))
        assert told == patched


def test_chunks_that_begin_in_different_ways_are_all_patched() -> None:
    relay = Relay("small")
    models = ["up-1", "up-1", "up-12", "up-1", None, "up-1"]
    told = said(relay.feed(b"".join(chunk({"content": "x"}, model=model) for model in models)))
    assert [one["model"] for one in told] == ["small"] * len(models)
    assert relay.upstream_model == "up-1"


def test_a_chunk_without_a_model_or_choices_passes_as_it_is() -> None:
    data = b'data: {"id":"r","choices":[{"index":0,"delta":{}}]}\n\ndata: {"type":"ping"}\n\n'
    assert Relay("small").feed(data) == data


def test_framing_is_normalised_and_comments_pass() -> None:
    relay = Relay("small")
    spoken = b'event: message\r\nid: 4\r\ndata: {"choices":\r\ndata: []}\r\n\r\n: ping\r\n'
    assert relay.feed(spoken) == b'data: {"choices":\ndata: []}\n\n: ping\n\n'


@pytest.mark.parametrize(
    ("delta", "seen"),
    [
        ({"role": "assistant"}, False),
        ({"content": "", "reasoning": "", "tool_calls": []}, False),
        ({"content": None, "refusal": None}, False),
        ({"content": "x"}, True),
        ({"reasoning_content": "x"}, True),
        ({"reasoning": "x"}, True),
        ({"refusal": "x"}, True),
        ({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]}, True),
        ({"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]}, True),
    ],
)
def test_only_what_means_something_is_content(delta: dict[str, object], seen: bool) -> None:
    relay = Relay("small")
    relay.feed(chunk(delta))
    assert relay.content_seen is seen


def test_usage_beside_content_passes_and_is_said_again() -> None:
    relay = Relay("small")
    told = said(relay.feed(chunk({"content": "x"}, "stop", usage=COUNTS)))
    assert told[0]["usage"] == COUNTS
    assert ended(relay) == [
        {
            "id": "r",
            "object": "chat.completion.chunk",
            "created": 7,
            "model": "small",
            "choices": [],
            "usage": COUNTS | {"cost": 0.5},
            "gearshift": {},
        }
    ]


def test_usage_after_the_end_of_the_answer_is_held_even_with_choices() -> None:
    relay = Relay("small")
    relay.feed(chunk({"content": "x"}, "stop"))
    assert relay.feed(chunk({"content": ""}, usage=COUNTS)) == b""
    [last] = ended(relay)
    assert last["usage"] == COUNTS | {"cost": 0.5}
    assert last["choices"] != []


def test_usage_beside_an_answer_more_than_was_asked_for_passes() -> None:
    relay = Relay("small")
    relay.feed(chunk({"content": "x"}, "stop", usage=COUNTS))
    second = [{"index": 1, "delta": {"content": "y"}, "finish_reason": "stop"}]
    for late in (chunk({"content": "z"}, usage=COUNTS), chunk(choices=second, usage=COUNTS)):
        assert len(said(relay.feed(late))) == 1


def test_usage_that_cannot_be_is_unknown() -> None:
    relay = Relay("small")
    relay.feed(chunk({"content": "x"}, "stop", usage=COUNTS) + chunk(choices=[], usage={"prompt_tokens": -1}))
    assert relay.usage == COUNTED
    relay = Relay("small")
    relay.feed(chunk({"content": "x"}, "stop", usage="many"))
    assert relay.usage is None


@pytest.mark.parametrize(
    ("edits", "send_usage", "last"),
    [
        (ResponseEdits(model="m"), True, None),
        (ResponseEdits(model="m", usage=b'"cost":null'), True, {"cost": None}),
        (ResponseEdits(model="m", usage=b'"cost":null'), False, None),
        (ResponseEdits(model="m", counted=COUNTED), False, None),
    ],
)
def test_the_end_of_a_stream_that_said_no_usage(edits: ResponseEdits, send_usage: bool, last: object) -> None:
    relay = Relay("small")
    relay.feed(chunk({"content": "x"}, "stop") + DONE)
    assert [one["usage"] for one in ended(relay, edits=edits, send_usage=send_usage)] == (
        [] if last is None else [last]
    )


def test_what_was_counted_is_said_where_the_upstream_said_no_usage() -> None:
    relay = Relay("small")
    relay.feed(chunk({"content": "x"}, "stop") + DONE)
    [last] = ended(relay, edits=ResponseEdits(model="small", usage=b'"cost":0.5', counted=COUNTED))
    usage = last["usage"]
    assert isinstance(usage, dict)
    assert usage.items() >= (COUNTS | {"cost": 0.5}).items()


def test_a_caller_who_wants_no_usage_gets_none() -> None:
    relay = Relay("small")
    relay.feed(chunk({"content": "x"}, "stop") + USAGE_ONLY + DONE)
    assert ended(relay, send_usage=False, edits=ResponseEdits(model="small", usage=b'"cost":1')) == []
    [last] = ended(relay, send_usage=False)
    assert last["gearshift"] == {}
    assert "usage" not in last


def test_as_many_answers_must_end_as_were_asked_for() -> None:
    relay = Relay("small", 2)
    relay.feed(chunk({"content": "x"}, "stop"))
    assert not relay.complete
    relay.feed(chunk(choices=[{"index": 1, "delta": {"content": "y"}, "finish_reason": "length"}]))
    assert relay.complete
    assert relay.finish_reason == "stop"


def test_an_error_in_band_breaks_the_stream() -> None:
    relay = Relay("small")
    error = {"code": 502, "message": "Provider\ndisconnected"}
    with pytest.raises(StreamBroken, match="the upstream broke the stream off: Provider disconnected"):
        relay.feed(chunk({"content": ""}, "error", error=error))


@pytest.mark.parametrize(
    "spoken",
    [
        b'data: {"error":{}}',
        b'data: {"error":"x","choices":5}',
        b'data: {"error":{"code":1}}',
        b'data: {"object":"error","message":"out of memory"}',
        b'data: {"message":"overloaded","code":503}',
        b'data: {"detail":"overloaded"}',
        b'event: error\ndata: {"text":"overloaded"}',
        b"event: error\ndata: overloaded",
    ],
)
def test_an_error_in_band_is_seen_in_any_shape(spoken: bytes) -> None:
    relay = Relay("small")
    relay.feed(chunk({"content": "x"}))
    with pytest.raises((StreamBroken, UpstreamInvalid)):
        relay.feed(spoken + b"\n\n" + DONE)
    assert not relay.ended


@pytest.mark.parametrize("after", [b'data: {"error":"boom"}\n\n', b"data: {\n\n", b"data: [DONE]\n\n"])
def test_what_came_together_with_an_error_is_given_before_it(after: bytes) -> None:
    relay = Relay("small")
    assert [one["id"] for one in said(relay.feed(chunk({"content": "x"}) + after + DONE))] == ["r"]
    assert relay.failure is not None
    assert not relay.ended
    for _ in range(2):
        with pytest.raises(type(relay.failure)):
            relay.feed(chunk({"content": "y"}))


@pytest.mark.parametrize("cut", [b"data: [DONE]\n", b"data: [DONE]", b"data:[DONE]\r"])
def test_a_terminator_needs_no_blank_line_behind_it(cut: bytes) -> None:
    relay = Relay("small")
    relay.feed(chunk({"content": "x"}, "stop") + cut)
    assert not relay.ended
    relay.close()
    assert relay.ended


def test_such_a_terminator_is_held_to_the_same_rules() -> None:
    relay = Relay("small")
    relay.feed(chunk({"content": "x"}) + b"data: [DONE]\n")
    with pytest.raises(StreamBroken, match="without the finish_reason"):
        relay.close()


@pytest.mark.parametrize("odd", [5, 5.5, True, ["r"], {"a": 1}, None])
def test_an_odd_id_or_model_costs_no_text(odd: object) -> None:
    relay = Relay("small")
    told = said(relay.feed(chunk({"content": "x"}, id=odd, model=odd) * 2 + chunk({"content": "y"}, model="up-1")))
    assert [(one["id"], one["model"]) for one in told] == [(odd, "small"), (odd, "small"), ("r", "small")]
    assert relay.response_id == (str(odd) if isinstance(odd, int | float) and odd is not True else "r")
    assert relay.answer_bytes == 3


def test_a_key_that_is_there_twice_costs_no_text() -> None:
    relay = Relay("small")
    data = b'data: {"id":"r","tier":1,"model":"up-1","choices":[{"index":0,"delta":{"content":"x"}}],"tier":2}\n\n'
    for told in said(relay.feed(data * 2)):
        assert (told["tier"], told["model"]) == (2, "small")
    assert relay.answer_bytes == 2


@pytest.mark.parametrize("half", [b"\\ud83d", b"\\uDE00", b"a\\\\\\uD83D", b"\\ud83d\\ud83d\\ude00"])
def test_half_a_surrogate_pair_passes_byte_for_byte(half: bytes) -> None:
    relay = Relay("small")
    data = b'data: {"id":"r","model":"small","choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % half
    assert relay.feed(data * 2) == data * 2
    assert relay.content_seen


def test_an_answer_that_failed_breaks_the_stream() -> None:
    with pytest.raises(StreamBroken, match="finish_reason insufficient_system_resource"):
        Relay("small").feed(chunk(finish="insufficient_system_resource"))


def test_an_end_before_the_answers_end_is_broken() -> None:
    relay = Relay("small")
    relay.feed(chunk({"content": "x"}))
    with pytest.raises(StreamBroken, match="closed the stream before the end of its answer"):
        relay.close()


def test_a_terminator_without_an_answer_is_none() -> None:
    with pytest.raises(UpstreamInvalid, match="ended before it held an answer"):
        Relay("small").feed(DONE)


@pytest.mark.parametrize("delta", [{"role": "assistant"}, {"content": "x"}])
def test_a_terminator_without_a_finish_reason_is_no_end(delta: dict[str, object]) -> None:
    relay = Relay("small")
    relay.feed(chunk(delta))
    with pytest.raises(StreamBroken, match="without the finish_reason"):
        relay.feed(DONE)
    assert not relay.complete


BROKEN = [
    b"{",
    b"<html>",
    b"[]",
    b"5",
    b'{"choices":5}',
    b'{"choices":[{"delta":"x"}]}',
    b'{"choices":[{"delta":{"content":"\\q"}}]}',
    b'{"choices":' + b"[" * 5000 + b"]" * 5000 + b"}",
]


@pytest.mark.parametrize("spoken", BROKEN)
def test_a_chunk_that_cannot_be_read_breaks_the_stream(spoken: bytes) -> None:
    relay = Relay("small")
    relay.feed(chunk({"content": "x"}))
    with pytest.raises(UpstreamInvalid, match="found a chunk that cannot be read: "):
        relay.feed(encode_event(spoken) + chunk(finish="stop") + DONE)


def test_an_empty_chunk_is_none() -> None:
    assert Relay("small").feed(b"data:\n\ndata:  \n\n") == b""


def test_a_usage_without_counts_is_told_what_was_counted() -> None:
    relay = Relay("small")
    relay.feed(chunk({"content": "x"}, "stop") + chunk(choices=[], usage={}) + DONE)
    [last] = ended(relay, edits=ResponseEdits(model="small", usage=b'"cost":0.5', counted=COUNTED))
    usage = last["usage"]
    assert isinstance(usage, dict)
    assert usage.items() >= (COUNTS | {"cost": 0.5}).items()


def test_the_work_for_a_fragment_does_not_grow_with_the_stream() -> None:
    def steps(relay: Relay) -> int:
        calls = 0

        def count(_frame: FrameType, event: str, _argument: object) -> None:
            nonlocal calls
            calls += event in {"call", "c_call"}

        sys.setprofile(count)
        relay.feed(fragment)
        sys.setprofile(None)
        return calls

    fragment = chunk({"tool_calls": [{"index": 0, "function": {"arguments": "x" * 50}}]})
    relay = Relay("small")
    relay.feed(fragment)
    early = steps(relay)
    for _ in range(1_000):
        relay.feed(fragment)
    assert steps(relay) == early
