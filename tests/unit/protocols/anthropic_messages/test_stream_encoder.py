from __future__ import annotations

import json
from typing import Any

import anthropic.types
import pytest
from msgspec import Raw
from pydantic import TypeAdapter

from gearshift.protocols.anthropic_messages.calls import said_id
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


def test_ids_are_said_as_in_an_answer_that_is_not_streamed() -> None:
    encoder = Encoder()
    events: list[Event] = []
    for part, name in enumerate(("a.b", "a_b")):
        events += [PartStarted(choice=0, part=part, kind="tool_call", id=name, name="f")]
        events += [PartDelta(choice=0, part=part, text="{}"), PartEnded(choice=0, part=part)]
    said = [event["content_block"]["id"] for event in told(*events, encoder=encoder) if "content_block" in event]
    assert said == [said_id(name, "at", []) for name in ("a.b", "a_b")]
    assert [(loss.field, loss.kind) for loss in encoder.losses] == [("content[0].id", "mapped")]


@pytest.mark.parametrize("arguments", ['{"city": "Kö', "", "{}", '{"a":1}'])
def test_a_call_that_was_cut_is_said_as_far_as_it_came_and_told(arguments: str) -> None:
    encoder = Encoder()
    encoder.feed(STARTED)
    events: list[Event] = [
        PartStarted(choice=0, part=0, kind="tool_call", id="t", name="f"),
        PartDelta(choice=0, part=0, text=arguments),
        ChoiceEnded(choice=0, finish_reason="length"),
    ]
    data = b"".join(encoder.feed(event) for event in events)
    data += encoder.end(Finished(), ResponseEdits(model="small"))
    deltas = [json.loads(item.data) for item in SSEParser().feed(data) if isinstance(item, ServerEvent)]
    spoken = [event["delta"].get("partial_json", "") for event in deltas if event["type"] == "content_block_delta"]
    assert "".join(spoken) == arguments
    assert [event["delta"]["stop_reason"] for event in deltas if event["type"] == "message_delta"] == ["max_tokens"]
    cut = [("content[0].arguments", "mapped")] if arguments.endswith("ö") else []
    assert [(loss.field, loss.kind) for loss in encoder.losses] == cut


@pytest.mark.parametrize("deltas", [[], [PartDelta(choice=0, part=0, text="Hm")]])
def test_encrypted_thinking_without_its_data_is_a_loss(deltas: list[Event]) -> None:
    encoder = Encoder()
    start = PartStarted(choice=0, part=0, kind="reasoning", redacted=True)
    text: list[Event] = [PartStarted(choice=0, part=1, kind="text"), PartDelta(choice=0, part=1, text="Hi")]
    said = told(start, *deltas, PartEnded(choice=0, part=0), *text, encoder=encoder)
    assert [(event["type"], event["index"]) for event in said] == [
        ("content_block_start", 0),
        ("content_block_delta", 0),
        ("content_block_stop", 0),
    ]
    assert {(loss.field, loss.kind) for loss in encoder.losses} == {("reasoning", "dropped")}


def test_encrypted_thinking_in_two_pieces_is_one_block() -> None:
    start = PartStarted(choice=0, part=0, kind="reasoning", origin="anthropic_messages", redacted=True)
    pieces = [PartDelta(choice=0, part=0, text="", signature=piece) for piece in ("d", "e")]
    said = told(start, *pieces)
    assert [event.get("content_block") for event in said] == [{"type": "redacted_thinking", "data": "de"}, None]


def test_another_answer_is_a_loss_and_never_mixed_into_the_first() -> None:
    encoder = Encoder()
    first: list[Event] = [PartStarted(choice=0, part=0, kind="text"), PartDelta(choice=0, part=0, text="Hi")]
    other: list[Event] = [PartStarted(choice=1, part=0, kind="text"), PartDelta(choice=1, part=0, text="Ho")]
    mixed = [first[0], other[0], first[1], other[1], ChoiceEnded(choice=1, finish_reason="length")]
    assert told(*mixed, encoder=encoder) == told(*first)
    assert [(loss.field, loss.kind) for loss in encoder.losses] == [("choices", "dropped")]


def test_places_in_documents_are_said_where_they_were_heard() -> None:
    place = {
        "type": "char_location",
        "cited_text": "x",
        "document_index": 0,
        "start_char_index": 0,
        "end_char_index": 1,
    }
    delta = PartDelta(choice=0, part=0, text="Hi", extra={"citations": Raw(json.dumps([place]).encode())})
    said = told(PartStarted(choice=0, part=0, kind="text"), delta)
    assert [event["delta"] for event in said[1:3]] == [
        {"type": "text_delta", "text": "Hi"},
        {"type": "citations_delta", "citation": place},
    ]


def test_cached_tokens_beyond_the_input_are_told_and_never_make_it_negative() -> None:
    encoder = Encoder()
    encoder.feed(STARTED)
    usage = Usage(input_tokens=3, output_tokens=2, cache_read_tokens=5)
    finished = Finished(usage=usage)
    assert encoder.feed(finished) == b""
    assert [(loss.field, loss.kind) for loss in encoder.losses] == [("usage.input_tokens", "mapped")]
    said = encoder.end(finished, ResponseEdits(model="small"))
    delta = json.loads(said.split(b"\n")[1].removeprefix(b"data: "))
    assert (delta["usage"]["input_tokens"], delta["usage"]["cache_read_input_tokens"]) == (0, 5)


def test_counts_that_nobody_knows_are_null_as_the_official_client_needs_them_said() -> None:
    encoder = Encoder()
    encoder.feed(STARTED)
    said = encoder.end(Finished(), ResponseEdits(model="small"))
    usage = json.loads(said.split(b"\n")[1].removeprefix(b"data: "))["usage"]
    assert usage == {"input_tokens": None, "output_tokens": None}
