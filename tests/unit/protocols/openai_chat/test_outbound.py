from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from gearshift.errors import InvalidRequest
from gearshift.protocols.codec import RequestEdits
from gearshift.protocols.openai_chat.outbound import encode_request, patch_request
from gearshift.protocols.openai_chat.request import decode_request
from gearshift.types.catalog import EXTENSIONS, Quirks
from gearshift.types.chat import Citation, Media, Message, Reasoning, Request, Routing, Sampling, Text

PLAIN = RequestEdits(model="up-1")
NEWER = RequestEdits(model="up-1", quirks=Quirks(max_tokens_field="max_completion_tokens"))
MESSAGES = b'"messages":[{"role":"user","content":"Hi"}]'


def patched(members: bytes, edits: RequestEdits = PLAIN) -> bytes:
    """Give the members of the patched body, without the model and the messages."""
    body = b'{"model":"auto",%b%b}' % (MESSAGES, b"," + members if members else b"")
    decode_request(body)
    out = patch_request(body, edits)
    head = b'{"model":"up-1",' + MESSAGES
    assert out.startswith(head)
    return out[len(head) : -1].removeprefix(b",")


def test_only_the_model_changes() -> None:
    body = b'{ "x" : 1.50,\n "messages":[{"role":"user", "content":"\\u0041"}] , "model" : "auto", "y":{ "z":[ ]} }\n'
    assert patch_request(body, PLAIN) == body.replace(b'"auto"', b'"up-1"')


def test_the_model_is_said_as_json() -> None:
    assert b'"model":"a\\"b"' in patch_request(b'{"model":"m",' + MESSAGES + b"}", RequestEdits(model='a"b'))


@pytest.mark.parametrize(
    ("members", "rest"),
    [
        (b'"models":["a"],"user":"u"', b'"user":"u"'),
        (b'"user":"u","provider":{"only":["a"]}', b'"user":"u"'),
        (b'"session_id":"s","metadata":{"plan":"free"}', b'"metadata":{"plan":"free"}'),
        (b'"plugins":[{"id":"auto-router"},{"id":"web"}]', b""),
        (b'"transforms":["middle-out"],"plugins":[{"id":"auto-router"}]', b""),
        (b'"providerOptions":{"gateway":{},"x":{ }}', b""),
    ],
)
def test_what_steers_the_router_does_not_leave(members: bytes, rest: bytes) -> None:
    assert patched(members) == rest


@pytest.mark.parametrize(
    ("members", "rest"),
    [
        (b'"user":"u","provider":{"only":["a"]}', b'"user":"u"'),
        (b'"provider":{"only":["a"], "zdr" : true}', b'"provider":{ "zdr" : true}'),
        (b'"plugins":[{"id":"auto-router"},{"id":"web"}]', b'"plugins":[{"id":"web"}]'),
        (b'"plugins":[ {"id":"web"} ],"transforms":[ "middle-out" ]', None),
        (b'"providerOptions":{"gateway":{},"x":{ }}', b'"providerOptions":{"x":{ }}'),
    ],
)
def test_an_upstream_that_understands_openrouters_words_is_told_them(members: bytes, rest: bytes | None) -> None:
    knowing = RequestEdits(model="up-1", quirks=Quirks(extensions=EXTENSIONS))
    assert patched(members, knowing) == (members if rest is None else rest)


USAGE = RequestEdits(model="up-1", include_usage=True)
DEAF = RequestEdits(model="up-1", include_usage=True, quirks=Quirks(stream_usage=False))


@pytest.mark.parametrize(
    ("members", "edits", "rest"),
    [
        (b'"stream":true', USAGE, b'"stream":true,"stream_options":{"include_usage":true}'),
        (b'"stream":true,"stream_options":null', USAGE, b'"stream":true,"stream_options":{"include_usage":true}'),
        (
            b'"stream":true,"stream_options":{ "include_usage" : false, "x":1}',
            USAGE,
            b'"stream":true,"stream_options":{ "include_usage" : true, "x":1}',
        ),
        (b'"stream":true,"stream_options":{"include_usage":false}', PLAIN, None),
        (b'"stream":false', USAGE, None),
        (b'"temperature":1', USAGE, None),
        (b'"stream":true', DEAF, None),
        (b'"stream":true,"stream_options":{"include_usage":true}', DEAF, b'"stream":true'),
        (b'"stream":true,"stream_options":null', DEAF, b'"stream":true'),
        (
            b'"stream":true,"stream_options":{"include_usage":true,"x":1}',
            DEAF,
            b'"stream":true,"stream_options":{"x":1}',
        ),
    ],
)
def test_a_stream_is_asked_for_its_usage(members: bytes, edits: RequestEdits, rest: bytes | None) -> None:
    assert patched(members, edits) == (members if rest is None else rest)


