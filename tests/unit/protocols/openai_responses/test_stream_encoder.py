from __future__ import annotations

import json
from typing import Any

from msgspec import Raw
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.openai_responses.stream_encoder import Encoder
from gearshift.protocols.signatures import seal
from gearshift.protocols.sse import ServerEvent, SSEParser
from gearshift.types.chat import Citation, Media, PartKind, Usage
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
EDITS = ResponseEdits(model="small", usage=b'"cost":0.5', top=b'"gearshift":{"a":1}')
EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def told(*events: Event, encoder: Encoder | None = None) -> list[dict[str, Any]]:
    """Give all events, each checked by the official client's types."""
    speaker = encoder or Encoder()
    stop = ChoiceEnded(choice=0, finish_reason="stop")
    data = b"".join(speaker.feed(event) for event in (STARTED, *events, stop))
    data += speaker.end(Finished(usage=Usage(input_tokens=3, output_tokens=2)), EDITS)
    items = [item for item in SSEParser().feed(data) if isinstance(item, ServerEvent)]
    said = [json.loads(item.data) for item in items]
    for event in said:
        EVENTS.validate_python(event)
    assert [item.event for item in items] == [event["type"] for event in said]
    assert [event["sequence_number"] for event in said] == list(range(len(said)))
    return said


def part(kind: PartKind, *deltas: PartDelta, **start: str) -> list[Event]:
    begun = PartStarted(choice=0, part=0, kind=kind, **start)  # type: ignore[arg-type]
    return [begun, *deltas, PartEnded(choice=0, part=0)]


def text(said: str, **more: Any) -> PartDelta:  # noqa: ANN401 - fields of the event
    return PartDelta(choice=0, part=0, text=said, **more)


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def test_a_text() -> None:
    events = told(*part("text", text("H"), text("i", citations=(Citation(url="https://a", title="A"),))))
    assert kinds(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.annotation.added",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert events[7]["text"] == "Hi"
    last = events[-1]["response"]
    assert last["output"] == [events[-2]["item"]]
    assert last["output"][0]["content"][0]["annotations"][0]["url"] == "https://a"
    assert (last["status"], last["usage"]["cost"], last["gearshift"]) == ("completed", 0.5, {"a": 1})


def test_thinking_with_its_signature_under_seal() -> None:
    events = told(*part("reasoning", text("Hm"), text("", signature="s")))
    assert events[-2]["item"]["encrypted_content"] == seal("s", "gemini", "openai_responses")
    assert events[-2]["item"]["summary"] == [{"type": "summary_text", "text": "Hm"}]
    assert "reasoning_summary_text.delta" in kinds(events)


def test_a_call_and_a_refusal() -> None:
    events = told(*part("tool_call", text('{"a":'), text("1}"), id="c", name="f"))
    assert events[-2]["item"] == {
        "id": "fc_r_0",
        "type": "function_call",
        "status": "completed",
        "call_id": "c",
        "name": "f",
        "arguments": '{"a":1}',
    }
    assert "refusal.done" in kinds(told(*part("refusal", text("No"))))


def test_probabilities_are_told_with_their_text_or_lost() -> None:
    scores = Raw(b'{"content":[{"token":"H","logprob":-1,"bytes":[72],"top_logprobs":[]}],"refusal":null}')
    (delta,) = [
        event for event in told(*part("text", text("H", logprobs=scores))) if event["type"].endswith("text.delta")
    ]
    assert delta["logprobs"] == [{"token": "H", "logprob": -1, "bytes": [72], "top_logprobs": []}]
    encoder = Encoder()
    told(ChoiceDelta(choice=0, logprobs=scores), encoder=encoder)
    assert [loss.field for loss in encoder.losses] == ["logprobs"]


def test_an_answer_cut_at_its_limit_is_incomplete() -> None:
    encoder = Encoder()
    encoder.feed(STARTED)
    encoder.feed(ChoiceEnded(choice=0, finish_reason="length"))
    end = encoder.end(Finished(), ResponseEdits(model="small"))
    assert end.startswith(b"event: response.incomplete\n")
    said = json.loads(end.split(b"data: ")[1])["response"]
    assert (said["incomplete_details"], said["usage"]) == ({"reason": "max_output_tokens"}, None)


def test_an_image_is_an_item_of_its_own() -> None:
    encoder = Encoder()
    image = Media(kind="image", data="AAAA", media_type="image/webp")
    events = told(
        *part("text", text("See")), MediaGiven(choice=0, part=1, media=image), *part("text", text("!")), encoder=encoder
    )
    *_, last = events
    item = {"id": "ig_r_1", "type": "image_generation_call", "status": "completed"}
    assert last["response"]["output"][1] == {**item, "result": "AAAA", "output_format": "webp"}
    assert [event["output_index"] for event in events if event["type"].endswith("item.done")] == [0, 1, 2]
    assert "image_generation_call.completed" in kinds(events)
    sound = Media(kind="audio", data="AAAA", media_type="audio/wav")
    encoder = Encoder()
    told(MediaGiven(choice=0, part=0, media=sound), encoder=encoder)
    assert [loss.field for loss in encoder.losses] == ["output.audio"]


def test_the_probabilities_of_a_refusal_are_a_loss() -> None:
    scores = Raw(b'{"content":null,"refusal":[{"token":"N","logprob":-1}]}')
    encoder = Encoder()
    told(*part("refusal", text("No", logprobs=scores)), encoder=encoder)
    assert [loss.field for loss in encoder.losses] == ["logprobs.refusal"]
    encoder = Encoder()
    told(*part("refusal", text("No", logprobs=Raw(b'{"content":[{"token":"N"}]}'))), encoder=encoder)
    assert [loss.field for loss in encoder.losses] == ["logprobs"]


def test_what_was_kept_raw_of_a_text_is_said_again() -> None:
    other = {"type": "file_path", "file_id": "f", "index": 0}
    extra = {"annotations": Raw(json.dumps([other]).encode())}
    start = PartStarted(choice=0, part=0, kind="text", extra={"message": Raw(b'{"phase":"commentary"}')})
    events = told(start, text("x", extra=extra), PartEnded(choice=0, part=0))
    (message,) = events[-1]["response"]["output"]
    assert (message["phase"], message["content"][0]["annotations"]) == ("commentary", [other])
