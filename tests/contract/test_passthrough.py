"""Send a thousand generated requests through a running gateway to an upstream of the same protocol: no byte changes.

But for the model's name. Unknown fields stand anywhere, spelled in every way that JSON has.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from gearshift.server.asgi import Receive, Scope, Send, read_body
from tests.fakes.house import house
from tests.fakes.nouns import deployment, provider
from tests.fakes.polyglot import listening

EACH: Final = 250
ANSWERS: Final[dict[str, dict[str, object]]] = {
    "openai_chat": {
        "id": "r",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    },
    "openai_responses": {
        "id": "r",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "m",
        "output": [
            {
                "type": "message",
                "id": "i",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
            }
        ],
    },
    "anthropic_messages": {
        "id": "r",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    "gemini": {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]},
}
PATHS: Final = {
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic_messages": "/v1/messages",
    "gemini": "/v1beta/models/{model}:generateContent",
}
TURN: Final = {
    "openai_chat": ("messages", '"role":"user","content":"Hi"'),
    "openai_responses": ("input", '"role":"user","content":"Hi"'),
    "anthropic_messages": ("messages", '"role":"user","content":"Hi"'),
    "gemini": ("contents", '"role":"user","parts":[{"text":"Hi"}]'),
}
"""Where a body holds its turns, and the members of one."""


class Upstream:
    """Answer each request of one protocol, and remember the last."""

    def __init__(self, answer: dict[str, object]) -> None:
        self._answer = json.dumps(answer).encode()
        self.path = ""
        self.body = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.path = scope["path"]
        self.body = await read_body(scope, receive, 1 << 24)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self._answer, "more_body": False})


class Site(Struct, frozen=True):
    """Hold a running gateway's address, and the upstream of each protocol."""

    address: str
    upstreams: dict[str, Upstream]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve a model for each protocol, called as it, in a thread of its own."""
    upstreams = {name: Upstream(answer) for name, answer in ANSWERS.items()}
    loop, up, down = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    found: list[str] = []

    async def serve(folder: Path) -> None:
        urls: dict[str, str] = {}
        async with asyncio.timeout(600):
            await _with_upstreams(folder, urls)

    async def _with_upstreams(folder: Path, urls: dict[str, str]) -> None:
        missing = [name for name in upstreams if name not in urls]
        if missing:
            async with listening(upstreams[missing[0]]) as url:
                await _with_upstreams(folder, {**urls, missing[0]: url})
            return
        at = [deployment(name, provider(f"at-{name}", url, protocol=name)) for name, url in urls.items()]
        async with house(folder, *at) as home, listening(home.app) as url:
            found.append(url.removeprefix("http://"))
            up.set()
            await down.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve(tmp_path_factory.mktemp("gateway"))))
    thread.start()
    assert up.wait(30)
    yield Site(found[0], upstreams)
    loop.call_soon_threadsafe(down.set)
    thread.join(30)
    loop.close()


def spaced(text: str) -> st.SearchStrategy[str]:
    return st.tuples(spaces, spaces).map(lambda around: f"{around[0]}{text}{around[1]}")


spaces = st.text(" \t\n\r", max_size=2)
numbers = st.sampled_from(
    ["0", "-0", "-0.0", "1.50", "1E5", "1e-7", "12345678901234567890123", "0.1000000000000000055"]
)
escaped = st.sampled_from(
    ['"\\u00e9"', '"é"', '"\\ud83d\\ude00"', '"😀"', '"\\/"', '"/"', '"\\u0000"', '""', '"\\n\\t"']
)
plain = st.text(max_size=12).filter(lambda text: not any("\ud800" <= char <= "\udfff" for char in text)).map(json.dumps)
leaves = st.one_of(st.sampled_from(["null", "true", "false"]), numbers, escaped, plain)
names = st.integers(0, 10**6).map(lambda number: f'"x_{number}"')


def listed(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=3).map(lambda items: f"[{','.join(items)}]")


def member_lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    named = st.dictionaries(names, values, max_size=3).map(lambda said: [f"{name}:{said[name]}" for name in said])
    return named.flatmap(lambda members: st.tuples(*[spaced(member) for member in members]).map(list))


values = st.recursive(
    leaves.flatmap(spaced),
    lambda inner: listed(inner) | member_lists(inner).map(lambda members: f"{{{','.join(members)}}}"),
    max_leaves=6,
)


@st.composite
def bodies(draw: st.DrawFn, protocol: str) -> str:
    """Give a body in which the model is called `{model}`."""
    place, turn = TURN[protocol]
    inner = draw(st.permutations([turn, *draw(member_lists(values))]))
    members = [f'"{place}":[{{{",".join(inner)}}}]', *draw(member_lists(values))]
    if protocol != "gemini":
        members.append(draw(spaced('"model"')) + ":" + draw(spaced('"{model}"')))
    if protocol == "anthropic_messages":
        members.append('"max_tokens":9')
    return draw(spaces) + "{" + ",".join(draw(st.permutations(members))) + "}" + draw(spaces)


@pytest.mark.parametrize("protocol", ANSWERS)
def test_unknown_fields_reach_an_upstream_of_the_same_protocol_as_they_were(site: Site, protocol: str) -> None:
    connection = http.client.HTTPConnection(site.address, timeout=30)
    upstream, tried = site.upstreams[protocol], set[str]()

    @settings(max_examples=EACH)
    @given(body=bodies(protocol))
    def holds(body: str) -> None:
        said = body.replace("{model}", protocol).encode()
        connection.request("POST", PATHS[protocol].format(model=protocol), said, {"content-type": "application/json"})
        answer = connection.getresponse()
        told = answer.read()
        assert answer.status == 200, told
        assert upstream.body == body.replace("{model}", f"{protocol}-v1").encode()
        tried.add(body)

    try:
        holds()
    finally:
        connection.close()
    assert len(tried) >= EACH * 0.9  # they differ
    if protocol == "gemini":
        assert upstream.path.endswith("/models/gemini-v1:generateContent")
