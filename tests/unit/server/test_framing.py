from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from gearshift.errors import InvalidRequest
from gearshift.execution.outlet import Outlet
from gearshift.server.asgi import ASGIOutlet, Message
from gearshift.server.framing import ArrayOutlet, framed
from tests.fakes.house import House, serving
from tests.fakes.upstream import event, refuses, sends, streams

PATH = "/v1beta/models/small:streamGenerateContent"
BODY = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
HEAD = [(b"content-type", b"text/event-stream"), (b"x-a", b"1")]


class Caller:
    """Take what is sent."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.outlet = ASGIOutlet(self.send)

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


def told(*pieces: bytes, head: list[tuple[bytes, bytes]] | None = None) -> Caller:
    caller = Caller()

    async def scene() -> None:
        outlet = ArrayOutlet(caller.outlet)
        await outlet.start(200, HEAD if head is None else head)
        for piece in pieces[:-1]:
            await outlet.write(piece)
        await outlet.finish(pieces[-1])
        assert outlet.started
        assert not outlet.left
        outlet.abort()
        assert outlet.left

    asyncio.run(scene())
    return caller


def test_events_become_elements_as_they_come() -> None:
    caller = told(b'data: {"a":1}\n\n', b": ping\n\n", b'data: {"a":2}\n\ndata: {"a":3}\n\n')
    assert caller.sent[0]["headers"] == [(b"content-type", b"application/json"), (b"x-a", b"1")]
    assert [message["body"] for message in caller.sent[1:]] == [b'[{"a":1}', b'\n,\n{"a":2}\n,\n{"a":3}\n]']


def test_a_sign_of_life_is_a_blank_line_wherever_it_comes() -> None:
    caller = told(b"\n", b'data: {"a":1}\n\n', b"\n", b'data: {"a":2}\n\n')
    assert [message["body"] for message in caller.sent[1:]] == [b"\n", b'[{"a":1}', b"\n", b'\n,\n{"a":2}\n]']
    assert json.loads(caller.body) == [{"a": 1}, {"a": 2}]


def test_a_stream_that_says_nothing_is_an_empty_array() -> None:
    assert json.loads(told(b": ping\n\n", b"").body) == []


def test_an_error_before_the_stream_is_an_array_of_its_true_length() -> None:
    body = b'{"error":{"code":404}}'
    caller = told(body, head=[(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))])
    assert json.loads(caller.body) == [{"error": {"code": 404}}]
    assert dict(caller.sent[0]["headers"])[b"content-length"] == b"%d" % len(caller.body)


@pytest.mark.parametrize(
    ("path", "query", "array"),
    [
        (PATH, b"", True),
        (PATH, b"key=k&alt=json", True),
        (PATH, b"alt=sse", False),
        (PATH, b"%24alt=sse", False),
        ("/v1beta/models/small:generateContent", b"", False),
        ("/v1/chat/completions", b"alt=media", False),
    ],
)
def test_the_query_says_how_a_stream_is_framed(path: str, query: bytes, array: bool) -> None:
    outlet: Outlet = Caller().outlet
    assert isinstance(framed({"path": path, "query_string": query}, outlet), ArrayOutlet) == array


def test_another_framing_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="alt: found 'media', expected sse or json"):
        framed({"path": PATH, "query_string": b"alt=media"}, Caller().outlet)


async def asked(home: House, **options: str) -> Any:  # noqa: ANN401 - JSON
    visit = await home.post(PATH, BODY, **options).done()  # type: ignore[arg-type]
    assert visit.headers["content-type"] == "application/json"
    return visit.status, json.loads(visit.body)


def test_a_stream_is_an_array_for_a_caller_who_did_not_ask_for_events(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, streams("Hel", "lo")) as (home, upstream):
            status, pieces = await asked(home)
            texts = [part["text"] for piece in pieces for part in piece["candidates"][0]["content"]["parts"]]
            assert (status, "".join(texts)) == (200, "Hello")
            assert pieces[-1]["candidates"][0]["finishReason"] == "STOP"
            assert json.loads(upstream.log[0].body)["stream"] is True

    asyncio.run(scene())


def test_errors_are_elements_before_and_in_a_stream(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, refuses(400), sends(event({"content": "Hel"}))) as (home, _):
            status, pieces = await asked(home)
            assert (status, [*pieces[0]]) == (400, ["error"])
            status, pieces = await asked(home)
            assert (status, "error" in pieces[-1], len(pieces)) == (200, True, 2)
            visit = await home.post(PATH, b"{").done()
            assert json.loads(visit.body)[0]["error"]["status"] == "INVALID_ARGUMENT"

    asyncio.run(scene())
