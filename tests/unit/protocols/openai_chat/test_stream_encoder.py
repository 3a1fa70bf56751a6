from __future__ import annotations

import json

import msgspec
from msgspec import Raw

from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.openai_chat.stream_encoder import Encoder
from gearshift.protocols.sse import ServerEvent, SSEParser
from gearshift.types.chat import Citation, Usage
from gearshift.types.stream import ChoiceDelta, ChoiceEnded, Event, Finished, PartDelta, PartEnded, PartStarted, Started

STARTED = Started(id="r", model="m", created=7, extra={"tier": Raw(b'"x"')})
HEAD = {"id": "r", "object": "chat.completion.chunk", "created": 7, "model": "m", "tier": "x"}
FINISHED = Finished(usage=Usage(input_tokens=3, output_tokens=2))


def said(*events: Event, send_usage: bool = True) -> list[dict[str, object]]:
    """Give the chunks that say `events`, less their common head."""
    encoder = Encoder(send_usage=send_usage)
    ends = [event for event in events if isinstance(event, Finished)]
    data = b"".join(encoder.feed(event) for event in (STARTED, *events))
    data += b"".join(encoder.end(event, ResponseEdits(model="m")) for event in ends)
    items = [item.data for item in SSEParser().feed(data) if isinstance(item, ServerEvent)]
    chunks = [json.loads(item) for item in items if item != b"[DONE]"]
    assert all(chunk.items() >= HEAD.items() for chunk in chunks)
    return [{name: value for name, value in chunk.items() if name not in HEAD} for chunk in chunks]


def choice(delta: dict[str, object], finish: str | None = None, **fields: object) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish} | fields]}


def test_what_needs_no_bytes_has_none() -> None:
    encoder = Encoder(send_usage=True)
    assert encoder.feed(STARTED) == b""
    assert encoder.feed(PartStarted(choice=0, part=0, kind="text")) == b""
    assert encoder.feed(PartEnded(choice=0, part=0)) == b""


def test_the_role_is_said_once() -> None:
    told = said(
        PartStarted(choice=0, part=0, kind="text"),
        PartDelta(choice=0, part=0, text="H"),
        PartDelta(choice=0, part=0, text="i", logprobs=Raw(b"[1]")),
        ChoiceEnded(choice=0, finish_reason="stop", extra={"native": Raw(b"1")}),
    )
    assert told == [
        choice({"role": "assistant", "content": "H"}),
        choice({"content": "i"}, logprobs=[1]),
        choice({}, "stop", native=1),
    ]


def test_reasoning_is_said_in_the_spelling_of_its_details() -> None:
    told = said(
        PartStarted(choice=0, part=0, kind="reasoning"),
        PartDelta(choice=0, part=0, text="a"),
        PartDelta(choice=0, part=0, text="b", extra={"reasoning_details": Raw(b"[1]")}),
        PartStarted(choice=0, part=1, kind="refusal"),
        PartDelta(choice=0, part=1, text="No"),
    )
    assert told == [
        choice({"role": "assistant", "reasoning_content": "a"}),
        choice({"reasoning": "b", "reasoning_details": [1]}),
        choice({"refusal": "No"}),
    ]


def test_calls_are_numbered_within_their_answer() -> None:
    told = said(
        PartStarted(choice=0, part=0, kind="text"),
        PartStarted(choice=0, part=1, kind="tool_call", id="c", name="f", extra={"x": Raw(b"1")}),
        PartDelta(choice=0, part=1, text="{}", extra={"function": Raw(b'{"z":1}')}),
        PartStarted(choice=0, part=2, kind="tool_call", id="d", name="g"),
    )
    function = {"name": "f", "arguments": ""}
    assert told == [
        choice(
            {
                "role": "assistant",
                "tool_calls": [{"index": 0, "id": "c", "type": "function", "x": 1, "function": function}],
            }
        ),
        choice({"tool_calls": [{"index": 0, "function": {"arguments": "{}", "z": 1}}]}),
        choice(
            {"tool_calls": [{"index": 1, "id": "d", "type": "function", "function": {"name": "g", "arguments": ""}}]}
        ),
    ]


