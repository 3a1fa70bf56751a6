from __future__ import annotations

import json

import pytest
from msgspec import Raw

from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.fold import fold
from gearshift.protocols.gemini.stream_decoder import Decoder
from gearshift.protocols.gemini.stream_encoder import Encoder
from gearshift.protocols.signatures import seal
from gearshift.protocols.sse import ServerEvent, SSEParser
from gearshift.types.chat import Citation, FinishReason, Media, PartKind, Reasoning, Text, ToolCall, Usage
from gearshift.types.stream import (
    ChoiceDelta,
    ChoiceEnded,
    Event,
    Finished,
    MediaGiven,
    PartDelta,
    PartEnded,
    PartStarted,
    Started,
)

STARTED = Started(protocol="gemini", id="r", model="small", created=7)
STOP = ChoiceEnded(choice=0, finish_reason="stop")
EDITS = ResponseEdits(model="unused")
EMPTY = {"content": {"parts": [{"text": ""}], "role": "model"}, "index": 0}
HEAD = {"modelVersion": "small", "responseId": "r"}


def part(number: int, kind: PartKind, *deltas: PartDelta, choice: int = 0, **names: str) -> list[Event]:
    start = PartStarted(choice=choice, part=number, kind=kind, id=names.get("id"), name=names.get("name"))
    return [start, *deltas, PartEnded(choice=choice, part=number)]


def text(words: str, number: int = 0, choice: int = 0, signature: str | None = None) -> PartDelta:
    return PartDelta(choice=choice, part=number, text=words, signature=signature)


def said(data: bytes) -> list[dict[str, object]]:
    return [json.loads(item.data) for item in SSEParser().feed(data) if isinstance(item, ServerEvent)]


def told(
    *events: Event, started: Started = STARTED, finished: Finished | None = None, edits: ResponseEdits = EDITS
) -> bytes:
    encoder = Encoder()
    data = b"".join(encoder.feed(event) for event in (started, *events))
    return data + encoder.end(finished or Finished(), edits)


def parts(*events: Event, started: Started = STARTED) -> list[object]:
    data = told(*events, started=started)
    return [each for item in SSEParser().feed(data) if isinstance(item, ServerEvent) for each in parts_of(item.data)]


def parts_of(data: bytes) -> list[object]:
    return [each for one in json.loads(data)["candidates"] for each in one["content"]["parts"]]


def test_a_text_in_pieces() -> None:
    usage = Usage(input_tokens=3, output_tokens=9, reasoning_tokens=7)
    edits = ResponseEdits(model="unused", usage=b'"cost":0.5', top=b'"gearshift":{}')
    data = told(*part(0, "text", text("H"), text("i")), STOP, finished=Finished(usage=usage), edits=edits)
    assert said(data) == [
        {"candidates": [{"content": {"parts": [{"text": "H"}], "role": "model"}, "index": 0}], **HEAD},
        {"candidates": [{"content": {"parts": [{"text": "i"}], "role": "model"}, "index": 0}], **HEAD},
        {
            "candidates": [EMPTY | {"finishReason": "STOP"}],
            **HEAD,
            "usageMetadata": {
                "promptTokenCount": 3,
                "candidatesTokenCount": 2,
                "totalTokenCount": 12,
                "thoughtsTokenCount": 7,
                "cost": 0.5,
            },
            "gearshift": {},
        },
    ]


def test_pieces_come_as_soon_as_their_text() -> None:
    encoder = Encoder()
    assert encoder.feed(STARTED) == b""
    assert encoder.feed(PartStarted(choice=0, part=0, kind="text")) == b""
    assert parts_of(encoder.feed(text("H")).removeprefix(b"data: ")) == [{"text": "H"}]
    assert encoder.feed(Finished()) == b""


def test_an_unknown_usage_is_not_said() -> None:
    assert "usageMetadata" not in said(told(*part(0, "text", text("x")), STOP))[-1]
    counted = ResponseEdits(model="unused", counted=Usage(input_tokens=3, estimated=True))
    assert said(told(STOP, edits=counted))[-1]["usageMetadata"] == {
        "promptTokenCount": 3,
        "candidatesTokenCount": 0,
        "totalTokenCount": 3,
        "estimated": True,
    }


def test_a_call_is_said_whole_however_it_came() -> None:
    first = part(0, "tool_call", text('{"a"'), text(": 1.50}"), id="c", name="f")
    second = part(1, "tool_call", id="gemini-call-r-1", name="g")
    assert parts(*first, *second, ChoiceEnded(choice=0, finish_reason="tool_calls")) == [
        {"functionCall": {"name": "f", "args": {"a": 1.5}, "id": "c"}},
        {"functionCall": {"name": "g", "args": {}}},
        {"text": ""},
    ]
    assert b'"args":{"a": 1.50}' in told(*first, STOP)


