"""One caller's connection, shown over real sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvicorn
from uvicorn.server import ServerState

from gearshift.server import connection
from gearshift.server.asgi import Message, Receive, Scope, Send
from gearshift.server.connection import ABORT, MAX_AHEAD_BYTES, MAX_HEAD_BYTES, CallerConnection

App = Callable[[Scope, Receive, Send], Awaitable[None]]
GET = b"GET /%b HTTP/1.1\r\nhost: x\r\n\r\n"


class Kitchen:
    """Be an app: answers `/` at once, waits for `go` or the caller's leaving elsewhere, and notes what happened."""

    def __init__(self, size: int = 2) -> None:
        self.asked: list[str] = []
        self.left: list[str] = []
        self.go = asyncio.Event()
        self.news = asyncio.Event()
        self.scope: Scope = {}
        self._size = size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.asked.append(scope["path"])
        self.news.set()
        message: Message = {"more_body": True}
        while message.get("more_body"):
            message = await receive()
        if scope["path"] != "/":
            leaving = asyncio.ensure_future(self._gone(receive))
            await asyncio.wait([leaving, asyncio.ensure_future(self.go.wait())], return_when="FIRST_COMPLETED")
            if leaving.done():
                self.left.append(scope["path"])
                self.news.set()
                return
            leaving.cancel()
        head = [(b"content-length", b"%d" % self._size)]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b"x" * self._size})

    async def _gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(3):
            while not true():  # noqa: ASYNC110 - what is waited for is noted in many places
                await asyncio.sleep(0.005)


@asynccontextmanager
async def calling(kitchen: Kitchen) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Serve `kitchen` and connect to it."""
    config = uvicorn.Config(kitchen, http=CallerConnection, ws="none", log_config=None)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(lambda: CallerConnection(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1], limit=1 << 22)
    try:
        yield reader, writer
    finally:
        writer.close()
        server.close()
        for task in state.tasks:
            task.cancel()


async def answer(reader: asyncio.StreamReader, body: bytes = b"xx") -> bytes:
    async with asyncio.timeout(3):
        head = await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(len(body)) == body
    return head


def run(scene: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await scene()

    asyncio.run(main())


@pytest.mark.parametrize("together", [False, True])
def test_requests_that_come_ahead_are_answered_in_turn(together: bool) -> None:
    async def scene() -> None:
        kitchen = Kitchen()
        async with calling(kitchen) as (reader, writer):
            requests = [GET % name for name in (b"one", b"two", b"three")]
            for piece in [b"".join(requests)] if together else requests:
                writer.write(piece)
                await kitchen.until(lambda: bool(kitchen.asked))
                await asyncio.sleep(0.02)
            assert kitchen.asked == ["/one"]
            kitchen.go.set()
            for _ in requests:
                assert b" 200 " in await answer(reader)
            assert kitchen.asked == ["/one", "/two", "/three"]

    run(scene)


@pytest.mark.parametrize("together", [False, True])
def test_a_caller_who_sent_a_request_ahead_and_leaves_is_noticed(together: bool) -> None:
    async def scene() -> None:
        kitchen = Kitchen()
        async with calling(kitchen) as (_, writer):
            writer.write(GET % b"one" + (GET % b"two" if together else b""))
            await kitchen.until(lambda: kitchen.asked == ["/one"])
            await asyncio.sleep(0.02)
            if not together:
                writer.write(GET % b"two")
                await asyncio.sleep(0.02)
            writer.close()
            await kitchen.until(lambda: kitchen.left == ["/one"])
            assert kitchen.asked == ["/one"]

    run(scene)


def test_the_body_of_a_request_that_came_ahead_comes_whole() -> None:
    async def scene() -> None:
        kitchen = Kitchen()
        async with calling(kitchen) as (reader, writer):
            size = 2 * MAX_AHEAD_BYTES
            writer.write(GET % b"one" + b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % size)
            await kitchen.until(lambda: kitchen.asked == ["/one"])
            writer.write(b"y" * size)
            await asyncio.sleep(0.05)
            kitchen.go.set()
            for _ in range(2):
                assert b" 200 " in await answer(reader)

    run(scene)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nhost: x\r\na: %b\r\n\r\n" % (b"x" * MAX_HEAD_BYTES),
        b"GET / HTTP/1.1\r\nhost: x\r\na: %b" % (b"x" * (MAX_HEAD_BYTES + 100)),
        b"GET /%b" % (b"x" * (MAX_HEAD_BYTES + 100)),
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * (MAX_HEAD_BYTES // 6 + 100),
    ],
)
@pytest.mark.parametrize("pieces", [1, 9])
def test_a_head_that_is_too_long_is_refused(head: bytes, pieces: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)

    async def scene() -> None:
        kitchen = Kitchen()
        async with calling(kitchen) as (reader, writer):
            step = len(head) // pieces + 1
            for start in range(0, len(head), step):
                writer.write(head[start : start + step])
                await asyncio.sleep(0.002)
            async with asyncio.timeout(3):
                said = await reader.read()
            assert said.startswith(b"HTTP/1.1 431 ")
            assert b'"code":"request_head_too_large"' in said
            assert kitchen.asked == []

    run(scene)


def test_a_head_within_the_bound_is_taken_again_and_again() -> None:
    async def scene() -> None:
        async with calling(Kitchen()) as (reader, writer):
            for _ in range(3):
                writer.write(b"GET / HTTP/1.1\r\nhost: x\r\na: %b\r\n\r\n" % (b"x" * (MAX_HEAD_BYTES - 100)))
                assert b" 200 " in await answer(reader)

    run(scene)


def test_what_is_no_http_is_still_a_400(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)

    async def scene() -> None:
        async with calling(Kitchen()) as (reader, writer):
            writer.write(b"nonsense\r\n\r\n")
            async with asyncio.timeout(3):
                assert (await reader.read()).startswith(b"HTTP/1.1 400 ")

    run(scene)


@pytest.mark.parametrize("closing", [False, True])
def test_a_caller_who_takes_nothing_of_its_answer_is_cut_off(closing: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "KEEP_ALIVE", 0.1)

    async def scene() -> None:
        kitchen = Kitchen(size=1 << 24)
        async with calling(kitchen) as (reader, writer):
            close = b"connection: close\r\n" if closing else b""
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n%b\r\n" % close)
            await kitchen.until(lambda: bool(kitchen.asked))
            await asyncio.sleep(0.5)
            async with asyncio.timeout(3):
                with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                    await reader.readexactly(1 << 24)

    run(scene)


def test_an_app_can_break_the_connection() -> None:
    async def scene() -> None:
        kitchen = Kitchen()
        async with calling(kitchen) as (reader, writer):
            writer.write(GET % b"one")
            await kitchen.until(lambda: bool(kitchen.asked))
            kitchen.scope["extensions"][ABORT]["call"]()
            async with asyncio.timeout(3):
                with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                    await reader.readexactly(1)
            await kitchen.until(lambda: kitchen.left == ["/one"])

    run(scene)
