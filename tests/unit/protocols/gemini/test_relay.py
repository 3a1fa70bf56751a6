from __future__ import annotations

import json

import pytest

from gearshift.errors import StreamBroken, UpstreamInvalid
from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.gemini import codec
from gearshift.protocols.sse import ServerEvent, SSEParser, encode_event
from gearshift.types.chat import Usage

COUNTS = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
COUNTED = Usage(input_tokens=3, output_tokens=2)
EDITS = ResponseEdits(model="small", usage=b'"cost":0.5', top=b'"gearshift":{}')


def piece(*parts: object, finish: str | None = None, **fields: object) -> bytes:
    candidate: dict[str, object] = {"content": {"parts": parts, "role": "model"}}
    whole = {"candidates": [candidate | ({"finishReason": finish} if finish else {})], "modelVersion": "up-1"}
    return encode_event(json.dumps(whole | {"responseId": "r"} | fields, separators=(",", ":")).encode())


def said(data: bytes) -> list[dict[str, object]]:
    return [json.loads(item.data) for item in SSEParser().feed(data) if isinstance(item, ServerEvent)]


def test_a_stream_in_its_stages() -> None:
    relay = codec.relay("small")
    first = piece({"text": "H\u00e9"})
    assert relay.feed(first) == first.replace(b"up-1", b"small")
    assert (relay.content_seen, relay.complete, relay.answer_bytes) == (True, False, 3)
    assert (relay.response_id, relay.upstream_model, relay.usage) == ("r", "up-1", None)
    last = piece({"text": "!"}, finish="STOP", usageMetadata=COUNTS)
    assert relay.feed(last) == b""
    assert (relay.complete, relay.ended, relay.finish_reason, relay.usage) == (True, True, "stop", COUNTED)
    assert relay.feed(piece({"text": "late"})) == b""
    relay.close()
    told = said(relay.end(EDITS, send_usage=True))
    assert told == [
        {
            **said(last)[0],
            "modelVersion": "small",
            "usageMetadata": COUNTS | {"cost": 0.5},
            "gearshift": {},
        }
    ]


def test_a_piece_keeps_its_bytes_but_for_the_model() -> None:
    spoken = b'{ "candidates" : [ ],\n "x":1.50, "modelVersion" :  "up-1" , "y":"\\u00e9" }'
    told = codec.relay("small").feed(encode_event(spoken))
    assert told == encode_event(spoken.replace(b"up-1", b"small"))


def test_a_piece_without_a_model_is_given_the_name() -> None:
    told = codec.relay('a "b"').feed(encode_event(b'{"candidates":[]}'))
    assert told == encode_event(b'{"candidates":[],"modelVersion":"a \\"b\\""}')


def test_what_follows_the_finish_reason_is_held_for_the_end() -> None:
    relay = codec.relay("small")
    assert relay.feed(piece({"text": "x"}, finish="STOP")) == b""
    assert (relay.complete, relay.ended) == (True, False)
    assert relay.feed(piece(candidates=[], usageMetadata=COUNTS)) == b""
    assert (relay.ended, relay.usage) == (True, COUNTED)
    first, last = said(relay.end(EDITS, send_usage=True))
    assert (first["modelVersion"], "gearshift" in first, "usageMetadata" in first) == ("small", False, False)
    assert (last["modelVersion"], last["gearshift"], last["usageMetadata"]) == ("small", {}, COUNTS | {"cost": 0.5})


def test_usage_that_never_came_is_what_was_counted() -> None:
    relay = codec.relay("small")
    relay.feed(piece({"text": "x"}, finish="STOP"))
    relay.close()
    assert relay.usage is None
    counted = ResponseEdits(model="small", counted=Usage(input_tokens=3, output_tokens=2, estimated=True))
    [last] = said(relay.end(counted, send_usage=True))
    assert last["usageMetadata"] == COUNTS | {"estimated": True}


