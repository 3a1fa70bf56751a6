"""Hold the Messages API's codec to its word with what is hostile: odd values anywhere are refused in words or pass."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gearshift.errors import InvalidRequest, UpstreamError
from gearshift.protocols.codec import Codec, RequestEdits, ResponseEdits
from gearshift.protocols.crossing import Crossing, cross_request, cross_response
from gearshift.protocols.registry import CODECS
from gearshift.protocols.sse import ServerEvent, SSEParser
from tests.contract.test_messages_answers import ANSWERS, EVENT, OTHERS, OWN, streamed
from tests.contract.test_messages_requests import FIELDS

ODD: Final = (
    *(b"null", b"5", b"-1", b"1e400", b"true", b'""', b'" "', b'"x"', b'"\\ud83d"', b"[]", b"[5]", b"[{}]", b"{}"),
    *(b'{"type":"x"}', b'"message_delta"', b'"content_block_start"', b'"tool_use"', b'"{"'),
)
VALUE: Final = re.compile(rb':\s?("(?:[^"\\]|\\.)*"|\d+(?:\.\d+)?|null|true|false|\{\}|\[\])')
EDITS: Final = ResponseEdits(model="m", usage=b'"cost":1')
codecs = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)


@st.composite
def spoilt(draw: st.DrawFn, whole: bytes) -> bytes:
    """Give JSON, or a stream of it, with up to three values replaced by odd ones, and an event left out."""
    for _ in range(draw(st.integers(1, 3))):
        begin, end = draw(st.sampled_from([found.span(1) for found in VALUE.finditer(whole)]))
        whole = whole[:begin] + draw(st.sampled_from(ODD)) + whole[end:]
    events = whole.split(b"\n\n")
    if len(events) > 2 and draw(st.booleans()):
        del events[draw(st.integers(0, len(events) - 1))]
    return b"\n\n".join(events)


def told(upstream: Codec, caller: Codec, data: bytes) -> bytes:
    relay = upstream.relay("m") if upstream is caller else Crossing(upstream, caller, "m")
    passed = relay.feed(data)
    relay.close()
    return passed + relay.end(EDITS, send_usage=True)


@codecs
@settings(max_examples=150)
@given(data=st.data(), name=st.sampled_from(sorted(ANSWERS)))
def test_an_odd_stream_is_refused_in_words_or_told(codec: Codec, data: st.DataObject, name: str) -> None:
    stream = data.draw(spoilt(streamed(ANSWERS[name])))
    with suppress(UpstreamError):
        assert told(OWN, codec, stream)


@codecs
@settings(max_examples=150)
@given(data=st.data(), name=st.sampled_from(sorted(ANSWERS)))
def test_an_odd_answer_is_refused_in_words_or_told(codec: Codec, data: st.DataObject, name: str) -> None:
    body = data.draw(spoilt(json.dumps(ANSWERS[name]).encode()))
    with suppress(UpstreamError):
        assert cross_response(OWN.decode_response(body), codec).body


@codecs
@settings(max_examples=150)
@given(data=st.data(), name=st.sampled_from(sorted(FIELDS)))
def test_an_odd_request_is_refused_in_words_or_said(codec: Codec, data: st.DataObject, name: str) -> None:
    body = data.draw(spoilt(json.dumps(FIELDS[name]).encode()))
    with suppress(InvalidRequest):
        assert cross_request(OWN.decode_request(body), codec, RequestEdits(model="up")).body


@pytest.mark.parametrize("upstream", OTHERS, ids=lambda codec: codec.name)
@settings(max_examples=150)
@given(data=st.data(), name=st.sampled_from(sorted(ANSWERS)))
def test_blocks_are_counted_without_a_gap_whatever_comes(upstream: Codec, data: st.DataObject, name: str) -> None:
    stream = data.draw(spoilt(told(OWN, upstream, streamed(ANSWERS[name]))))
    try:
        passed = told(upstream, OWN, stream)
    except UpstreamError:
        return
    said = [json.loads(item.data) for item in SSEParser().feed(passed) if isinstance(item, ServerEvent)]
    for event in said:
        if event["type"] != "message_delta":  # of which the counts may be unknown, and null
            EVENT.validate_python(event)
    begun = [event["index"] for event in said if event["type"] == "content_block_start"]
    assert begun == list(range(len(begun)))
