from __future__ import annotations

import json

from gearshift.protocols.anthropic_messages import codec
from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.sse import encode_event
from gearshift.types.chat import Usage
from tests.unit.protocols.anthropic_messages.test_stream_decoder import END, HI, START, STOP

EDITS = ResponseEdits(model="small", usage=b'"cost":0.5', top=b'"gearshift":{"a":1}')


def test_only_the_model_and_the_last_counts_change() -> None:
    relay = codec.relay("small")
    passed = relay.feed(START + HI + END + STOP)
    assert passed == START.replace(b'"claude"', b'"small"') + HI
    assert (relay.content_seen, relay.complete, relay.ended) == (True, True, True)
    assert (relay.usage, relay.upstream_model) == (Usage(input_tokens=3, output_tokens=5), "claude")
    last, stop = relay.end(EDITS, send_usage=True).split(b"\n\n")[:2]
    delta = json.loads(last.removeprefix(b"event: message_delta\ndata: "))
    assert delta["usage"] == {"output_tokens": 5, "cost": 0.5}
    assert (delta["gearshift"], delta["delta"]["stop_reason"]) == ({"a": 1}, "end_turn")
    assert stop + b"\n\n" == STOP


def test_a_terminator_that_never_came_is_said() -> None:
    relay = codec.relay("small")
    relay.feed(START + HI + END)
    relay.close()
    assert relay.end(EDITS, send_usage=True).endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')


def unnamed(data: bytes) -> bytes:
    """Give a stream as servers say it that leave the names of events out."""
    return b"\n".join(line for line in data.split(b"\n") if not line.startswith(b"event:"))


def test_the_type_decides_where_events_have_no_name() -> None:
    relay = codec.relay("small")
    passed = relay.feed(unnamed(START + HI + END + STOP))
    assert passed == unnamed(START.replace(b'"claude"', b'"small"') + HI)
    last, stop = relay.end(EDITS, send_usage=True).split(b"\n\n")[:2]
    assert json.loads(last.removeprefix(b"data: "))["usage"]["cost"] == 0.5
    assert stop + b"\n\n" == unnamed(STOP)


def test_the_type_decides_where_the_name_says_otherwise() -> None:
    relay = codec.relay("small")
    relay.feed(START + HI + END.replace(b"event: message_delta", b"event: message_stop") + STOP)
    said = relay.end(EDITS, send_usage=True)
    assert (said.count(b'"cost":0.5'), said.count(b'{"type": "message_stop"}')) == (1, 1)


def test_a_terminator_of_another_protocol_is_none() -> None:
    relay = codec.relay("small")
    relay.feed(START + HI + END + b"data: [DONE]\n\n")
    relay.close()
    said = relay.end(EDITS, send_usage=True)
    assert (b"[DONE]" in said, said.count(b"event: message_stop")) == (False, 1)


def test_counts_on_the_way_hold_nothing_back() -> None:
    counts = encode_event(b'{"type":"message_delta","delta":{},"usage":{"output_tokens":2}}', "message_delta")
    relay = codec.relay("small")
    passed = relay.feed(START + counts + HI)
    assert passed.endswith(counts + HI)
    relay.feed(END + STOP)
    assert relay.usage == Usage(input_tokens=3, output_tokens=5)
    assert relay.end(EDITS, send_usage=True).count(b'"cost":0.5') == 1


def test_counts_behind_the_reason_are_the_last() -> None:
    counts = encode_event(b'{"type":"message_delta","delta":{},"usage":{"output_tokens":9}}', "message_delta")
    relay = codec.relay("small")
    relay.feed(START + HI + END + counts + STOP)
    assert relay.usage == Usage(input_tokens=3, output_tokens=9)
    said = relay.end(EDITS, send_usage=True).split(b"\n\n")
    assert [b'"cost":0.5' in event for event in said] == [False, True, False, False]
