from __future__ import annotations

import json
import re

import msgspec
import pytest
from msgspec import Raw

from gearshift.errors import StreamBroken, UpstreamInvalid
from gearshift.protocols.fold import fold
from gearshift.protocols.gemini.response import decode_response
from gearshift.protocols.gemini.stream_decoder import Decoder
from gearshift.protocols.sse import encode_event
from gearshift.types.chat import Citation, Media, Reasoning, Text, ToolCall, Usage
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

STARTED = Started(protocol="gemini", id="r", model="m", created=0)
COUNTS = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
USAGE = Usage(input_tokens=3, output_tokens=2)


def whole(*parts: object, finish: str | None = None, **fields: object) -> bytes:
    candidate: dict[str, object] = {"content": {"parts": parts, "role": "model"}}
    candidate |= {"finishReason": finish} if finish else {}
    names = ("index", "citationMetadata", "logprobsResult", "safetyRatings", "avgLogprobs")
    candidate |= {name: fields.pop(name) for name in names if name in fields}
    said = {"candidates": [candidate], "modelVersion": "m", "responseId": "r"}
    return json.dumps(said | fields, separators=(",", ":")).encode()


def piece(*parts: object, finish: str | None = None, **fields: object) -> bytes:
    return encode_event(whole(*parts, finish=finish, **fields))


def heard(data: bytes, choices: int = 1) -> list[Event]:
    decoder = Decoder(choices)
    return [*decoder.feed(data), *decoder.close()]


def test_a_text_in_pieces() -> None:
    data = piece({"text": "H"}) + b": ping\n\n" + piece({"text": "i"}, usageMetadata={"promptTokenCount": 3})
    data += piece({"text": ""}, finish="STOP", usageMetadata=COUNTS) + piece({"text": "late"})
    assert heard(data) == [
        STARTED,
        PartStarted(choice=0, part=0, kind="text"),
        PartDelta(choice=0, part=0, text="H"),
        PartDelta(choice=0, part=0, text="i"),
        PartEnded(choice=0, part=0),
        ChoiceEnded(choice=0, finish_reason="stop"),
        Finished(usage=USAGE),
    ]


@pytest.mark.parametrize("size", [1, 7, 64])
def test_any_split_gives_the_same_events(size: int) -> None:
    data = piece({"text": "H\u00e9"}) + piece({"functionCall": {"name": "f"}}, finish="STOP", usageMetadata=COUNTS)
    decoder = Decoder()
    events = [event for at in range(0, len(data), size) for event in decoder.feed(data[at : at + size])]
    assert events + decoder.close() == heard(data)
    assert events[-1] == Finished(usage=USAGE)


def test_a_function_call_comes_whole() -> None:
    call = {"functionCall": {"name": "f", "args": {"a": 1}}}
    told = {"functionCall": {"name": "g", "args": {}, "id": "c", "willContinue": False}}
    assert heard(piece({"text": "x"}) + piece(call, told) + piece(finish="STOP", usageMetadata=COUNTS)) == [
        STARTED,
        PartStarted(choice=0, part=0, kind="text"),
        PartDelta(choice=0, part=0, text="x"),
        PartEnded(choice=0, part=0),
        PartStarted(choice=0, part=1, kind="tool_call", id="gemini-call-r-0", name="f"),
        PartDelta(choice=0, part=1, text='{"a":1}'),
        PartEnded(choice=0, part=1),
        PartStarted(
            choice=0,
            part=2,
            kind="tool_call",
            id="c",
            name="g",
            extra={"functionCall": Raw(b'{"willContinue":false}')},
        ),
        PartDelta(choice=0, part=2, text="{}"),
        PartEnded(choice=0, part=2),
        ChoiceEnded(choice=0, finish_reason="tool_calls"),
        Finished(usage=USAGE),
    ]


def test_thoughts_and_their_signatures_are_parts_of_their_own() -> None:
    data = piece({"text": "H", "thought": True}) + piece({"text": "m", "thought": True, "thoughtSignature": "YQ=="})
    data += piece({"text": "next", "thought": True}) + piece({"text": "x"})
    data += piece({"functionCall": {"name": "f", "id": "c"}, "thoughtSignature": "Yg=="})
    data += piece({"text": "", "thoughtSignature": "Yw=="}, finish="STOP")
    assert fold(heard(data)).choices[0].parts == (
        Reasoning(text="Hm", signature="YQ==", origin="gemini"),
        Reasoning(text="next"),
        Text(text="x"),
        Reasoning(text="", signature="Yg==", origin="gemini"),
        ToolCall(id="c", name="f", arguments="{}"),
        Reasoning(text="", signature="Yw==", origin="gemini"),
    )


def test_a_signature_behind_a_thought_signs_what_follows() -> None:
    data = piece({"text": "Hm", "thought": True}) + piece({"text": "x", "thoughtSignature": "YQ=="}, finish="STOP")
    assert fold(heard(data)).choices[0].parts == (
        Reasoning(text="Hm"),
        Reasoning(text="", signature="YQ==", origin="gemini"),
        Text(text="x"),
    )


