from __future__ import annotations

import json

import msgspec
import pytest
from msgspec import Raw

from gearshift.errors import InvalidRequest, StreamBroken, UpstreamInvalid
from gearshift.protocols.codec import Codec, RequestEdits, ResponseEdits
from gearshift.protocols.crossing import Crossing, Stamp, cross_request, cross_response, is_foreign
from gearshift.protocols.registry import CODECS
from gearshift.types.chat import (
    Choice,
    Media,
    Message,
    Reasoning,
    Request,
    Response,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    Usage,
)
from gearshift.types.stream import ChoiceEnded, Event, Finished, MediaGiven, Started

CHAT, ANTHROPIC, GEMINI, RESPONSES = (
    CODECS[name] for name in ("openai_chat", "anthropic_messages", "gemini", "openai_responses")
)
EDITS = RequestEdits(model="up")
HI = Message(role="user", parts=(Text(text="Hi"),))


def asked(*messages: Message, tools: tuple[Tool, ...] = (), extra: dict[str, bytes] | None = None) -> Request:
    told = {name: Raw(value) for name, value in (extra or {}).items()}
    return Request(protocol="openai_chat", model="m", messages=messages or (HI,), tools=tools, extra=told)


def test_a_hint_without_a_noun_is_lost_and_named() -> None:
    said = cross_request(asked(extra={"logit_bias": b'{"5":1}', "store": b"null"}), ANTHROPIC, EDITS)
    assert [(loss.field, loss.kind) for loss in said.losses] == [("logit_bias", "dropped"), ("max_tokens", "mapped")]
    assert "logit_bias" not in json.loads(said.body)


def test_an_extra_of_a_part_is_named_by_its_path() -> None:
    odd = Message(role="user", parts=(Text(text="Hi", extra={"odd": Raw(b"1")}),), extra={"weight": Raw(b"2")})
    fields = {loss.field for loss in cross_request(asked(HI, odd), GEMINI, EDITS).losses}
    assert fields == {"messages[1].parts[0].odd", "messages[1].weight"}


@pytest.mark.parametrize("name", ["functions", "audio", "previous_response_id", "tool_choice", "response_format"])
def test_what_the_meaning_hangs_on_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^{name}: gemini has no words for it") as caught:
        cross_request(asked(extra={name: b"{}"}), GEMINI, EDITS)
    assert caught.value.param == name


def test_geminis_config_is_looked_into() -> None:
    request = Request(
        protocol="gemini",
        model="m",
        messages=(HI,),
        extra={"generationConfig": Raw(b'{"responseModalities":["AUDIO"]}')},
    )
    with pytest.raises(InvalidRequest, match=r"^responseModalities:"):
        cross_request(request, CHAT, EDITS)


@pytest.mark.parametrize(
    ("name", "value"), [("modalities", b'[ "text" ]'), ("truncation", b'"disabled"'), ("background", b"false")]
)
def test_what_is_so_without_it_is_no_loss(name: str, value: bytes) -> None:
    assert [loss.field for loss in cross_request(asked(extra={name: value}), ANTHROPIC, EDITS).losses] == ["max_tokens"]


def test_a_conversation_that_is_not_tidied_up_is_still_answered() -> None:
    """Claude Code 2.1.332 asks for it in every request."""
    said = cross_request(asked(extra={"context_management": b'{"edits":[]}'}), GEMINI, EDITS)
    assert [(loss.field, loss.kind) for loss in said.losses] == [("context_management", "dropped")]


def test_geminis_config_may_say_the_default_and_its_hints_are_named() -> None:
    config = Raw(b'{"responseModalities":["TEXT"],"mediaResolution":"LOW"}')
    request = Request(protocol="gemini", model="m", messages=(HI,), extra={"generationConfig": config})
    assert [loss.field for loss in cross_request(request, CHAT, EDITS).losses] == ["generationConfig.mediaResolution"]


def test_what_is_left_of_a_choice_that_was_understood_is_a_hint() -> None:
    config = Raw(b'{"functionCallingConfig":{"mode":"VALIDATED"}}')
    request = Request(protocol="gemini", model="m", messages=(HI,), extra={"toolConfig": config})
    with pytest.raises(InvalidRequest, match=r"^toolConfig:"):
        cross_request(request, CHAT, EDITS)
    chosen = msgspec.structs.replace(request, tool_choice=ToolChoice(mode="auto"))
    assert [loss.field for loss in cross_request(chosen, CHAT, EDITS).losses] == ["toolConfig"]


