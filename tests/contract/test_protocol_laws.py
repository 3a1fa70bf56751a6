"""Hold all protocols to the laws: what can be said is heard as it was, what cannot is told, in every pair of them."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gearshift.errors import InvalidRequest, StreamBroken, UpstreamInvalid
from gearshift.protocols.codec import RequestEdits, ResponseEdits
from gearshift.protocols.crossing import Crossing, cross_request, cross_response
from gearshift.protocols.fold import fold
from gearshift.types.chat import Media, Part, Reasoning, Refusal, Request, Response, Text, ToolCall, ToolResult
from gearshift.types.stream import Event, Finished
from tests.contract.test_codec_laws import cuts, split
from tests.contract.tongues import ALL, CALLERS, TONGUES, Tongue, edits, requests, responses
from tests.contract.unfold import unfold

tongues = pytest.mark.parametrize("tongue", TONGUES, ids=lambda tongue: tongue.name)
pairs = pytest.mark.parametrize(
    ("caller", "upstream"), tuple(product(CALLERS, TONGUES)), ids=lambda tongue: tongue.name
)


def stream_of(tongue: Tongue, response: Response, size: int = 3) -> bytes:
    encoder = tongue.codec.stream_encoder(send_usage=True)
    *events, finished = unfold(response, size)
    assert isinstance(finished, Finished)
    said = b"".join(encoder.feed(event) for event in events)
    return said + encoder.end(finished, ResponseEdits(model=response.model))


def heard(tongue: Tongue, pieces: list[bytes], choices: int) -> list[Event]:
    decoder = tongue.codec.stream_decoder(choices)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


@tongues
@settings(max_examples=60)
@given(data=st.data())
def test_a_request_said_is_heard_as_it_was(tongue: Tongue, data: st.DataObject) -> None:
    request = data.draw(requests(tongue))
    said = tongue.codec.encode_request(request, edits(request))
    assert said.losses == ()
    path = tongue.codec.path(request.model, stream=request.stream)
    told = tongue.codec.decode_request(said.body, path)
    assert len(told.places) in {0, len(told.messages)}
    assert msgspec.structs.replace(told, places=()) == request


@tongues
@settings(max_examples=60)
@given(data=st.data())
def test_a_patch_to_the_same_model_changes_no_byte(tongue: Tongue, data: st.DataObject) -> None:
    request = data.draw(requests(tongue))
    body = tongue.codec.encode_request(request, edits(request)).body
    assert tongue.codec.patch_request(body, RequestEdits(model=request.model, quirks=ALL)) == body


@tongues
@settings(max_examples=60)
@given(data=st.data())
def test_a_response_said_is_heard_as_it_was(tongue: Tongue, data: st.DataObject) -> None:
    response = data.draw(responses(tongue))
    said = tongue.codec.encode_response(response)
    assert said.losses == ()
    assert tongue.codec.decode_response(said.body) == response
    peek = tongue.codec.peek_response(said.body)
    named = (response.id or None, response.model or None)
    assert (peek.usage, peek.response_id, peek.upstream_model) == (response.usage, *named)
    assert peek.finish_reason == response.choices[0].finish_reason


@tongues
@settings(max_examples=60)
@given(data=st.data())
def test_a_patched_response_differs_by_what_was_asked_only(tongue: Tongue, data: st.DataObject) -> None:
    response = data.draw(responses(tongue))
    body = tongue.codec.encode_response(response).body
    assert tongue.codec.patch_response(body, ResponseEdits(model=response.model)) == body
    added = ResponseEdits(model="other", usage=b'"cost":0.25', top=b'"gearshift":{"router":"auto"}')
    patched = msgspec.json.decode(tongue.codec.patch_response(body, added))
    assert patched.pop("gearshift") == {"router": "auto"}
    assert (patched.get("usage") or patched["usageMetadata"]).pop("cost") == 0.25
    named = msgspec.structs.replace(response, model="other")
    assert patched == msgspec.json.decode(tongue.codec.encode_response(named).body)


@tongues
@settings(max_examples=60)
@given(data=st.data(), size=st.integers(1, 5), cuts=cuts)
def test_a_stream_folds_to_the_response_however_it_is_split(
    tongue: Tongue, data: st.DataObject, size: int, cuts: list[int]
) -> None:
    response = data.draw(responses(tongue))
    said, count = stream_of(tongue, response, size), len(response.choices)
    whole = heard(tongue, [said], count)
    assert fold(whole) == response
    assert heard(tongue, split(said, cuts), count) == whole


@tongues
@settings(max_examples=60)
@given(data=st.data(), cuts=cuts)
def test_a_relayed_stream_says_the_same_under_another_name(
    tongue: Tongue, data: st.DataObject, cuts: list[int]
) -> None:
    response = data.draw(responses(tongue))
    said, count = stream_of(tongue, response), len(response.choices)
    added = ResponseEdits(model="small", usage=b'"cost":0.25', top=b'"gearshift":{"router":"auto"}')
    relayed = []
    for pieces in ([said], split(said, cuts)):
        relay = tongue.codec.relay("small", count)
        passed = b"".join([relay.feed(piece) for piece in pieces])
        relay.close()
        assert (relay.complete, relay.ended) == (True, True)
        named = (response.id or None, response.model or None)
        assert (relay.usage, relay.response_id, relay.upstream_model) == (response.usage, *named)
        relayed.append(passed + relay.end(added, send_usage=True))
    assert relayed[0] == relayed[1]
    assert b'"cost":0.25' in relayed[0]
    assert b'"gearshift":{"router":"auto"}' in relayed[0]
    told = fold(heard(tongue, [relayed[0]], count))
    assert (told.choices, told.usage) == (response.choices, response.usage)
    assert told.model == ("small" if tongue.named else "")


@tongues
@settings(max_examples=60)
@given(data=st.data(), cut=st.integers(0, 1 << 20))
def test_a_stream_cut_anywhere_is_whole_or_broken_never_a_clean_part(
    tongue: Tongue, data: st.DataObject, cut: int
) -> None:
    response = data.draw(responses(tongue))
    said, count = stream_of(tongue, response), len(response.choices)
    relay = tongue.codec.relay(response.model, count)
    passed = relay.feed(said[: cut % len(said)])
    try:
        relay.close()
    except StreamBroken:
        return
    whole = passed + relay.end(ResponseEdits(model=response.model), send_usage=True)
    assert fold(heard(tongue, [whole], count)).choices == response.choices


@pairs
@settings(max_examples=15)
@given(data=st.data())
def test_a_request_crosses_whole_or_says_what_was_lost(caller: Tongue, upstream: Tongue, data: st.DataObject) -> None:
    request = data.draw(requests(caller))
    try:
        said = cross_request(request, upstream.codec, RequestEdits(model="up", max_output_tokens=99, quirks=ALL))
    except InvalidRequest:
        return
    path = upstream.codec.path("up", stream=request.stream)
    told = upstream.codec.decode_request(said.body, path)
    assert (said.losses != ()) or same(told) == same(request)
    assert {loss.field for loss in said.losses} >= set(request.extra)


def same(request: Request) -> Request:
    """Give a request as every protocol means it: names of forms and of results, and defaults, apart."""
    form = request.response_format
    if form is not None:
        form = None if form.kind == "text" else msgspec.structs.replace(form, name=None, strict=None)
    messages = tuple(
        msgspec.structs.replace(
            message,
            parts=tuple(_same(part) for part in message.parts),
        )
        for message in request.messages
    )
    tools = tuple(msgspec.structs.replace(tool, strict=tool.strict or None) for tool in request.tools)
    return msgspec.structs.replace(
        request, protocol="", model="", messages=messages, places=(), tools=tools, response_format=form, extra={}
    )


def _same(part: Part) -> Part:
    match part:
        case ToolResult():
            return msgspec.structs.replace(part, name=None, is_error=part.is_error or None)
        case Media(url=str()):
            return msgspec.structs.replace(part, media_type=None)
        case _:
            return part


@pairs
@settings(max_examples=15)
@given(data=st.data(), size=st.integers(1, 4), cuts=cuts)
def test_a_stream_crosses_to_what_its_twin_that_is_not_streamed_crosses_to(
    caller: Tongue, upstream: Tongue, data: st.DataObject, size: int, cuts: list[int]
) -> None:
    response = data.draw(responses(upstream, plain=True))
    said = stream_of(upstream, response, size)
    crossing = Crossing(upstream.codec, caller.codec, response.model)
    passed = b"".join([crossing.feed(piece) for piece in split(said, cuts)])
    crossing.close()
    passed += crossing.end(ResponseEdits(model=response.model, usage=b'"cost":0.25'), send_usage=True)
    assert b'"cost":0.25' in passed
    streamed = fold(heard(caller, [passed], 1))
    body = cross_response(upstream.codec.decode_response(upstream.codec.encode_response(response).body), caller.codec)
    whole = caller.codec.decode_response(body.body)
    assert words(streamed) == words(whole) == words(response)
    assert streamed.usage == whole.usage == response.usage


def words(response: Response) -> list[tuple[object, ...]]:
    """Give what an answer says: its texts, calls and reason."""
    said = [[(type(part).__name__, _word(part)) for part in choice.parts] for choice in response.choices]
    return [(choice.finish_reason, parts) for choice, parts in zip(response.choices, said, strict=True)]


def _word(part: Part) -> str:
    match part:
        case Text() | Reasoning() | Refusal():
            return part.text
        case ToolCall():
            return part.arguments
        case _:
            raise AssertionError(part)


@pairs
@settings(max_examples=15)
@given(data=st.data(), cut=st.integers(0, 1 << 20))
def test_a_crossing_cut_anywhere_is_whole_or_broken(
    caller: Tongue, upstream: Tongue, data: st.DataObject, cut: int
) -> None:
    response = data.draw(responses(upstream, plain=True))
    said = stream_of(upstream, response)
    crossing = Crossing(upstream.codec, caller.codec, response.model)
    passed = crossing.feed(said[: cut % len(said)])
    try:
        crossing.close()
    except StreamBroken:
        return
    whole = passed + crossing.end(ResponseEdits(model=response.model), send_usage=True)
    assert words(fold(heard(caller, [whole], 1))) == words(response)


@pairs
@settings(max_examples=15)
@given(data=st.data())
def test_thinking_comes_back_to_its_signer_through_any_caller(
    caller: Tongue, upstream: Tongue, data: st.DataObject
) -> None:
    """A signature survives the caller's protocol, and no other upstream is ever sent it."""
    response = data.draw(responses(upstream, plain=True))
    told = caller.codec.decode_response(cross_response(response, caller.codec).body)
    signed = [part.signature for part in response.choices[0].parts if hasattr(part, "signature") and part.signature]
    heard_of = [part.signature for part in told.choices[0].parts if hasattr(part, "signature") and part.signature]
    if caller.signed or not signed:
        assert heard_of == signed


@tongues
@settings(max_examples=60)
@given(garbage=st.binary(max_size=60))
def test_garbage_is_refused_in_words(tongue: Tongue, garbage: bytes) -> None:
    with pytest.raises(InvalidRequest):
        tongue.codec.decode_request(garbage, "/v1beta/models/m:generateContent")
    with pytest.raises(UpstreamInvalid):
        tongue.codec.decode_response(garbage)
