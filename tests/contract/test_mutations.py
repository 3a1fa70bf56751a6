"""Change any one thing in what callers and providers say: it is taken or refused in words; nothing else happens."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gearshift import tokens
from gearshift.errors import InvalidRequest, UpstreamError
from gearshift.execution.handover import Heir, hand_over
from gearshift.protocols.codec import RequestEdits, ResponseEdits
from gearshift.protocols.crossing import Crossing, cross_request, cross_response
from gearshift.protocols.registry import CODECS
from gearshift.routing.eligible import needs
from gearshift.routing.session import in_turn, kept_state, previous
from gearshift.routing.task import task_of
from tests.contract.conversations import CONVERSATIONS
from tests.contract.unfold import unfold

EDITS: Final = RequestEdits(model="m", include_usage=True, max_output_tokens=4_096)
FEW: Final = tuple(each for each in CONVERSATIONS if len(str(each.messages)) + len(str(each.answer)) < 4_000)
NASTY: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.sampled_from(
        [0, -1, 10**6, 1e308, -0.0, 2**63, "", "x", "\ud800", "auto", "base64", [], {}, [[]], [None], {"type": "x"}]
    ),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.recursive(st.none() | st.text(max_size=2), lambda inner: st.lists(inner, max_size=2), max_leaves=3),
)
callers = pytest.mark.parametrize("name", tuple(CODECS))


def places(document: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the way to every node of a document."""
    yield path
    inner: Iterable[tuple[Any, object]] = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in inner:
        yield from places(value, (*path, key))


def mutated(data: st.DataObject, body: bytes) -> bytes:
    """Replace, take out or rename one node."""
    document = json.loads(body)
    path = data.draw(st.sampled_from([each for each in places(document) if each]))
    document = copy.deepcopy(document)
    at = document
    for key in path[:-1]:
        at = at[key]
    way = data.draw(st.sampled_from(["replace", "replace", "remove", "add"]))
    if way == "remove":
        del at[path[-1]]
    elif way == "add" and isinstance(at, dict):
        at[data.draw(st.sampled_from(["type", "id", "content", "role", "name", "odd"]))] = data.draw(NASTY)
    else:
        at[path[-1]] = data.draw(NASTY)
    return json.dumps(document).encode()


@callers
@settings(max_examples=200)
@given(data=st.data())
def test_a_request_is_told_to_everybody_or_refused_in_words(name: str, data: st.DataObject) -> None:
    codec = CODECS[name]
    conversation = data.draw(st.sampled_from(FEW))
    path = codec.path("m", stream=False).partition("?")[0]
    body = mutated(data, codec.encode_request(conversation.request(name, stream=False), EDITS).body)
    try:
        request = codec.decode_request(body, path)
    except InvalidRequest:
        return
    assert tokens.estimate(request) >= 0
    needs(request), task_of(request), in_turn(request), kept_state(request), previous(request)
    for upstream in CODECS.values():
        try:
            if upstream is codec:
                json.loads(codec.patch_request(body, EDITS))
            handed = hand_over(request, None, Heir(protocol=upstream.name, provider="p", window=500))
            said = cross_request(handed.request, upstream, EDITS)
            json.loads(said.body)
        except InvalidRequest:
            continue


@callers
@settings(max_examples=200)
@given(data=st.data())
def test_an_answer_is_told_to_everybody_or_refused_in_words(name: str, data: st.DataObject) -> None:
    codec = CODECS[name]
    conversation = data.draw(st.sampled_from(FEW))
    body = mutated(data, codec.encode_response(conversation.response).body)
    try:
        codec.peek_response(body)
        json.loads(codec.patch_response(body, ResponseEdits(model="m", usage=b'"cost":1')))
        response = codec.decode_response(body)
    except UpstreamError:
        return
    for caller in CODECS.values():
        if caller is codec:
            continue
        try:
            json.loads(cross_response(response, caller).body)
        except UpstreamError:
            continue


@callers
@settings(max_examples=200)
@given(data=st.data())
def test_a_stream_is_told_to_everybody_or_breaks_in_words(name: str, data: st.DataObject) -> None:
    codec = CODECS[name]
    conversation = data.draw(st.sampled_from(FEW))
    encoder = codec.stream_encoder(send_usage=True)
    *events, finished = unfold(conversation.response, 200)
    pieces = [encoder.feed(event) for event in events]
    pieces.append(encoder.end(finished, ResponseEdits(model="m")))  # type: ignore[arg-type]
    blocks = [block for block in b"".join(pieces).split(b"\n\n") if block]
    number = data.draw(st.integers(0, len(blocks) - 1))
    head, mark, payload = blocks[number].partition(b"data: ")
    if not mark or not payload.startswith(b"{"):
        return
    blocks[number] = head + mark + mutated(data, payload)
    stream = b"".join(block + b"\n\n" for block in blocks)
    for caller in CODECS.values():
        relay = codec.relay("m") if caller is codec else Crossing(codec, caller, "m")
        try:
            relay.feed(stream)
            if relay.failure is None:
                relay.close()
                relay.end(ResponseEdits(model="m", usage=b'"cost":1'), send_usage=True)
        except UpstreamError:
            continue