def test_calls_that_come_side_by_side_are_said_one_by_one() -> None:
    events: list[Event] = [
        PartStarted(choice=0, part=0, kind="tool_call", id="c", name="f"),
        PartStarted(choice=0, part=1, kind="tool_call", id="d", name="g"),
        text('{"a":', 0),
        text('{"b":2}', 1),
        text("1}", 0),
        PartEnded(choice=0, part=0),
        PartEnded(choice=0, part=1),
    ]
    assert parts(*events, STOP)[:2] == [
        {"functionCall": {"name": "f", "args": {"a": 1}, "id": "c"}},
        {"functionCall": {"name": "g", "args": {"b": 2}, "id": "d"}},
    ]


def test_what_has_no_noun_of_a_call_is_said_again() -> None:
    extra = {"functionCall": Raw(b'{"willContinue":false}'), "partMetadata": Raw(b"{}")}
    start = PartStarted(choice=0, part=0, kind="tool_call", id="c", name="f", extra=extra)
    assert parts(start, PartEnded(choice=0, part=0), STOP)[0] == {
        "functionCall": {"name": "f", "args": {}, "id": "c", "willContinue": False},
        "partMetadata": {},
    }


def test_a_thought_is_followed_by_its_signature() -> None:
    thought = part(0, "reasoning", text("Hm"), text("", signature="c2ln"))
    assert parts(*thought, *part(1, "text", text("x", 1)), STOP) == [
        {"text": "Hm", "thought": True},
        {"text": "", "thought": True, "thoughtSignature": "c2ln"},
        {"text": "x"},
        {"text": ""},
    ]


@pytest.mark.parametrize(
    ("following", "said_part"),
    [
        (part(1, "text", text("x", 1)), {"text": "x"}),
        (
            part(1, "tool_call", id="c", name="f"),
            {"functionCall": {"name": "f", "args": {}, "id": "c"}},
        ),
        ([], {"text": ""}),
    ],
)
def test_a_signature_without_text_stands_at_what_follows(following: list[Event], said_part: dict[str, object]) -> None:
    events = [*part(0, "reasoning", text("", signature="c2ln")), *following, STOP]
    assert parts(*events)[0] == said_part | {"thoughtSignature": "c2ln"}
    assert str(parts(*events)).count("c2ln") == 1


def test_foreign_signatures_are_sealed() -> None:
    started = Started(protocol="anthropic_messages", id="r", model="small", created=7)
    events = part(0, "reasoning", text("Hm"), text("", signature="sig"))
    sealed = seal("sig", "anthropic_messages", "gemini", base64=True)
    assert parts(*events, STOP, started=started)[1] == {"text": "", "thought": True, "thoughtSignature": sealed}
    start = PartStarted(choice=0, part=0, kind="reasoning", origin="openai_responses", redacted=True)
    other = seal("sig", "openai_responses", "gemini", base64=True, redacted=True)
    assert parts(start, text("", signature="sig"), STOP, started=started) == [{"text": "", "thoughtSignature": other}]


def test_a_refusal_is_said_as_text_and_a_loss() -> None:
    encoder = Encoder()
    data = b"".join(encoder.feed(event) for event in (STARTED, *part(0, "refusal", text("No"))))
    assert parts_of(data.removeprefix(b"data: ")) == [{"text": "No"}]
    assert [(loss.field, loss.kind) for loss in encoder.losses] == [("refusal", "mapped")]


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("stop", "STOP"),
        ("tool_calls", "STOP"),
        ("length", "MAX_TOKENS"),
        ("content_filter", "SAFETY"),
        ("error", "OTHER"),
    ],
)
def test_finish_reasons(reason: FinishReason, word: str) -> None:
    ended = ChoiceEnded(choice=0, finish_reason=reason)
    assert said(told(ended))[-1]["candidates"] == [EMPTY | {"finishReason": word}]