@pytest.mark.parametrize(
    ("message", "tools", "field"),
    [
        (Message(role="user", parts=(Media(kind="file", extra={"type": Raw(b'"video_url"')}),)), (), "type=video_url"),
        (Message(role="user", parts=(Media(kind="file", extra={"file": Raw(b'{"file_id":"f"}')}),)), (), "file"),
        (Message(role="user", parts=(), extra={"item": Raw(b"{}")}), (), r"messages\[0\].item"),
        (HI, (Tool(name="web", extra={"type": Raw(b'"web_search"')}),), r"tools\[0\].type=web_search"),
        (
            Message(role="assistant", parts=(ToolCall(id="c", name="sh", arguments="", extra={"type": Raw(b"1")}),)),
            (),
            r"type=\?",
        ),
    ],
)
def test_parts_and_tools_of_one_protocol_alone_are_refused(
    message: Message, tools: tuple[Tool, ...], field: str
) -> None:
    with pytest.raises(InvalidRequest, match=field):
        cross_request(asked(message, tools=tools), ANTHROPIC, EDITS)


def test_an_answers_extras_are_lost_and_named_once() -> None:
    choice = Choice(index=0, parts=(Text(text="Hi"),), finish_reason="stop", extra={"safetyRatings": Raw(b"[]")})
    response = Response(
        protocol="gemini", id="r", model="m", created=0, choices=(choice,), extra={"modelStatus": Raw(b"{}")}
    )
    said = cross_response(response, CHAT)
    assert {loss.field for loss in said.losses} == {"choices[0].safetyRatings", "modelStatus"}


def test_an_answer_that_cannot_be_told_is_the_upstreams_fault() -> None:
    part = Media(kind="file", extra={"type": Raw(b'"hologram"')})
    choice = Choice(index=0, parts=(part,), finish_reason="stop")
    with pytest.raises(UpstreamInvalid, match="type=hologram"):
        cross_response(Response(id="r", model="m", created=0, choices=(choice,)), CHAT)


def test_an_answer_without_an_id_or_a_time_is_stamped() -> None:
    stamp = Stamp("gx-1", 1_700_000_000)
    choice = Choice(index=0, parts=(Text(text="Hi"),), finish_reason="stop")
    for own, created, expected in (("", 0, ("gx-1", 1_700_000_000)), ("r", 7, ("r", 7))):
        response = Response(id=own, model="m", created=created, choices=(choice,))
        told = json.loads(cross_response(response, CHAT, stamp).body)
        assert (told["id"], told["created"]) == expected


def test_a_stream_without_an_id_or_a_time_is_stamped_in_each_of_its_events() -> None:
    crossing = Crossing(GEMINI, CHAT, "small", stamp=Stamp("gx-1", 1_700_000_000))
    said = b'data: {"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}]}\n\n'
    passed = crossing.feed(said)
    crossing.close()
    told = passed + crossing.end(ResponseEdits(model="small"), send_usage=True)
    assert told.count(b'"id":"gx-1","object":"chat.completion.chunk","created":1700000000') == told.count(b'"object"')


def test_thinking_that_another_signed_is_foreign() -> None:
    def turn(origin: str | None) -> Request:
        return asked(Message(role="assistant", parts=(Reasoning(text="Hm", signature="s", origin=origin),)))

    assert [is_foreign(turn(origin), ANTHROPIC) for origin in (None, "anthropic_messages", "gemini")] == [
        False,
        False,
        True,
    ]


def chunk(text: str | None = None, finish: str | None = None, **more: object) -> bytes:
    choice = {"index": 0, "delta": {} if text is None else {"content": text}, "finish_reason": finish}
    said = {"id": "r", "created": 7, "model": "up-1", "choices": [choice], "system_fingerprint": "fp", **more}
    return b"data: " + json.dumps(said).encode() + b"\n\n"


def test_a_stream_crosses_with_its_facts_and_losses() -> None:
    crossing = Crossing(CHAT, ANTHROPIC, "small")
    passed = crossing.feed(chunk("Hel") + chunk("lo"))
    assert passed.count(b"text_delta") == 2
    assert b'"model":"small"' in passed
    assert (crossing.content_seen, crossing.complete, crossing.answer_bytes) == (True, False, 5)
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    crossing.feed(chunk(finish="length", usage=usage) + b"data: [DONE]\n\n")
    assert (crossing.complete, crossing.ended, crossing.finish_reason) == (True, True, "length")
    assert (crossing.usage, crossing.upstream_model) == (Usage(input_tokens=3, output_tokens=2), "up-1")
    assert [loss.field for loss in crossing.losses] == ["system_fingerprint"]
    end = crossing.end(ResponseEdits(model="small", usage=b'"cost":0.5', top=b'"gearshift":{}'), send_usage=True)
    assert b'"cost":0.5' in end
    assert b'"gearshift":{}' in end
    assert end.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')


def test_usage_that_never_came_is_told_as_it_was_counted() -> None:
    crossing = Crossing(CHAT, GEMINI, "small")
    crossing.feed(chunk("Hi", "stop") + b"data: [DONE]\n\n")
    counted = Usage(input_tokens=9, output_tokens=1, estimated=True)
    end = json.loads(crossing.end(ResponseEdits(model="small", counted=counted), send_usage=True)[6:])
    assert (end["usageMetadata"]["promptTokenCount"], end["usageMetadata"]["estimated"]) == (9, True)


