from __future__ import annotations

import json

from gearshift.protocols.anthropic_messages import codec
from gearshift.protocols.codec import ResponseEdits
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