def test_a_blocked_prompt_is_an_end() -> None:
    relay = codec.relay("small")
    assert relay.feed(piece(candidates=[], promptFeedback={"blockReason": "SAFETY"}, usageMetadata=COUNTS)) == b""
    assert (relay.ended, relay.finish_reason, relay.content_seen) == (True, "content_filter", False)
    [last] = said(relay.end(EDITS, send_usage=True))
    assert (last["promptFeedback"], last["gearshift"]) == ({"blockReason": "SAFETY"}, {})


@pytest.mark.parametrize(
    ("part", "seen"),
    [
        ({"text": ""}, False),
        ({}, False),
        ({"text": "x"}, True),
        ({"text": "x", "thought": True}, True),
        ({"text": "", "thoughtSignature": "c2ln"}, True),
        ({"functionCall": {"name": "f"}}, True),
        ({"executableCode": {"code": "1"}}, True),
    ],
)
def test_only_what_means_something_is_content(part: object, seen: bool) -> None:
    relay = codec.relay("small")
    relay.feed(piece(part))
    assert relay.content_seen is seen


def test_comments_pass() -> None:
    assert codec.relay("small").feed(b": ping\n\n") == b": ping\n\n"


def test_an_error_behind_a_piece_is_kept_for_the_next_feed() -> None:
    relay = codec.relay("small")
    broken = encode_event(b'{"error":{"code":503,"message":"Overloaded"}}')
    assert said(relay.feed(piece({"text": "x"}) + broken))[0]["modelVersion"] == "small"
    assert isinstance(relay.failure, StreamBroken)
    with pytest.raises(StreamBroken, match="Overloaded"):
        relay.feed(b"")
    with pytest.raises(StreamBroken, match="Overloaded"):
        codec.relay("small").feed(broken)


@pytest.mark.parametrize("spoken", [b"{", b"[]", b'{"candidates":5}', b'{"candidates":[{"finishReason":5}]}'])
def test_garbage_is_refused(spoken: bytes) -> None:
    with pytest.raises(UpstreamInvalid):
        codec.relay("small").feed(encode_event(spoken))


def test_a_stream_that_is_cut_is_broken() -> None:
    relay = codec.relay("small")
    relay.feed(piece({"text": "x"}, usageMetadata=COUNTS))
    assert relay.usage == COUNTED
    with pytest.raises(StreamBroken, match="before the end"):
        relay.close()


def test_a_stream_of_two_answers_ends_with_the_second() -> None:
    relay = codec.relay("small", 2)
    relay.feed(piece({"text": "x"}, finish="STOP", usageMetadata=COUNTS))
    assert (relay.complete, relay.ended) == (False, False)
    second = {"index": 1, "content": {"parts": [{"text": "y"}]}, "finishReason": "MAX_TOKENS"}
    relay.feed(piece(candidates=[second], usageMetadata=COUNTS))
    assert (relay.complete, relay.ended, relay.finish_reason) == (True, True, "stop")


def test_only_the_models_own_name_changes() -> None:
    relay = codec.relay("small")
    inner = {"functionCall": {"name": "f", "args": {"a": 1, "modelVersion": "up-1", "responseId": "r"}}}
    texts = [{"text": 'a,"modelVersion":"up-1","responseId":"r"}'}, {"text": "b"}, inner]
    for spoken in (piece({"text": "first"}), *map(piece, texts), piece({"text": "c"}, responseId="s")):
        (told,), (heard,) = said(relay.feed(spoken)), said(spoken)
        assert told == heard | {"modelVersion": "small"}
    spaced = encode_event(b'{"candidates":[], "modelVersion": "up-1", "responseId": "r"}')
    assert relay.feed(spaced) == spaced.replace(b"up-1", b"small")


def test_a_stream_in_snake_case_has_its_end_too() -> None:
    relay = codec.relay("small")
    relay.feed(encode_event(b'{"candidates":[{"content":{"parts":[{"text":"x"}]}}]}'))
    relay.feed(encode_event(b'{"candidates":[{"finish_reason":"STOP"}],"model_version":"up-1"}'))
    relay.close()
    (last,) = said(relay.end(EDITS, send_usage=True))
    assert last["gearshift"] == {}
    assert codec.relay("small").end(EDITS, send_usage=True).startswith(b'data: {"candidates":[]')