@pytest.mark.parametrize(
    ("members", "edits", "rest"),
    [
        (b'"max_tokens":5', PLAIN, b'"max_tokens":5'),
        (b'"max_completion_tokens":5', PLAIN, b'"max_tokens":5'),
        (b'"max_tokens":5', NEWER, b'"max_completion_tokens":5'),
        (b'"max_completion_tokens":5', NEWER, b'"max_completion_tokens":5'),
        (b'"max_tokens":5,"max_completion_tokens":5', NEWER, b'"max_completion_tokens":5'),
        (b'"max_tokens":5,"max_completion_tokens":null', NEWER, b'"max_completion_tokens":5'),
        (b'"max_tokens":null', NEWER, b""),
    ],
)
def test_the_limit_is_said_under_the_name_that_the_upstream_knows(
    members: bytes, edits: RequestEdits, rest: bytes
) -> None:
    assert patched(members, edits) == rest


def test_a_field_that_the_upstream_refuses_is_refused_by_name() -> None:
    edits = RequestEdits(model="up-1", quirks=Quirks(drops=("seed",)))
    assert patched(b'"seed":null', edits) == b'"seed":null'
    with pytest.raises(InvalidRequest, match="seed: up-1 does not accept this field; leave it out") as caught:
        patched(b'"seed":5', edits)
    assert caught.value.param == "seed"
    request = Request(model="m", messages=(), sampling=Sampling(seed=5))
    with pytest.raises(InvalidRequest, match="seed: up-1 does not accept this field"):
        encode_request(request, edits)


def test_a_body_that_is_no_valid_request_is_never_sent() -> None:
    with pytest.raises(InvalidRequest, match="ambiguous"):
        patch_request(b'{"model":"a","model":"b"}', PLAIN)
    with pytest.raises(InvalidRequest, match="plugins: found a number") as caught:
        patch_request(b'{"model":"a","plugins":5}', PLAIN)
    assert caught.value.param == "plugins"


def said(request: Request, edits: RequestEdits = PLAIN) -> dict[str, object]:
    spoken: dict[str, object] = msgspec.json.decode(encode_request(request, edits).body)
    return spoken


HI = (Message(role="user", parts=(Text(text="Hi"),)),)


def test_a_request_is_said_without_what_steers_the_router() -> None:
    request = Request(model="auto", messages=HI, routing=Routing(models=("a",), session_id="s"))
    assert said(request) == {"model": "up-1", "messages": [{"role": "user", "content": "Hi"}]}


def test_the_quirks_hold_for_a_request_that_is_said_anew() -> None:
    request = Request(model="auto", messages=HI, stream=True, sampling=Sampling(max_output_tokens=5))
    assert said(request, NEWER)["max_completion_tokens"] == 5
    assert said(request, USAGE)["stream_options"] == {"include_usage": True}
    assert "stream_options" not in said(request, DEAF)
    whole = msgspec.structs.replace(request, stream=False, include_usage=False)
    assert said(whole, USAGE)["stream_options"] == {"include_usage": False}


def test_what_stood_beside_a_noun_is_said_with_it() -> None:
    request = Request(model="m", messages=HI, include_usage=True, extra={"stream_options": Raw(b'{"x":1}')})
    assert said(request)["stream_options"] == {"include_usage": True, "x": 1}


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        (Message(role="user", parts=(Reasoning(text="x"),)), "messages[1].content: found reasoning or tool calls"),
        (
            Message(role="user", parts=(Media(kind="audio", url="https://a/b"),)),
            "messages[1].input_audio.data: found a sound without data",
        ),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(message: Message, fault: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        encode_request(Request(model="m", messages=(*HI, message)), PLAIN)
    assert caught.value.message.startswith(fault)


def test_what_an_earlier_answer_cites_is_a_loss() -> None:
    turn = Message(role="assistant", parts=(Text(text="Hi", citations=(Citation(url="https://a"),)),))
    losses = encode_request(Request(model="m", messages=(turn,)), PLAIN).losses
    assert [(loss.field, loss.kind) for loss in losses] == [("messages[0].parts[0].citations", "dropped")]
