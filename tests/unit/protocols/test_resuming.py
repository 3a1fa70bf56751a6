from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from gearshift.errors import StreamBroken, UpstreamError
from gearshift.protocols.codec import Codec, ResponseEdits, StreamRelay
from gearshift.protocols.crossing import Crossing, Stamp
from gearshift.protocols.fold import fold
from gearshift.protocols.registry import CODECS
from gearshift.protocols.resuming import Resumption, Told, may_resume, read_told
from gearshift.types.chat import (
    Choice,
    FinishReason,
    Part,
    Reasoning,
    Request,
    Response,
    ResponseFormat,
    Sampling,
    Text,
    ToolCall,
    Usage,
)
from gearshift.types.stream import Event, Finished, PartDelta
from tests.contract.unfold import unfold
from tests.fakes.nouns import request
from tests.fakes.upstream import stream_events

CALLERS = [CODECS[name] for name in ("openai_chat", "anthropic_messages", "gemini", "openai_responses")]
PAIRS = [pytest.param(up, caller, id=f"{up.name}-{caller.name}") for up, caller in itertools.product(CALLERS, CALLERS)]
TEXT = "Ein „Unglücksrabe“ 🐦 zählt: eins, zwei."
CALL = ToolCall(id="call_1", name="look", arguments='{"a":1}')
EDITS = ResponseEdits(model="m")


def answer(*parts: Part, name: str = "openai_chat") -> Response:
    reason: FinishReason = "tool_calls" if any(isinstance(part, ToolCall) for part in parts) else "stop"
    usage = Usage(input_tokens=3, output_tokens=5)
    choice = Choice(index=0, parts=parts, finish_reason=reason)
    return Response(protocol=name, id="answer-1", model="m", created=1, choices=(choice,), usage=usage)


def said(codec: Codec, *parts: Part, size: int = 3) -> list[bytes]:
    """Give the pieces of an answer, as an upstream of this protocol streams it."""
    encoder, pieces, last = codec.stream_encoder(send_usage=True), [], Finished()
    for event in unfold(answer(*(parts or (Text(text=TEXT),)), name=codec.name), size):
        if isinstance(event, Finished):
            last = event
        else:
            pieces.append(encoder.feed(event))
    return [piece for piece in (*pieces, encoder.end(last, EDITS)) if piece]


def heard(codec: Codec, data: bytes) -> Response:
    """Read a whole stream as a caller does; raise StreamBroken where it has no end."""
    decoder = codec.stream_decoder()
    events: list[Event] = [*decoder.feed(data), *decoder.close()]
    return fold(events)


def cut(relay: StreamRelay, pieces: list[bytes], at: int) -> list[bytes]:
    """Pass on the first `at` pieces of a stream."""
    return [out for piece in pieces[:at] if (out := relay.feed(piece))]


def resumed(up: Codec, caller: Codec, told: Told, pieces: list[bytes]) -> bytes:
    relay = Resumption(up, caller, "other", told, Stamp("gx-1", 1))
    out = b"".join(relay.feed(piece) for piece in pieces)
    relay.close()
    assert relay.ended
    return out + relay.end(EDITS, send_usage=True)


def texts(response: Response) -> list[str]:
    return [part.text for part in response.choices[0].parts if isinstance(part, Text)]


@pytest.mark.parametrize(("up", "caller"), PAIRS)
def test_wherever_it_is_cut_the_caller_gets_the_whole_text_once(up: Codec, caller: Codec) -> None:
    first, second = said(CODECS["openai_chat"]), said(up, size=5)
    for at in range(2, len(first) - 2):
        sent = cut(Crossing(CODECS["openai_chat"], caller, "m", 1, Stamp("gx-1", 1)), first, at)
        told = read_told(caller, sent)
        assert told is not None
        assert TEXT.startswith(told.text)
        found = heard(caller, b"".join(sent) + resumed(up, caller, told, second))
        assert texts(found) == [TEXT]
        assert found.choices[0].finish_reason == "stop"
        assert found.usage is not None
        assert found.usage.output_tokens == 5