def test_the_fold_of_the_pieces_is_the_whole_answer() -> None:
    parts = [
        {"text": "Hm", "thought": True},
        {"text": "so", "thought": True, "thoughtSignature": "YQ=="},
        {"text": "a"},
        {"text": "b"},
        {"functionCall": {"name": "f", "args": {"a": 1.5}}, "thoughtSignature": "Yg=="},
        {"executableCode": {"code": "1"}},
        {"text": "c"},
    ]
    last = {"usageMetadata": COUNTS | {"trafficType": "X"}, "safetyRatings": [], "promptFeedback": {"a": 1}}
    pieces = b"".join(piece(part) for part in parts) + piece(finish="MAX_TOKENS", **last)
    assert fold(heard(pieces)) == decode_response(whole(*parts, finish="MAX_TOKENS", **last))


def test_usage_in_a_later_piece_ends_the_stream() -> None:
    decoder = Decoder()
    told = list(decoder.feed(piece({"text": "x"}, finish="STOP")))
    assert told[-1] == ChoiceEnded(choice=0, finish_reason="stop")
    late = piece(candidates=[], usageMetadata=COUNTS | {"thoughtsTokenCount": 7, "trafficType": "X"})
    assert list(decoder.feed(late)) == [
        Finished(
            usage=Usage(input_tokens=3, output_tokens=9, reasoning_tokens=7),
            extra={"usageMetadata": Raw(b'{"trafficType":"X"}')},
        )
    ]
    assert decoder.close() == []


def test_a_stream_without_usage_ends_with_its_input() -> None:
    decoder = Decoder()
    assert len(list(decoder.feed(piece({"text": "x"}, finish="STOP") + b"data: [DONE]\n\n"))) == 5
    assert decoder.close() == [Finished(usage=None)]
    assert decoder.close() == []


def test_a_usage_that_cannot_be_does_not_hide_one_that_can() -> None:
    data = piece({"text": "x"}, usageMetadata=COUNTS)
    data += piece(finish="STOP", usageMetadata={"promptTokenCount": -1})
    assert heard(data)[-1] == Finished(usage=USAGE)


@pytest.mark.parametrize("data", [b"", piece({"text": "x"}, usageMetadata=COUNTS), piece(candidates=[])])
def test_a_stream_cut_before_its_finish_reason_is_broken(data: bytes) -> None:
    with pytest.raises(StreamBroken, match="closed the stream before the end"):
        heard(data)


def test_an_error_in_a_piece_breaks_the_stream() -> None:
    decoder = Decoder()
    assert list(decoder.feed(piece({"text": "x"}))) != []
    with pytest.raises(StreamBroken, match="broke the stream off: Overloaded"):
        list(decoder.feed(encode_event(b'{"error":{"code":503,"message":"Overloaded"}}')))


@pytest.mark.parametrize("word", ["MALFORMED_FUNCTION_CALL", "MISSING_THOUGHT_SIGNATURE"])
def test_an_answer_that_failed_is_refused(word: str) -> None:
    with pytest.raises(UpstreamInvalid, match=f"it ended with finishReason {word}"):
        heard(piece({"text": "x"}) + piece(finish=word, usageMetadata=COUNTS))


@pytest.mark.parametrize(
    "spoken",
    [
        b"{",
        b"<html>",
        b"[]",
        b'{"candidates":5}',
        b'{"candidates":[{"content":5}]}',
        b'{"candidates":[{"index":"zero"}]}',
        b'{"candidates":[{"finishReason":5}]}',
        b'{"candidates":[{"content":{"parts":[{"text":5}]}}]}',
        b'{"candidates":[{"content":{"parts":[{"functionCall":{}}]}}]}',
    ],
)
def test_a_piece_that_cannot_be_read_breaks_the_stream(spoken: bytes) -> None:
    decoder = Decoder()
    assert list(decoder.feed(piece({"text": "x"}))) != []
    with pytest.raises(UpstreamInvalid):
        list(decoder.feed(encode_event(spoken) + piece(finish="STOP", usageMetadata=COUNTS)))


def test_a_blocked_prompt_is_an_answer_without_words() -> None:
    assert heard(piece(candidates=[], promptFeedback={"blockReason": "SAFETY"}, usageMetadata=COUNTS)) == [
        STARTED,
        ChoiceEnded(choice=0, finish_reason="content_filter"),
        Finished(usage=USAGE, extra={"promptFeedback": Raw(b'{"blockReason":"SAFETY"}')}),
    ]


def test_citations_are_of_the_text_before_them() -> None:
    cited = {"citations": [{"uri": "u", "title": "t", "startIndex": 1, "endIndex": 2}]}
    data = piece({"text": "a"}, citationMetadata=cited) + piece({"text": "b"}, finish="STOP")
    told = Citation(url="u", title="t", start=1, end=2)
    assert PartDelta(choice=0, part=0, text="", citations=(told,)) in heard(data)
    assert fold(heard(data)).choices[0].parts == (Text(text="ab", citations=(told,)),)


