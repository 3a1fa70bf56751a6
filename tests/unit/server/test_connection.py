"""One caller's connection, shown over real sockets."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvicorn
from uvicorn.server import ServerState

from gearshift.server import connection, drain
from gearshift.server.admission import FEW
from gearshift.server.asgi import Message, Receive, Scope, Send
from gearshift.server.auth import Keys
from gearshift.server.connection import ABORT, MAX_AHEAD_BYTES, MAX_HEAD_BYTES, CallerConnection
from gearshift.server.gate import Gate
from gearshift.telemetry import Telemetry

App = Callable[[Scope, Receive, Send], Awaitable[None]]
POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"
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
async def calling(
    kitchen: Kitchen, gate: Gate | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Serve `kitchen`, behind a gate where one is given, and connect to it."""
    kind = CallerConnection if gate is None else CallerConnection.through(gate)
    config = uvicorn.Config(kitchen, http=kind, ws="none", log_config=None)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(lambda: kind(config, state, {}), "127.0.0.1", 0)
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
    monkeypatch.setattr(drain, "UNTAKEN", 0.1)

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


# Callers who are slow to ask


@pytest.mark.parametrize("ahead", [False, True])
def test_a_head_that_trickles_is_refused_and_that_is_said(
    ahead: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connection, "HEAD_TIMEOUT", 0.05)

    async def scene() -> None:
        async with calling(Kitchen()) as (reader, writer):
            if ahead:
                writer.write(GET % b"")
                await answer(reader)
            for byte in b"GET / HTTP/1.1":
                writer.write(bytes([byte]))
                await asyncio.sleep(0.001)
            async with asyncio.timeout(3):
                said = await reader.read()
            assert said.startswith(b"HTTP/1.1 408 ")
            assert b"connection: close" in said
            assert b'"request_timeout"' in said
            assert [line.getMessage() for line in caplog.records] == ["slow_head"]

    caplog.set_level(logging.WARNING, "gearshift")
    run(scene)


def test_a_head_in_pieces_is_no_slow_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_TIMEOUT", 0.1)

    async def scene() -> None:
        kitchen = Kitchen()
        async with calling(kitchen) as (reader, writer):
            request = GET % b"one"
            for piece in (request[:10], request[10:20], request[20:]):
                writer.write(piece)
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.2)
            kitchen.go.set()
            assert b" 200 " in await answer(reader)

    run(scene)


def test_a_connection_on_which_nothing_is_asked_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "KEEP_ALIVE", 0.02)

    async def scene() -> None:
        async with calling(Kitchen()) as (reader, _):
            async with asyncio.timeout(3):
                assert await reader.read() == b""

    run(scene)


def test_the_rest_of_a_body_is_not_read_for_ever_once_it_was_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connection, "LINGER", 0.05)

    async def refuse(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"xx"})

    async def scene() -> None:
        async with calling(refuse) as (reader, writer):  # type: ignore[arg-type]
            writer.write(POST % 1000)
            assert b" 413 " in await answer(reader)
            async with asyncio.timeout(3):
                while not (reader.at_eof() or reader.exception() or writer.transport.is_closing()):
                    writer.write(b"x")
                    await asyncio.sleep(0.001)
            assert [line.getMessage() for line in caplog.records] == ["slow_body"]

    caplog.set_level(logging.WARNING, "gearshift")
    run(scene)