@pytest.mark.parametrize("codec", CALLERS, ids=lambda each: each.name)
def test_what_was_passed_on_untranslated_is_gone_on_with(codec: Codec) -> None:
    pieces = said(codec)
    for at in range(2, len(pieces) - 3):
        sent = cut(codec.relay("m"), pieces, at)
        told = read_told(codec, sent)
        assert told is not None
        for up in CALLERS:
            found = heard(codec, b"".join(sent) + resumed(up, codec, told, said(up, size=4)))
            assert texts(found) == [TEXT]
            assert found.id == "answer-1" or codec.name == "gemini"


@pytest.mark.parametrize("caller", CALLERS, ids=lambda each: each.name)
def test_a_call_behind_the_text_comes_too(caller: Codec) -> None:
    up = CODECS["anthropic_messages"]
    sent = cut(Crossing(up, caller, "m", 1, Stamp("gx-1", 1)), said(up), 6)
    told = read_told(caller, sent)
    assert told is not None
    found = heard(caller, b"".join(sent) + resumed(up, caller, told, said(up, Text(text=TEXT), CALL)))
    assert texts(found) == [TEXT]
    calls = [part for part in found.choices[0].parts if isinstance(part, ToolCall)]
    assert [(call.name, call.arguments) for call in calls] == [("look", '{"a":1}')]


@pytest.mark.parametrize("caller", CALLERS, ids=lambda each: each.name)
def test_thinking_that_was_told_is_not_told_again(caller: Codec) -> None:
    up = CODECS["openai_chat"]
    thought = (Reasoning(text="Let me see."), Text(text=TEXT))
    for at in range(2, len(said(up, *thought)) - 3):
        sent = cut(Crossing(up, caller, "m", 1, Stamp("gx-1", 1)), said(up, *thought), at)
        told = read_told(caller, sent)
        assert told is not None
        again = said(up, Reasoning(text="Other thoughts."), Text(text=TEXT))
        found = heard(caller, b"".join(sent) + resumed(up, caller, told, again))
        assert texts(found) == [TEXT]
        assert "Other" not in repr(found)


@pytest.mark.parametrize("other", ["Ein „Unglücksfall“", TEXT[:9], "", "x" + TEXT])
def test_another_answer_is_not_gone_on_with(other: str) -> None:
    chat = CODECS["openai_chat"]
    told = read_told(chat, cut(chat.relay("m"), said(chat), 8))
    assert told is not None
    relay = Resumption(chat, chat, "other", told)
    with pytest.raises(StreamBroken, match="another answer"):
        relay.feed(b"".join(said(chat, Text(text=other))))
    assert not relay.content_seen


def test_content_is_what_the_caller_does_not_have_yet() -> None:
    chat = CODECS["openai_chat"]
    told = read_told(chat, cut(chat.relay("m"), said(chat), 8))
    assert told is not None
    relay, out = Resumption(chat, chat, "other", told), b""
    for piece in said(chat, size=1):
        out = relay.feed(piece)
        if relay.content_seen:
            break
        assert out == b""
    assert relay.answer_bytes == len(told.text.encode()) + len(TEXT[len(told.text)].encode())
    assert TEXT[len(told.text)] in heard_deltas(chat, out)


def heard_deltas(codec: Codec, data: bytes) -> str:
    return "".join(event.text for event in codec.stream_decoder().feed(data) if isinstance(event, PartDelta))


@pytest.mark.parametrize("caller", CALLERS, ids=lambda each: each.name)
def test_a_call_that_has_begun_is_nobody_else_s(caller: Codec) -> None:
    up = CODECS["openai_chat"]
    pieces = said(up, Text(text="Hm."), CALL)
    sent = cut(Crossing(up, caller, "m", 1, Stamp("gx-1", 1)), pieces, len(pieces) - 1)
    assert read_told(caller, sent) is None


def test_signed_thinking_is_nobody_else_s() -> None:
    claude = CODECS["anthropic_messages"]
    signed = (Reasoning(text="Hm.", signature="c2ln", origin="anthropic_messages"), Text(text=TEXT))
    assert read_told(claude, cut(claude.relay("m"), said(claude, *signed), 9)) is None


