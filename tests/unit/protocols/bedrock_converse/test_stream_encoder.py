"""AWS's own library reads the streams that we say."""

from __future__ import annotations

import json
from typing import Any

from botocore.eventstream import EventStreamBuffer
from msgspec import Raw

from gearshift.protocols.bedrock_converse.stream_encoder import Encoder
from gearshift.protocols.codec import ResponseEdits
from gearshift.types.chat import Citation, Usage
from gearshift.types.stream import ChoiceEnded, Event, Finished, PartDelta, PartEnded, PartStarted, Started

STARTED = Started(protocol="openai_chat", id="x", model="m", created=1)
EDITS = ResponseEdits(model="m", usage=b'"cost":1', top=b'"gearshift":{}')


def told(*events: Event, edits: ResponseEdits = EDITS) -> list[tuple[str, Any]]:
    encoder = Encoder()
    buffer: Any = EventStreamBuffer()
    said = b"".join(encoder.feed(event) for event in events)
    buffer.add_data(said + encoder.end(Finished(usage=Usage(input_tokens=3, output_tokens=2)), edits))
    return [(message.headers[":event-type"], json.loads(message.payload)) for message in buffer]


def text(part: int, *pieces: str) -> list[Event]:
    deltas: list[Event] = [PartDelta(choice=0, part=part, text=piece) for piece in pieces]
    return [PartStarted(choice=0, part=part, kind="text"), *deltas, PartEnded(choice=0, part=part)]


def test_a_text() -> None:
    assert told(STARTED, *text(0, "H", "i"), ChoiceEnded(choice=0, finish_reason="length")) == [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "H"}}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "i"}}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": "max_tokens"}),
        (
            "metadata",
            {
                "usage": {
                    "inputTokens": 3,
                    "outputTokens": 2,
                    "totalTokens": 5,
                    "cacheReadInputTokens": 0,
                    "cacheWriteInputTokens": 0,
                    "cost": 1,
                },
                "gearshift": {},
            },
        ),
    ]


def test_thinking_calls_and_citations() -> None:
    thought = PartStarted(choice=0, part=0, kind="reasoning")
    secret = PartStarted(choice=0, part=1, kind="reasoning", redacted=True, origin="bedrock_converse")
    call = PartStarted(choice=0, part=3, kind="tool_call", id="c", name="f")
    page = Citation(url="https://a", title="A")
    said = told(
        STARTED,
        thought,
        PartDelta(choice=0, part=0, text="Hm", signature="s"),
        secret,
        PartDelta(choice=0, part=1, text="", signature="ZW5j"),
        PartStarted(choice=0, part=2, kind="text"),
        PartDelta(choice=0, part=2, text="A", citations=(page,)),
        call,
        PartDelta(choice=0, part=3, text="{}"),
        ChoiceEnded(choice=0, finish_reason="tool_calls"),
    )
    deltas = [payload["delta"] for kind, payload in said if kind == "contentBlockDelta"]
    assert deltas == [
        {"reasoningContent": {"text": "Hm"}},
        {"reasoningContent": {"signature": "gearshift.openai_chat.s"}},
        {"reasoningContent": {"redactedContent": "ZW5j"}},
        {"text": "A"},
        {"citation": {"title": "A", "location": {"web": {"url": "https://a"}}}},
        {"toolUse": {"input": "{}"}},
    ]
    assert (
        "contentBlockStart",
        {"contentBlockIndex": 3, "start": {"toolUse": {"toolUseId": "c", "name": "f"}}},
    ) in said


def test_what_has_no_place_is_told() -> None:
    encoder = Encoder()
    encoder.feed(STARTED)
    encoder.feed(PartStarted(choice=0, part=0, kind="refusal"))
    encoder.feed(PartDelta(choice=0, part=0, text="No", logprobs=Raw(b"{}")))
    assert {(loss.field, loss.kind) for loss in encoder.losses} == {("logprobs", "dropped"), ("refusal", "mapped")}