def test_who_takes_nothing_in_the_middle_of_a_stream_is_gone_for_its_app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "UNTAKEN", 0.05)
    gone = asyncio.Event()

    async def stream(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        watch = asyncio.ensure_future(receive())
        while not watch.done():
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            await asyncio.sleep(0)
        assert (await watch)["type"] == "http.disconnect"
        gone.set()

    async def scene() -> None:
        async with calling(stream) as (_, writer):  # type: ignore[arg-type]
            writer.write(GET % b"")
            async with asyncio.timeout(5):
                await gone.wait()

    run(scene)


def test_hardly_more_is_written_than_a_caller_takes() -> None:
    """What was written is kept until the answer is whole, so a caller who does not read must not be written to."""
    sent = 0

    async def pour(_scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while sent < 4_000_000:
            await send({"type": "http.response.body", "body": b"x" * 8192, "more_body": True})
            sent += 8192

    async def scene() -> None:
        async with calling(pour) as (_, writer):  # type: ignore[arg-type]
            narrow = writer.get_extra_info("socket")
            narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            writer.transport.pause_reading()  # type: ignore[attr-defined] # it is a read transport too
            writer.write(GET % b"")
            async with asyncio.timeout(5):
                last = -1
                while last != sent or not sent:
                    last = sent
                    await asyncio.sleep(0.1)
            assert sent < 1_000_000

    run(scene)


# Behind a gate


def gated(room: int) -> Gate:
    return Gate(Keys(()), Telemetry(), lambda: 1.0, room=room, patience=0.2)


def overloaded() -> Gate:
    """Give a gate that sheds whoever comes: one is in flight, and the loop lags."""
    gate = gated(FEW)
    gate._admission.begin(None)  # noqa: SLF001 - as if another connection had asked
    for _ in range(2):
        gate._admission.look(1.0, 0.0)  # noqa: SLF001
    return gate


def test_what_is_shed_is_answered_at_once_and_the_connection_serves_on() -> None:
    async def scene() -> None:
        kitchen, gate = Kitchen(), overloaded()
        async with calling(kitchen, gate) as (reader, writer):
            for _ in range(2):
                writer.write(POST % 4 + b"body")
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 503 ")
                assert b"retry-after: " in head
                size = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
                assert b'"overloaded"' in await reader.readexactly(size)
            assert kitchen.asked == []
            writer.write(GET % b"")
            assert b" 200 " in await answer(reader)
            gate._admission.look(0.0, 0.0)  # noqa: SLF001
            kitchen.go.set()
            writer.write(POST % 4 + b"body")
            assert b" 200 " in await answer(reader)
            assert kitchen.asked == ["/", "/v1/chat/completions"]

    run(scene)


@pytest.mark.parametrize("way", ["HTTP/1.0", "closing"])
def test_what_is_shed_for_the_last_time_closes_the_connection(way: str) -> None:
    async def scene() -> None:
        async with calling(Kitchen(), overloaded()) as (reader, writer):
            old = POST.replace(b"HTTP/1.1", b"HTTP/1.0")
            writer.write(old % 0 if way == "HTTP/1.0" else POST.replace(b"host: x", b"connection: close") % 0)
            async with asyncio.timeout(3):
                said = await reader.read()
            assert said.startswith(b"HTTP/1.1 503 ")
            assert b"connection: close" in said

    run(scene)


def test_who_waits_is_begun_in_its_turn_and_who_leaves_is_forgotten() -> None:
    async def scene() -> None:
        kitchen, gate = Kitchen(), gated(2)
        async with calling(kitchen, gate) as (first, one), calling(kitchen, gate) as (_, two):
            async with calling(kitchen, gate) as (third, three), calling(kitchen, gate) as (_, four):
                one.write(POST % 0)
                two.write(POST % 0)
                await kitchen.until(lambda: len(kitchen.asked) == 2)
                four.write(POST % 0)
                await kitchen.until(lambda: gate._admission.waiting == 1)  # noqa: SLF001
                three.write(POST % 0)
                await kitchen.until(lambda: gate._admission.waiting == 2)  # noqa: SLF001
                four.transport.abort()
                await kitchen.until(lambda: gate._admission.waiting == 1)  # noqa: SLF001
                kitchen.go.set()
                assert b" 200 " in await answer(first)
                assert b" 200 " in await answer(third)
            assert len(kitchen.asked) == 3
            await kitchen.until(lambda: gate._admission.in_flight == 0)  # noqa: SLF001

    run(scene)


def test_who_is_refused_while_it_waits_can_ask_again() -> None:
    async def scene() -> None:
        kitchen, gate = Kitchen(), gated(1)
        async with calling(kitchen, gate) as (_, one), calling(kitchen, gate) as (reader, two):
            one.write(POST % 0)
            await kitchen.until(lambda: len(kitchen.asked) == 1)
            two.write(POST % 0)
            await kitchen.until(lambda: gate._admission.waiting == 1)  # noqa: SLF001
            gate.close()
            assert b'"shutting_down"' in (await reader.readuntil(b"}}"))
            kitchen.go.set()
            await kitchen.until(lambda: gate._admission.in_flight == 0)  # noqa: SLF001
            two.write(POST % 0)
            assert b" 200 " in await answer(reader)

    run(scene)


def test_once_the_gateway_stops_answers_close_their_connection() -> None:
    async def scene() -> None:
        kitchen, gate = Kitchen(), gated(5)
        async with calling(kitchen, gate) as (reader, writer):
            gate.stopping = True
            writer.write(GET % b"")
            assert b"connection: close" in await answer(reader)
            assert await reader.read() == b""

    run(scene)
