from __future__ import annotations

import json

import pytest

from gearshift.errors import StreamBroken, UpstreamInvalid
from gearshift.protocols.bedrock_converse.frames import encode_frame
from gearshift.protocols.bedrock_converse.stream_decoder import Decoder
from gearshift.protocols.fold import fold
from gearshift.types.chat import Citation, Reasoning, Text, ToolCall, Usage
from gearshift.types.stream import ChoiceEnded, Event, Finished, PartDelta, PartEnded, PartStarted, Started


def said(kind: str, **fields: object) -> bytes:
    return encode_frame(json.dumps(fields).encode(), kind)


def delta(index: int, **inner: object) -> bytes:
    return said("contentBlockDelta", contentBlockIndex=index, delta=inner, p="abcd")


def stop(index: int) -> bytes:
    return said("contentBlockStop", contentBlockIndex=index)


START = said("messageStart", role="assistant")
HI = delta(0, text="Hi") + stop(0)
END = said("messageStop", stopReason="end_turn")
USAGE = {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8}
LAST = said("metadata", usage=USAGE, metrics={"latencyMs": 9})


def heard(data: bytes) -> list[Event]:
    decoder = Decoder()
    return decoder.feed(data) + decoder.close()


def test_a_text_begins_with_its_first_delta() -> None:
    assert heard(START + HI + END + LAST) == [
        Started(protocol="bedrock_converse", id="", model="", created=0),
        PartStarted(choice=0, part=0, kind="text"),
        PartDelta(choice=0, part=0, text="Hi"),
        PartEnded(choice=0, part=0),
        ChoiceEnded(choice=0, finish_reason="stop"),
        Finished(usage=Usage(input_tokens=3, output_tokens=5)),
    ]


def test_thinking_calls_and_citations() -> None:
    call = {"toolUse": {"toolUseId": "c", "name": "f"}}
    data = b"".join(
        [
            delta(0, reasoningContent={"text": "Hm"}),
            delta(0, reasoningContent={"signature": "s"}),
            stop(0),
            delta(1, reasoningContent={"redactedContent": "ZW5j"}),
            stop(1),
            delta(2, text="A"),
            delta(2, citation={"title": "T", "location": {"web": {"url": "https://a"}}}),
            stop(2),
            said("contentBlockStart", contentBlockIndex=3, start=call),
            delta(3, toolUse={"input": '{"a":'}),
            delta(3, toolUse={"input": " 1}"}),
            stop(3),
        ]
    )
    response = fold(heard(START + data + said("messageStop", stopReason="tool_use") + LAST))
    assert response.choices[0].parts == (
        Reasoning(text="Hm", signature="s", origin="bedrock_converse"),
        Reasoning(text="", signature="ZW5j", origin="bedrock_converse", redacted=True),
        Text(text="A", citations=(Citation(url="https://a", title="T"),)),
        ToolCall(id="c", name="f", arguments='{"a": 1}'),
    )
    assert response.choices[0].finish_reason == "tool_calls"


def test_a_call_whose_arguments_never_came_has_none() -> None:
    call = {"toolUse": {"toolUseId": "c", "name": "f"}}
    data = said("contentBlockStart", contentBlockIndex=0, start=call) + delta(0, toolUse={"input": ""}) + stop(0)
    response = fold(heard(START + data + said("messageStop", stopReason="tool_use") + LAST))
    assert response.choices[0].parts == (ToolCall(id="c", name="f", arguments="{}"),)


def test_blocks_without_a_noun_are_kept() -> None:
    image = {"image": {"format": "png"}}
    data = said("contentBlockStart", contentBlockIndex=0, start=image) + delta(0, image={"source": {"bytes": "x"}})
    data += delta(1, toolResult=[{"text": "r"}]) + stop(1)
    data += delta(2, citation={"location": {"documentPage": {"start": 1}}})
    choice = fold(heard(START + data + HI + END + LAST)).choices[0]
    assert json.loads(bytes(choice.extra["message"]))["blocks"] == [image, {"toolResult": [{"text": "r"}]}]
    assert "citations" in choice.extra


def test_a_start_that_says_nothing_and_events_to_come_are_passed_over() -> None:
    empty = said("contentBlockStart", contentBlockIndex=0, start={})
    assert heard(START + empty + said("novelty", x=1) + HI + END + LAST) == heard(START + HI + END + LAST)


def test_what_stands_beside_reason_and_usage_is_kept() -> None:
    end = said("messageStop", stopReason="guardrail_intervened", additionalModelResponseFields={"x": 1})
    last = said("metadata", usage={**USAGE, "cacheDetails": []}, metrics={}, trace={"guardrail": {}})
    *_, ended, finished = heard(START + HI + end + last)
    assert isinstance(ended, ChoiceEnded)
    assert (ended.finish_reason, set(ended.extra)) == (
        "content_filter",
        {"stopReason", "additionalModelResponseFields"},
    )
    assert isinstance(finished, Finished)
    assert set(finished.extra) == {"trace", "usage"}


def test_without_its_last_word_usage_is_unknown() -> None:
    assert heard(START + HI + END)[-1] == Finished()


def test_an_exception_breaks_the_stream_behind_what_came_with_it() -> None:
    decoder = Decoder()
    broken = encode_frame(b'{"message":"model died"}', "modelStreamErrorException", kind="exception")
    assert len(decoder.feed(START + HI + broken)) == 4
    with pytest.raises(StreamBroken, match=r"model died \(modelStreamErrorException\)"):
        decoder.feed(b"")
    with pytest.raises(StreamBroken, match="model died"):
        heard(broken)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (START + HI, "before the end of its answer"),
        (START + HI + LAST, "without the stopReason"),
        (START + HI + END[:-1], "before the end of its answer"),
        (b"", "before the end of its answer"),
    ],
)
def test_a_stream_that_ends_early_is_broken(data: bytes, words: str) -> None:
    with pytest.raises(StreamBroken, match=words):
        heard(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (HI, "before the start of its message"),
        (END, "before it held an answer"),
        (START + delta(0, toolUse={"input": "{}"}), "a call that has not begun"),
        (START + encode_frame(b"{", "contentBlockDelta"), "cannot be read"),
        (
            START + said("contentBlockStart", contentBlockIndex=0, start={"toolUse": {"name": "f"}}),
            "toolUseId: missing",
        ),
        (START + said("messageStop"), "stopReason: missing"),
        (b"data: {}\n\ndata: {}\n\n", "none of AWS's event stream"),
    ],
)
def test_garbage_is_said(data: bytes, words: str) -> None:
    with pytest.raises(UpstreamInvalid, match=words):
        heard(data)


def test_thinking_that_stays_encrypted_may_come_in_pieces() -> None:
    data = delta(0, reasoningContent={"redactedContent": "ZW5j"}) + delta(
        0, reasoningContent={"redactedContent": "eA=="}
    )
    response = fold(heard(START + data + stop(0) + END + LAST))
    (part,) = response.choices[0].parts
    assert part == Reasoning(text="", signature="ZW5jeA==", origin="bedrock_converse", redacted=True)
