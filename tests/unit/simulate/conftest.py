"""Own what the simulate tests share: a way to call the ASGI app without a socket, and a scripted model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, MutableMapping
from typing import Any, Final, TypeAlias

import msgspec
import pytest

from gearshift.simulate.answer import Card, End, Piece, Prompt
from gearshift.simulate.server import Upstream
from gearshift.types.chat import Usage

Answered: TypeAlias = tuple[int, dict[str, str], bytes]
Call: TypeAlias = Callable[..., Answered]


class ScriptedModel:
    """Answer with what the test says; `hang` waits for ever after the pieces and notes that it was closed."""

    state: Final = "ready"

    def __init__(self, *pieces: Piece | Exception, hang: bool = False) -> None:
        self.card = Card(id="scripted", owned_by="test", description="a test's model", simulated=True)
        self.pieces = pieces
        self.hang = hang
        self.prompts: list[Prompt] = []
        self.closed = False

    async def answer(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        self.prompts.append(prompt)
        try:
            for piece in self.pieces:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
            if self.hang:
                await asyncio.Event().wait()
        finally:
            self.closed = True


END: Final = End(finish_reason="stop", usage=Usage(input_tokens=3, output_tokens=2))


@pytest.fixture
def scripted() -> Callable[..., ScriptedModel]:
    """Make a scripted model; without pieces it says `Hello world`."""

    def make(*pieces: Piece | Exception, hang: bool = False) -> ScriptedModel:
        return ScriptedModel(*(pieces or ("Hello ", "world", END)), hang=hang)

    return make


@pytest.fixture
def call() -> Call:
    """Call the app once; with `leave` the caller is gone as soon as its body was read."""

    def run(app: Upstream, path: str, body: object = None, *, method: str = "POST", leave: bool = False) -> Answered:
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return asyncio.run(_call(app, {"type": "http", "method": method, "path": path}, raw, leave=leave))

    return run


async def _call(app: Upstream, scope: dict[str, str], body: bytes, *, leave: bool) -> Answered:
    half = len(body) // 2
    events: list[dict[str, Any]] = [
        {"type": "http.request", "body": body[:half], "more_body": True},
        {"type": "http.request", "body": body[half:], "more_body": False},
    ]
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        if events:
            return events.pop(0)
        if leave:
            return {"type": "http.disconnect"}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(event: MutableMapping[str, Any]) -> None:
        sent.append(event)

    async with asyncio.timeout(5):
        await app(scope, receive, send)
    if not sent:
        return 0, {}, b""
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(event["body"] for event in sent[1:])
