"""Hold every codec to the laws: what is said and heard again is the same, streamed or not, however it is split."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.errors import StreamBroken
from gearshift.protocols.codec import Codec, RequestEdits, ResponseEdits
from gearshift.protocols.fold import fold
from gearshift.protocols.openai_chat import OpenAIChat
from gearshift.types.catalog import EXTENSIONS, Quirks
from gearshift.types.chat import Request, Response
from gearshift.types.stream import Event, Finished
from tests.contract import nouns
from tests.contract.unfold import unfold

ALL = Quirks(extensions=EXTENSIONS)
CODECS: list[Codec] = [OpenAIChat()]
codecs = pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)


def stream_of(codec: Codec, response: Response, size: int = 3, *, send_usage: bool = True) -> bytes:
    encoder = codec.stream_encoder(send_usage=send_usage)
    *events, finished = unfold(response, size)
    assert isinstance(finished, Finished)
    said = b"".join(encoder.feed(event) for event in events)
    return said + encoder.end(finished, ResponseEdits(model=response.model))


def heard(codec: Codec, pieces: list[bytes], choices: int = 1) -> list[Event]:
    decoder = codec.stream_decoder(choices)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


cuts = st.lists(st.integers(0, 1 << 20), max_size=8)


@codecs
@given(request=nouns.requests())
def test_a_request_said_is_heard_as_it_was(codec: Codec, request: Request) -> None:
    body = codec.encode_request(request, RequestEdits(model=request.model, quirks=ALL)).body
    assert codec.decode_request(body) == request


@codecs
@given(request=nouns.requests())
def test_a_patch_to_the_same_model_changes_no_byte(codec: Codec, request: Request) -> None:
    edits = RequestEdits(model=request.model, quirks=ALL)
    body = codec.encode_request(request, edits).body
    assert codec.patch_request(body, edits) == body


@codecs
@given(request=nouns.requests(), model=nouns.words)
def test_a_patched_request_differs_by_its_model_only(codec: Codec, request: Request, model: str) -> None:
    body = codec.encode_request(request, RequestEdits(model=request.model, quirks=ALL)).body
    patched = codec.decode_request(codec.patch_request(body, RequestEdits(model=model)))
    assert patched == msgspec.structs.replace(request, model=model)


@codecs
@given(response=nouns.responses())
def test_a_response_said_is_heard_as_it_was(codec: Codec, response: Response) -> None:
    assert codec.decode_response(codec.encode_response(response).body) == response


@codecs
@given(response=nouns.responses())
def test_a_patched_response_differs_by_what_was_asked_only(codec: Codec, response: Response) -> None:
    edits = ResponseEdits(model="other", usage=b'"cost":0.25', top=b'"gearshift":{"router":"auto"}')
    body = codec.encode_response(response).body
    assert codec.patch_response(body, ResponseEdits(model=response.model)) == body
    patched = msgspec.json.decode(codec.patch_response(body, edits))
    expected = msgspec.json.decode(body) | {"model": "other", "gearshift": {"router": "auto"}}
    expected["usage"] = (expected.get("usage") or {}) | {"cost": 0.25}
    assert patched == expected


@codecs
@given(response=nouns.responses())
def test_the_peek_sees_what_decoding_sees(codec: Codec, response: Response) -> None:
    peek = codec.peek_response(codec.encode_response(response).body)
    assert (peek.usage, peek.response_id, peek.upstream_model) == (response.usage, response.id, response.model)
    assert peek.finish_reason == response.choices[0].finish_reason
    assert peek.answer_bytes == spoken_bytes(response)


@codecs
@given(response=nouns.responses(), size=st.integers(1, 5))
def test_a_stream_folds_to_the_response_that_is_not_streamed(codec: Codec, response: Response, size: int) -> None:
    assert fold(unfold(response, size)) == response
    events = heard(codec, [stream_of(codec, response, size)], len(response.choices))
    assert fold(events) == codec.decode_response(codec.encode_response(response).body) == response


@codecs
@given(response=nouns.responses(), cuts=cuts)
def test_any_split_gives_the_same_events(codec: Codec, response: Response, cuts: list[int]) -> None:
    data, n = stream_of(codec, response), len(response.choices)
    assert heard(codec, split(data, cuts), n) == heard(codec, [data], n)


@codecs
@given(response=nouns.responses(), cuts=cuts)
def test_any_split_relays_the_same_bytes(codec: Codec, response: Response, cuts: list[int]) -> None:
    data, n = stream_of(codec, response), len(response.choices)
    edits = ResponseEdits(model="small", usage=b'"cost":null')
    relayed = []
    for pieces in (split(data, cuts), [data]):
        relay = codec.relay("small", n)
        passed = b"".join([relay.feed(piece) for piece in pieces])
        relay.close()
        relayed.append(passed + relay.end(edits, send_usage=True))
    assert relayed[0] == relayed[1]


@codecs
@given(response=nouns.responses())
def test_a_relayed_stream_says_the_same_under_another_name(codec: Codec, response: Response) -> None:
    n = len(response.choices)
    relay = codec.relay("small", n)
    passed = relay.feed(stream_of(codec, response))
    assert relay.ended
    assert relay.complete
    facts = (relay.usage, relay.response_id, relay.upstream_model, relay.answer_bytes)
    assert facts == (response.usage, response.id, response.model, spoken_bytes(response))
    passed += relay.end(ResponseEdits(model="small"), send_usage=True)
    assert fold(heard(codec, [passed], n)) == msgspec.structs.replace(response, model="small")


@codecs
@given(response=nouns.responses(), cut=st.integers(0, 1 << 20))
def test_a_stream_cut_anywhere_is_whole_or_broken_never_a_clean_part(
    codec: Codec, response: Response, cut: int
) -> None:
    data, n = stream_of(codec, response), len(response.choices)
    part = data[: cut % len(data)]
    relay = codec.relay(response.model, n)
    passed = relay.feed(part)
    assert stream_of(codec, response).startswith(passed)
    try:
        relay.close()
    except StreamBroken:
        assert not relay.complete
        return
    whole = passed + relay.end(ResponseEdits(model=response.model), send_usage=True)
    told = fold(heard(codec, [whole], n))
    assert told.choices == response.choices


def spoken_bytes(response: Response) -> int:
    """Give the UTF-8 bytes of the answers' texts and tool arguments."""
    texts = [getattr(part, "text", getattr(part, "arguments", "")) for c in response.choices for part in c.parts]
    return len("".join(texts).encode())