def test_what_has_no_noun_is_said_at_the_end() -> None:
    finished = Finished(
        usage=Usage(input_tokens=3),
        extra={"promptFeedback": Raw(b"{}"), "usageMetadata": Raw(b'{"trafficType":"X"}')},
    )
    ended = ChoiceEnded(choice=0, finish_reason="stop", extra={"finishReason": Raw(b'"OTHER"')})
    events: list[Event] = [ChoiceDelta(choice=0, extra={"safetyRatings": Raw(b"[]")}), ended]
    started = Started(protocol="gemini", id="r", model="small", created=0, extra={"x": Raw(b"1")})
    [last] = said(told(*events, started=started, finished=finished))
    assert last["candidates"] == [EMPTY | {"safetyRatings": [], "finishReason": "OTHER"}]
    assert (last["promptFeedback"], last["x"]) == ({}, 1)
    assert last["usageMetadata"] == {
        "promptTokenCount": 3,
        "candidatesTokenCount": 0,
        "totalTokenCount": 3,
        "trafficType": "X",
    }


def test_citations_and_logprobs_come_last() -> None:
    cited = Citation(url="u", start=0, end=1)
    scores = Raw(b'{"content":[{"token":"a","logprob":-0.5}]}')
    more = Raw(b'{"content":[{"token":"b","logprob":-1.5}]}')
    deltas = [
        PartDelta(choice=0, part=0, text="a", logprobs=scores),
        PartDelta(choice=0, part=0, text="", citations=(cited,)),
    ]
    events = said(told(*part(0, "text", *deltas), ChoiceDelta(choice=0, logprobs=more), STOP))
    assert len(events) == 2
    assert events[-1]["candidates"] == [
        EMPTY
        | {
            "finishReason": "STOP",
            "citationMetadata": {"citations": [{"startIndex": 0, "endIndex": 1, "uri": "u"}]},
            "logprobsResult": {
                "chosenCandidates": [
                    {"token": "a", "logProbability": -0.5},
                    {"token": "b", "logProbability": -1.5},
                ],
                "topCandidates": [{"candidates": []}, {"candidates": []}],
            },
        }
    ]


def test_two_answers_end_in_one_piece() -> None:
    second = part(0, "text", text("b", choice=1), choice=1)
    data = told(*part(0, "text", text("a")), *second, STOP, ChoiceEnded(choice=1, finish_reason="length"))
    first, other, last = said(data)
    assert first["candidates"] == [{"content": {"parts": [{"text": "a"}], "role": "model"}, "index": 0}]
    assert other["candidates"] == [{"content": {"parts": [{"text": "b"}], "role": "model"}, "index": 1}]
    assert last["candidates"] == [
        EMPTY | {"finishReason": "STOP"},
        EMPTY | {"index": 1, "finishReason": "MAX_TOKENS"},
    ]


def test_what_was_encoded_decodes_to_the_same_answer() -> None:
    events = [
        *part(0, "reasoning", text("Hm"), text("", signature="YQ==")),
        *part(1, "text", text("a", 1), text("b", 1)),
        *part(2, "reasoning", text("", 2, signature="Yg==")),
        *part(3, "tool_call", text('{"a":1}', 3), id="c", name="f"),
    ]
    decoder = Decoder()
    data = told(*events, STOP, finished=Finished(usage=Usage(input_tokens=3)))
    answer = fold([*decoder.feed(data), *decoder.close()])
    assert (answer.id, answer.model, answer.usage) == ("r", "small", Usage(input_tokens=3))
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].parts == (
        Reasoning(text="Hm", signature="YQ==", origin="gemini"),
        Text(text="ab"),
        Reasoning(text="", signature="Yg==", origin="gemini"),
        ToolCall(id="c", name="f", arguments='{"a":1}'),
    )


def test_a_call_that_was_cut_is_an_object_still_and_told() -> None:
    encoder = Encoder()
    start = PartStarted(choice=0, part=0, kind="tool_call", id="c", name="f")
    events: list[Event] = [start, PartDelta(choice=0, part=0, text='{"a": "x'), PartEnded(choice=0, part=0)]
    said = b"".join(encoder.feed(event) for event in events)
    (part,) = json.loads(said.removeprefix(b"data: "))["candidates"][0]["content"]["parts"]
    assert part["functionCall"] == {"name": "f", "args": {"INVALID_JSON": '{"a": "x'}, "id": "c"}
    assert [(loss.field, loss.kind) for loss in encoder.losses] == [("tool_calls.arguments", "mapped")]


def test_an_image_is_a_part_that_takes_the_signature_before_it() -> None:
    media = Media(kind="image", data="AA==", media_type="image/png")
    thought = part(0, "reasoning", text("", signature="c2ln"))
    assert parts(*thought, MediaGiven(choice=0, part=1, media=media), STOP)[0] == {
        "inlineData": {"mimeType": "image/png", "data": "AA=="},
        "thoughtSignature": "c2ln",
    }
