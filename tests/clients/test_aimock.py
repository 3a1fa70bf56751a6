"""Compare what aimock answers with what comes through the gateway: the same JSON, event for event, and the cost."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from tests.clients.driving import MODELS

STREAMS: Final = [False, True]
ADDED: Final = frozenset({"cost", "cost_details", "modelVersion"})
"""What the gateway says of an answer; aimock names no `modelVersion`."""
RANDOM: Final = frozenset({"created", "created_at", "completed_at", "item_id"})
"""What aimock makes anew for each answer, as it does the ids of Responses' items."""
COSTS: Final = {"Say hello.": 8e-05, "How warm is it in Köln?": 7e-05, "Answer at length.": 2e-05}
"""Each prompt, and what its answer costs: a dollar for a million tokens in, two for a million out."""
PARAMETERS: Final = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def request(protocol: str, model: str, prompt: str, stream: bool) -> tuple[str, dict[str, object]]:
    """Give the path and the body of a question in a protocol."""
    turn = {"role": "user", "content": prompt}
    weather = {"name": "weather", "parameters": PARAMETERS}
    said: dict[str, object] = {"model": model, "stream": stream}
    match protocol:
        case "openai_chat":
            options = {"stream_options": {"include_usage": True}} if stream else {}
            tools = [{"type": "function", "function": weather}]
            return "/v1/chat/completions", {**said, **options, "messages": [turn], "tools": tools}
        case "openai_responses":
            return "/v1/responses", {**said, "input": [turn], "tools": [{"type": "function", **weather}]}
        case "anthropic_messages":
            tools = [{"name": "weather", "input_schema": PARAMETERS}]
            return "/v1/messages", {**said, "max_tokens": 99, "messages": [turn], "tools": tools}
        case _:
            verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
            contents = [{"role": "user", "parts": [{"text": prompt}]}]
            declared = [{"functionDeclarations": [weather]}]
            return f"/v1beta/models/{model}:{verb}", {"contents": contents, "tools": declared}


def answer(url: str, path: str, body: dict[str, object]) -> list[Any]:
    """Give the events of an answer, or it alone."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        headers = {"content-type": "application/json", "x-api-key": "any", "anthropic-version": "2023-06-01"}
        connection.request("POST", path, json.dumps(body).encode(), headers)
        told = connection.getresponse()
        text = told.read().decode()
        assert told.status == 200, text
    finally:
        connection.close()
    if not (told.getheader("content-type") or "").startswith("text/event-stream"):
        return [json.loads(text)]
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def bare(value: Any, model: str) -> Any:  # noqa: ANN401 - any JSON
    """Give JSON without what the gateway adds and what is made by chance, its model called MODEL."""
    match value:
        case dict():
            kept = {name: inner for name, inner in value.items() if name not in ADDED | RANDOM}
            named = {name: "ID" if name == "id" and _is_random(inner) else inner for name, inner in kept.items()}
            return {name: bare(inner, model) for name, inner in named.items()}
        case list():
            return [bare(inner, model) for inner in value]
        case _:
            return "MODEL" if value == model else value


def _is_random(name: object) -> bool:
    return str(name).startswith(("msg-", "msg_", "fc-", "resp-", "chatcmpl-"))


def costs(value: Any) -> Iterator[object]:  # noqa: ANN401 - any JSON
    """Give each cost that JSON holds."""
    match value:
        case dict():
            yield from ([value["cost"]] if "cost" in value else [])
            for inner in value.values():
                yield from costs(inner)
        case list():
            for inner in value:
                yield from costs(inner)
        case _:
            pass


@pytest.mark.parametrize("stream", STREAMS, ids=["whole", "stream"])
@pytest.mark.parametrize("prompt", COSTS)
@pytest.mark.parametrize("protocol", MODELS)
def test_an_answer_of_the_same_protocol_comes_through_as_it_was(
    gateway: str, aimock: str, protocol: str, prompt: str, stream: bool
) -> None:
    model, name, _ = MODELS[protocol]
    direct = answer(aimock, *request(protocol, name, prompt, stream))
    told = answer(gateway, *request(protocol, model, prompt, stream))
    assert [bare(event, model) for event in told] == [bare(event, name) for event in direct]
    assert [*costs(told)] == [COSTS[prompt]]
    assert [*costs(direct)] == []