@pytest.mark.parametrize("pieces", [[], [b"data: {broken\n\n"], [b'data: {"error":{"message":"no"}}\n\n']])
def test_what_cannot_be_read_is_not_gone_on_with(pieces: list[bytes]) -> None:
    assert read_told(CODECS["openai_chat"], pieces) is None


@pytest.mark.parametrize(
    ("asked", "may"),
    [
        (request(), True),
        (request(response_format=ResponseFormat(kind="text")), True),
        (request(sampling=Sampling(n=1, logprobs=False)), True),
        (request(response_format=ResponseFormat(kind="json_object")), False),
        (request(response_format=ResponseFormat(kind="json_schema", schema=Raw(b"{}"))), False),
        (request(sampling=Sampling(n=2)), False),
        (request(sampling=Sampling(logprobs=True)), False),
        (request(sampling=Sampling(top_logprobs=2)), False),
    ],
)
def test_only_one_plain_text_may_be_gone_on_with(asked: Request, may: bool) -> None:
    assert may_resume(asked) is may


def given_to(told: Told, *, bare: bool = False) -> Told:
    """Give what was told as it is where the other one was given its text, `bare`: without white space at its end."""
    return msgspec.structs.replace(told, given=told.text.rstrip() if bare else told.text)


def rest_of(up: Codec, text: str, size: int = 5) -> list[bytes]:
    return said(up, Text(text=text), size=size) if text else said(up, Reasoning(text="Hm."))


@pytest.mark.parametrize(("up", "caller"), PAIRS)
def test_who_was_given_the_beginning_says_the_rest(up: Codec, caller: Codec) -> None:
    first = said(CODECS["openai_chat"])
    for at in range(3, len(first) - 3):
        sent = cut(Crossing(CODECS["openai_chat"], caller, "m", 1, Stamp("gx-1", 1)), first, at)
        told = read_told(caller, sent)
        assert told is not None
        assert told.is_open
        rest = rest_of(up, TEXT[len(told.text) :])
        found = heard(caller, b"".join(sent) + resumed(up, caller, given_to(told), rest))
        assert texts(found) == [TEXT]
        assert found.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("caller", CALLERS, ids=lambda each: each.name)
def test_a_call_may_follow_the_beginning_at_once(caller: Codec) -> None:
    up = CODECS["openai_chat"]
    sent = cut(Crossing(up, caller, "m", 1, Stamp("gx-1", 1)), said(up), 6)
    told = read_told(caller, sent)
    assert told is not None
    found = heard(caller, b"".join(sent) + resumed(up, caller, given_to(told), said(up, CALL)))
    assert texts(found) == [told.text]
    assert [part.arguments for part in found.choices[0].parts if isinstance(part, ToolCall)] == ['{"a":1}']


def told_of(text: str, given: str | None = None) -> Told:
    chat = CODECS["openai_chat"]
    told = read_told(chat, cut(chat.relay("m"), stream_events(text), 2))
    assert told is not None
    assert told.text == text
    return msgspec.structs.replace(told, given=text if given is None else given)


@pytest.mark.parametrize("size", [1, 3, 50])
def test_who_says_again_what_it_was_given_is_not_believed(size: int) -> None:
    chat = CODECS["openai_chat"]
    relay = Resumption(chat, chat, "other", told_of("One, two"))
    with pytest.raises(StreamBroken, match="said it again"):
        relay.feed(b"".join(said(chat, Text(text="One, two, three"), size=size)))
    assert not relay.content_seen


@pytest.mark.parametrize("size", [1, 3, 50])
def test_what_begins_like_the_text_and_is_its_rest_is_said(size: int) -> None:
    chat = CODECS["openai_chat"]
    for rest in ("One, of", "One", "One, tw"):
        relay = Resumption(chat, chat, "other", told_of("One, two"))
        assert heard_deltas(chat, relay.feed(b"".join(said(chat, Text(text=rest), size=size)))) == rest
        assert relay.answer_bytes == len(rest)


@pytest.mark.parametrize(
    ("rest", "sent"),
    [(" \nand two", "and two"), (" \n", ""), (" ", ""), ("", "")],
)
def test_white_space_that_could_not_be_given_is_said_again_or_not_missed(rest: str, sent: str) -> None:
    chat = CODECS["openai_chat"]
    relay = Resumption(chat, chat, "other", told_of("One \n", "One"))
    assert heard_deltas(chat, relay.feed(b"".join(rest_of(chat, rest, 1)))) == sent
    assert relay.complete