def test_logprobs_stand_with_their_text_or_alone() -> None:
    scores = {"chosenCandidates": [{"token": "a", "logProbability": -0.5}]}
    told = Raw(b'{"content":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[]}],"refusal":null}')
    data = piece({"text": "a"}, {"text": "b"}, logprobsResult=scores) + piece(logprobsResult=scores, finish="STOP")
    events = heard(data)
    assert [event for event in events if isinstance(event, PartDelta | ChoiceDelta)] == [
        PartDelta(choice=0, part=0, text="a", logprobs=told),
        PartDelta(choice=0, part=0, text="b"),
        ChoiceDelta(choice=0, logprobs=told),
    ]


def test_what_has_no_noun_is_kept() -> None:
    data = piece({"executableCode": {"code": "1"}}, safetyRatings=[], avgLogprobs=None)
    data += piece({"text": "x"}, finish="RECITATION", avgLogprobs=-0.5)
    told = [event for event in heard(data) if isinstance(event, ChoiceDelta | ChoiceEnded)]
    assert told == [
        ChoiceDelta(choice=0, message={"parts": Raw(b'[{"executableCode":{"code":"1"}}]')}),
        ChoiceDelta(choice=0, extra={"safetyRatings": Raw(b"[]")}),
        ChoiceEnded(
            choice=0,
            finish_reason="content_filter",
            extra={"finishReason": Raw(b'"RECITATION"'), "avgLogprobs": Raw(b"-0.5")},
        ),
    ]


def test_two_answers_side_by_side() -> None:
    data = (
        piece({"text": "a"}) + piece({"text": "b"}, index=1) + piece({"text": "c"}, finish="STOP", usageMetadata=COUNTS)
    )
    decoder = Decoder(2)
    assert not any(isinstance(event, Finished) for event in decoder.feed(data))
    last = piece({"text": "d"}, index=1, finish="MAX_TOKENS", usageMetadata=COUNTS)
    assert list(decoder.feed(last))[-1] == Finished(usage=USAGE)
    told = fold(heard(data + last, 2))
    assert [(choice.index, choice.parts, choice.finish_reason) for choice in told.choices] == [
        (0, (Text(text="ac"),), "stop"),
        (1, (Text(text="bd"),), "length"),
    ]


def test_an_image_is_given_whole_and_one_of_a_thought_is_none_of_the_answer() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}
    data = piece({"text": "See"}) + piece(image) + piece({"text": ":"}) + piece({**image, "thought": True})
    events = heard(data + piece(finish="STOP", usageMetadata=COUNTS))
    media = Media(kind="image", data="AA==", media_type="image/png")
    assert [event for event in events if isinstance(event, MediaGiven | ChoiceDelta)] == [
        MediaGiven(choice=0, part=1, media=media),
        ChoiceDelta(choice=0, message={"parts": Raw(msgspec.json.encode([{**image, "thought": True}]))}),
    ]
    assert fold(events).choices[0].parts == (Text(text="See"), media, Text(text=":"))
    whole_answer = decode_response(whole({"text": "See"}, image, {"text": ":"}, {**image, "thought": True}))
    assert whole_answer.choices[0].parts == fold(events).choices[0].parts


def test_plain_text_is_told_the_same_with_and_without_more_beside_it() -> None:
    choices: tuple[list[object] | None, ...] = (None, [])
    for ratings in choices:
        parts = [{"text": "a", "thought": True}, {"text": "b", "thought": True}, {"text": "c"}, {"text": "d"}]
        pieces = [piece(part, usageMetadata=COUNTS, safetyRatings=ratings) for part in parts]
        data = b"".join(pieces).replace(b',"safetyRatings":null', b"")
        decoder = Decoder()
        events = decoder.feed(data)
        assert [event.text for event in events if isinstance(event, PartDelta)] == ["a", "b", "c", "d"]
        assert decoder.usage == USAGE
        told = fold(events + decoder.feed(piece(finish="STOP", usageMetadata=COUNTS)))
        assert told.choices[0].parts == (Reasoning(text="ab"), Text(text="cd"))


@pytest.mark.parametrize(
    ("candidate", "path"),
    [
        ({"content": {"parts": [{"text": "a"}, {"text": 5}]}}, "content.parts[1].text"),
        ({"content": {"parts": [{"inlineData": {"mimeType": 5}}]}}, "content.parts[0].inlineData.mimeType"),
        ({"content": {"parts": 5}}, "content.parts"),
        ({"index": "x"}, "index"),
    ],
)
def test_a_wrong_field_is_named(candidate: object, path: str) -> None:
    with pytest.raises(UpstreamInvalid, match=re.escape(f"read: candidates[0].{path}: found")):
        heard(piece(candidates=[candidate]))
