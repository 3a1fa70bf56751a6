from __future__ import annotations

import json
from typing import Any

import anthropic.types
import pytest
from msgspec import Raw
from pydantic import TypeAdapter

from gearshift.protocols.anthropic_messages.stream_encoder import Encoder
from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.signatures import seal
from gearshift.protocols.sse import ServerEvent, SSEParser
from gearshift.types.chat import Citation, Usage
from gearshift.types.stream import ChoiceDelta, ChoiceEnded, Event, Finished, PartDelta, PartEnded, PartStarted, Started

STARTED = Started(protocol="gemini", id="r", model="small", created=7)
STOP = ChoiceEnded(choice=0, finish_reason="stop")
EVENTS: TypeAdapter[Any] = TypeAdapter(anthropic.types.RawMessageStreamEvent)


def told(*events: Event, encoder: Encoder | None = None) -> list[dict[str, Any]]:
    """Give the events between the first and the last two, each checked by the official client's types."""
    speaker = encoder or Encoder()
    data = b"".join(speaker.feed(event) for event in (STARTED, *events, STOP))
    data += speaker.end(Finished(usage=Usage(input_tokens=3, output_tokens=2)), ResponseEdits(model="small"))
    items = [item for item in SSEParser().feed(data) if isinstance(item, ServerEvent)]
    said = [json.loads(item.data) for item in items]
    assert [item.event for item in items] == [event["type"] for event in said]
    for event in said:
        EVENTS.validate_python(event)
    assert [event["type"] for event in (said[0], *said[-2:])] == ["message_start", "message_delta", "message_stop"]
    return said[1:-2]


def test_a_text() -> None:
    parts: list[Event] = [PartStarted(choice=0, part=0, kind="text"), PartDelta(choice=0, part=0, text="Hi")]
    assert told(*parts) == [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_stop", "index": 0},
    ]


def test_thinking_with_its_signature_under_seal() -> None:
    start = PartStarted(choice=0, part=0, kind="reasoning")
    deltas = [PartDelta(choice=0, part=0, text="Hm"), PartDelta(choice=0, part=0, text="", signature="s")]
    said = told(start, *deltas, PartEnded(choice=0, part=0))
    assert said[1]["delta"] == {"type": "thinking_delta", "thinking": "Hm"}
    assert said[2]["delta"] == {"type": "signature_delta", "signature": seal("s", "gemini", "anthropic_messages")}


def test_redacted_thinking_is_one_block() -> None:
    start = PartStarted(choice=0, part=0, kind="reasoning", origin="anthropic_messages", redacted=True)
    said = told(start, PartDelta(choice=0, part=0, text="", signature="d"))
    assert said[0]["content_block"] == {"type": "redacted_thinking", "data": "d"}
    assert [event["type"] for event in said] == ["content_block_start", "content_block_stop"]


def test_a_call() -> None:
    start = PartStarted(choice=0, part=0, kind="tool_call", id="t", name="f")
    said = told(start, PartDelta(choice=0, part=0, text='{"a":'), PartDelta(choice=0, part=0, text="1}"))
    assert said[0]["content_block"] == {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    assert "".join(event["delta"]["partial_json"] for event in said[1:3]) == '{"a":1}'


def test_citations_and_a_refusal_as_text() -> None:
    encoder = Encoder()
    cited = PartDelta(choice=0, part=0, text="No", citations=(Citation(url="https://a", title="A"),))
    said = told(PartStarted(choice=0, part=0, kind="refusal"), cited, encoder=encoder)
    assert [event["delta"]["type"] for event in said[1:3]] == ["text_delta", "citations_delta"]
    assert {loss.field for loss in encoder.losses} == {"refusal"}


def test_probabilities_are_a_loss() -> None:
    encoder = Encoder()
    told(ChoiceDelta(choice=0, logprobs=Raw(b"{}")), encoder=encoder)
    assert [loss.field for loss in encoder.losses] == ["logprobs"]


@pytest.mark.parametrize(
    ("usage", "counted", "tokens"),
    [
        (Usage(input_tokens=3, output_tokens=2), None, 2),
        (None, Usage(input_tokens=3, output_tokens=9, estimated=True), 9),
    ],
)
def test_the_end_says_the_usage_and_what_is_added(usage: Usage | None, counted: Usage | None, tokens: int) -> None:
    encoder = Encoder()
    encoder.feed(STARTED)
    encoder.feed(ChoiceEnded(choice=0, finish_reason="length"))
    edits = ResponseEdits(model="small", usage=b'"cost":0.5', top=b'"gearshift":{"a":1}', counted=counted)
    first, last = encoder.end(Finished(usage=usage), edits).decode().strip().split("\n\n")
    delta = json.loads(first.removeprefix("event: message_delta\ndata: "))
    assert delta["delta"] == {"stop_reason": "max_tokens", "stop_sequence": None}
    assert (delta["usage"]["output_tokens"], delta["usage"]["cost"], delta["gearshift"]) == (tokens, 0.5, {"a": 1})
    assert last == 'event: message_stop\ndata: {"type":"message_stop"}'