def test_other_white_space_than_was_told_is_another_answer() -> None:
    chat = CODECS["openai_chat"]
    relay = Resumption(chat, chat, "other", told_of("One \n", "One"))
    with pytest.raises(StreamBroken, match="another answer"):
        relay.feed(b"".join(said(chat, Text(text=", two"))))


def test_the_caller_s_usage_is_that_of_the_whole_text() -> None:
    chat = CODECS["openai_chat"]
    relay = Resumption(chat, chat, "other", told_of("One, two"))
    relay.feed(b"".join(said(chat, Text(text=", three"))))
    counted = Usage(input_tokens=1, output_tokens=7, estimated=True)
    end = relay.end(ResponseEdits(model="m", counted=counted), send_usage=True)
    assert b'"completion_tokens":7' in end
    silent = Resumption(chat, chat, "other", told_of("One, two"))
    silent.feed(b"".join(said(chat, Text(text=", three"))))
    assert b"completion_tokens" not in silent.end(ResponseEdits(model="m", counted=counted), send_usage=False)


def test_a_text_that_has_ended_is_not_open() -> None:
    claude = CODECS["anthropic_messages"]
    pieces = said(claude)
    told = read_told(claude, cut(claude.relay("m"), pieces, len(pieces) - 1))
    assert told is not None
    assert told.text == TEXT
    assert not told.is_open


@given(
    text=st.text(min_size=1, max_size=40),
    at=st.integers(0, 40),
    sizes=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    pair=st.sampled_from([(up, caller) for up in CALLERS for caller in CALLERS]),
    way=st.tuples(st.sampled_from(["rest", "whole", "other"]), st.booleans()),
)
def test_who_is_given_the_beginning_completes_the_text_or_it_stays_a_beginning(
    text: str, at: int, sizes: tuple[int, int], pair: tuple[Codec, Codec], way: tuple[str, bool]
) -> None:
    """Whatever the other one does, white space it was not given included: the text once, or a beginning of it."""
    (up, caller), (answer, bare) = pair, way
    first = said(up, Text(text=text), size=sizes[0])
    sent = cut(Crossing(up, caller, "m", 1, Stamp("gx-1", 1)), first, min(at, len(first) - 1))
    told = read_told(caller, sent)
    if told is None or not told.is_open or not told.text.strip():
        return
    told = given_to(told, bare=bare)
    rest = text[len(told.given) :]
    again = {"rest": rest, "whole": text, "other": told.text + rest}[answer]
    try:
        found = heard(caller, b"".join(sent) + resumed(up, caller, told, rest_of(up, again, sizes[1])))
    except UpstreamError:
        assert answer != "rest" or rest.startswith(told.text)
        return
    if answer == "rest":
        assert "".join(texts(found)) == text
    else:  # it said all of what was told, which is not to be told from the rest of a text
        assert not again.startswith(told.text)


@given(
    text=st.text(min_size=1, max_size=40),
    other=st.none() | st.text(max_size=40),
    at=st.integers(0, 40),
    sizes=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    pair=st.sampled_from([(up, caller) for up in CALLERS for caller in CALLERS]),
)
def test_the_caller_gets_the_whole_text_or_a_beginning_of_it_and_an_error(
    text: str, other: str | None, at: int, sizes: tuple[int, int], pair: tuple[Codec, Codec]
) -> None:
    up, caller = pair
    again = text if other is None else other
    first = said(up, Text(text=text), size=sizes[0])
    sent = cut(Crossing(up, caller, "m", 1, Stamp("gx-1", 1)), first, min(at, len(first) - 1))
    told = read_told(caller, sent)
    if told is None:
        return
    try:
        rest = resumed(up, caller, told, said(up, Text(text=again), size=sizes[1]))
    except UpstreamError:
        assert not again.startswith(told.text) or not told.text or again != text
        return
    assert again.startswith(told.text)
    assert "".join(texts(heard(caller, b"".join(sent) + rest))) == again
