from __future__ import annotations

import json

from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.openai_responses import codec
from gearshift.types.chat import Usage
from tests.unit.protocols.openai_responses.test_stream_decoder import END, HI, START

EDITS = ResponseEdits(model="small", usage=b'"cost":0.5', top=b'"gearshift":{"a":1}')


def test_only_the_model_and_the_last_event_change() -> None:
    relay = codec.relay("small")
    passed = relay.feed(START + HI + END)
    assert passed == START.replace(b'"gpt"', b'"small"') + HI
    assert (relay.content_seen, relay.complete, relay.ended) == (True, True, True)
    assert (relay.usage, relay.upstream_model) == (Usage(input_tokens=3, output_tokens=2), "gpt")
    said = json.loads(relay.end(EDITS, send_usage=True).split(b"data: ")[1])["response"]
    assert (said["model"], said["usage"]["cost"], said["gearshift"]) == ("small", 0.5, {"a": 1})


def test_a_stream_without_names_of_events_keeps_its_framing() -> None:
    relay = codec.relay("small")
    bare = b"".join(line + b"\n\n" for line in HI.split(b"\n") if line.startswith(b"data:"))
    assert relay.feed(START) + relay.feed(bare) == START.replace(b'"gpt"', b'"small"') + bare


def test_an_event_without_its_type_passes_under_the_callers_name() -> None:
    relay = codec.relay("small")
    assert relay.feed(b'data: {"response":{"model":"gpt"}}\n\n') == b'data: {"response":{"model":"small"}}\n\n'


def test_the_next_number_is_behind_that_of_what_was_passed_on_last() -> None:
    relay = codec.relay("small")
    assert relay.number == 0
    said = b'data: {"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a"%s}\n\n'
    relay.feed(START)
    relay.feed(said % b',"sequence_number":6')
    assert relay.number == 7
    relay.feed(b": still here\n\n")
    assert relay.number == 7
    for odd in (b"", b',"sequence_number":"x"'):
        relay.feed(said % odd)
        assert relay.number == 0