def test_what_came_before_an_error_is_given_first() -> None:
    crossing = Crossing(CHAT, RESPONSES, "small")
    assert b"output_text.delta" in crossing.feed(chunk("Hi") + b'data: {"error":{"message":"overloaded"}}\n\n')
    with pytest.raises(StreamBroken, match="overloaded"):
        crossing.feed(b"")


def test_a_cut_stream_is_broken() -> None:
    crossing = Crossing(CHAT, RESPONSES, "small")
    crossing.feed(chunk("Hi"))
    with pytest.raises(StreamBroken):
        crossing.close()


IMAGE = Media(kind="image", data="AAAA", media_type="image/png")


def test_an_image_in_an_answer_goes_where_it_can_be_said_and_is_a_loss_elsewhere() -> None:
    choice = Choice(index=0, parts=(Text(text="See"), IMAGE), finish_reason="stop")
    response = Response(protocol="gemini", id="r", model="m", created=0, choices=(choice,))
    for codec in (CHAT, ANTHROPIC):
        said = cross_response(response, codec)
        assert [(loss.field, loss.kind) for loss in said.losses] == [("image", "dropped")]
        assert codec.decode_response(said.body).choices[0].parts == (Text(text="See"),)
    for codec in (GEMINI, RESPONSES):
        said = cross_response(response, codec)
        assert said.losses == ()
        assert codec.decode_response(said.body).choices[0].parts == (Text(text="See"), IMAGE)


@pytest.mark.parametrize("caller", [CHAT, ANTHROPIC, GEMINI, RESPONSES], ids=lambda codec: codec.name)
def test_an_image_in_a_stream_goes_where_it_can_be_said_and_is_a_loss_elsewhere(caller: Codec) -> None:
    upstream = RESPONSES if caller is GEMINI else GEMINI
    speaker = upstream.stream_encoder(send_usage=True)
    events: list[Event] = [
        Started(protocol=upstream.name, id="r", model="m", created=0),
        MediaGiven(choice=0, part=0, media=IMAGE),
        ChoiceEnded(choice=0, finish_reason="stop"),
    ]
    said = b"".join(map(speaker.feed, events)) + speaker.end(Finished(), ResponseEdits(model="m"))
    crossing = Crossing(upstream, caller, "small")
    passed = crossing.feed(said)
    crossing.close()
    assert crossing.content_seen
    passed += crossing.end(ResponseEdits(model="small"), send_usage=True)
    decoder = caller.stream_decoder()
    heard = decoder.feed(passed)
    told = [event.media for event in heard + decoder.close() if isinstance(event, MediaGiven)]
    assert told == ([IMAGE] if caller.gives_media else [])
    assert [loss.field for loss in crossing.losses] == ([] if caller.gives_media else ["image"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("truncation", b'"disabled"'),
        ("background", b"false"),
        ("store", b"false"),
        ("include", b'["reasoning.encrypted_content"]'),
    ],
)
def test_a_field_that_asks_for_what_is_done_in_any_case_is_no_loss(name: str, value: bytes) -> None:
    assert cross_request(asked(extra={name: value}), GEMINI, EDITS).losses == ()


@pytest.mark.parametrize(
    ("config", "refused"),
    [
        ({"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a"]}}, "responseMimeType"),
        ({"responseFormat": [{}]}, "responseFormat"),
        ({"responseModalities": ["TEXT", "IMAGE"]}, "responseModalities"),
        ({"responseMimeType": "text/plain", "responseModalities": ["TEXT"], "mediaResolution": "LOW"}, None),
    ],
)
def test_what_geminis_config_means_is_refused_and_its_hints_are_named(config: object, refused: str | None) -> None:
    body = json.dumps({"contents": "Hi", "generationConfig": config}, separators=(",", ":")).encode()
    request = GEMINI.decode_request(body, "/v1beta/models/m:generateContent")
    if refused is None:
        losses = cross_request(request, CHAT, EDITS).losses
        assert [loss.field for loss in losses] == ["generationConfig.mediaResolution"]
        return
    with pytest.raises(InvalidRequest, match=f"^{refused}:"):
        cross_request(request, CHAT, EDITS)


def test_an_item_without_a_noun_is_refused_by_its_type() -> None:
    body = {"model": "m", "input": [{"type": "custom_tool_call", "call_id": "c", "name": "x", "input": "ls"}]}
    with pytest.raises(InvalidRequest, match=r"input\[0\].item=custom_tool_call: openai_chat has no words"):
        cross_request(RESPONSES.decode_request(json.dumps(body).encode()), CHAT, EDITS)