def test_a_custom_call_is_said_as_it_came() -> None:
    extra = {"id": Raw(b'"c"'), "type": Raw(b'"custom"'), "custom": Raw(b'{"name":"sh","input":"l"}')}
    told = said(
        PartStarted(choice=0, part=0, kind="tool_call", id="c", name="sh", extra=extra),
        PartDelta(choice=0, part=0, text="s", extra={"custom": Raw(b'{"input":"s"}')}),
    )
    custom = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "sh", "input": "l"}}
    assert told[0] == choice({"role": "assistant", "tool_calls": [custom]})
    assert told[1] == choice({"tool_calls": [{"index": 0, "custom": {"input": "s"}}]})


def test_what_has_no_noun_is_said_where_it_stood() -> None:
    delta = ChoiceDelta(choice=0, logprobs=Raw(b"[1]"), message={"audio": Raw(b"{}")}, extra={"native": Raw(b"1")})
    told = said(delta, PartStarted(choice=0, part=0, kind="text", extra={"y": Raw(b"2")}))
    assert told == [choice({"role": "assistant", "audio": {}}, logprobs=[1], native=1), choice({"y": 2})]


def test_the_end_says_the_usage_if_it_is_wanted() -> None:
    [told] = said(FINISHED)
    assert told["choices"] == []
    usage = told["usage"]
    assert isinstance(usage, dict)
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (3, 2, 5)
    assert said(FINISHED, send_usage=False) == []
    assert said(Finished()) == []
    assert Encoder(send_usage=True).end(Finished(), ResponseEdits(model="m")) == b"data: [DONE]\n\n"


def test_thinking_that_is_signed_elsewhere_is_told_in_openrouters_details() -> None:
    told = said(
        msgspec.structs.replace(STARTED, protocol="anthropic_messages"),
        PartStarted(choice=0, part=0, kind="reasoning"),
        PartDelta(choice=0, part=0, text="Hm"),
        PartDelta(choice=0, part=0, text="", signature="s"),
    )
    detail = {"type": "reasoning.text", "index": 0, "format": "anthropic-claude-v1"}
    assert told == [
        choice({"role": "assistant", "reasoning": "Hm", "reasoning_details": [{**detail, "text": "Hm"}]}),
        choice({"reasoning": "", "reasoning_details": [{**detail, "text": "", "signature": "s"}]}),
    ]


def test_what_came_late_is_said_at_the_end() -> None:
    extra = {"usage": Raw(b'{"cost":1.5}'), "late": Raw(b"1")}
    [told] = said(Finished(extra=extra))
    assert told == {"choices": [], "late": 1, "usage": {"cost": 1.5}}
    assert said(Finished(extra=extra), send_usage=False) == [{"choices": [], "late": 1}]


def test_what_a_text_cites_is_told_with_it_and_placed_in_the_whole() -> None:
    encoder, page = Encoder(send_usage=True), Citation(url="https://a", title="A", start=1, end=2)
    events: list[Event] = [STARTED]
    for part in (0, 1):
        events += [
            PartStarted(choice=0, part=part, kind="text"),
            PartDelta(choice=0, part=part, text="Höhö"),
            PartDelta(choice=0, part=part, text="", citations=(page,)),
        ]
    data = b"".join(encoder.feed(event) for event in events)
    chunks = [json.loads(item.data) for item in SSEParser().feed(data) if isinstance(item, ServerEvent)]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    cited = [each["url_citation"] for delta in deltas for each in delta.get("annotations", ())]
    assert [(each["url"], each["start_index"], each["end_index"]) for each in cited] == [
        ("https://a", 1, 2),
        ("https://a", 5, 6),
    ]
