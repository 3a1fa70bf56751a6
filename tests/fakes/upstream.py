"""Own a scripted upstream: real sockets, a script per request, and a log of what was seen and when.

Each request plays the next scene; the last one is played again for every further request. A scene is a coroutine on a
`Wire`, so it can say any bytes, at any time, and break off anywhere. Connections are kept alive as HTTP/1.1 has it.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, Self, TypeAlias, cast

Scene: TypeAlias = Callable[["Wire"], Awaitable[None]]
Then: TypeAlias = Literal["end", "keep", "close", "hang", "reset"]
"""What follows the last byte: the end of a chunked body, the next request, a closed connection, silence, a reset."""

USAGE = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}


class Seen:
    """Hold what was seen of one request; times are the loop's. `gone` is set once the connection is closed."""

    def __init__(self, connection: int, opened: float) -> None:
        self.connection = connection
        self.opened = opened
        self.closed: float | None = None
        self.gone = asyncio.Event()
        self.method = ""
        self.target = ""
        self.headers: dict[str, str] = {}
        self.body = b""

    @property
    def json(self) -> dict[str, Any]:
        """Give the parsed body."""
        body: dict[str, Any] = json.loads(self.body)
        return body


class Wire(asyncio.Protocol):
    """Be one connection of a caller."""

    def __init__(self, house: ScriptedUpstream) -> None:
        self._house = house
        self._number = len(house.connections)
        self._received = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._opened = 0.0
        self.seen: Seen | None = None
        self.gone = asyncio.Event()
        house.connections.append(self)

    def send(self, data: bytes) -> None:
        """Say raw bytes."""
        self._transport.write(data)

    @property
    def unsent(self) -> int:
        """Give the bytes that the caller has not taken yet."""
        return self._transport.get_write_buffer_size()

    def head(self, status: int = 200, content_type: str = "application/json", *lines: str, length: int | None) -> None:
        """Say a head; without a length the body is chunked."""
        framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
        self.send(http(b"", f"content-type: {content_type}", framing, *lines, status=status))

    def piece(self, data: bytes) -> None:
        """Say one chunk of a chunked body."""
        if data:
            self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self) -> None:
        """End a chunked body."""
        self.send(b"0\r\n\r\n")

    async def then(self, what: Then) -> None:
        """Do what follows the last byte."""
        match what:
            case "end":
                self.end()
            case "keep":
                pass
            case "close":
                self._transport.close()
            case "hang":
                await self.gone.wait()
            case "reset":
                linger = struct.pack("ii", 1, 0)
                self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._loop = asyncio.get_running_loop()
        self._opened = self._loop.time()

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.gone.set()
        for seen in self._house.log:
            if seen.connection == self._number and seen.closed is None:
                seen.closed = self._loop.time()
                seen.gone.set()

    def _begin(self) -> None:
        """Play a scene once a whole request is there."""
        if self._received[:1] == b"\x16":  # a TLS greeting
            self._transport.abort()
        head, blank, rest = bytes(self._received).partition(b"\r\n\r\n")
        if self._task is not None or not blank:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers.get("content-length", "0"))
        if len(rest) < size:
            return
        del self._received[: len(head) + 4 + size]
        self.seen = seen = Seen(self._number, self._opened)
        seen.method, seen.target = first.split(" ")[:2]
        seen.headers, seen.body = headers, rest[:size]
        self._house.log.append(seen)
        self._house.news.set()
        self._task = self._loop.create_task(self._play(self._house.next_scene()))

    async def _play(self, scene: Scene) -> None:
        await scene(self)
        self._task = None
        self._begin()

    async def stop(self) -> None:
        """Break off."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._transport.abort()
        await self.gone.wait()


class ScriptedUpstream:
    """Be an upstream: `async with ScriptedUpstream(answers("Hello")) as upstream: ... upstream.base_url`."""

    def __init__(self, *scenes: Scene) -> None:
        self._scenes = list(scenes) or [answers()]
        self.log: list[Seen] = []
        self.connections: list[Wire] = []
        self.news = asyncio.Event()
        self.base_url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(lambda: Wire(self), "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}/v1"
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for wire in self.connections:
            await wire.stop()
        await self._server.wait_closed()

    def next_scene(self) -> Scene:
        """Give the scene of the next request."""
        return self._scenes.pop(0) if len(self._scenes) > 1 else self._scenes[0]

    async def request(self, number: int = 0) -> Seen:
        """Wait until request `number` has come whole."""
        while len(self.log) <= number:
            self.news.clear()
            await self.news.wait()
        return self.log[number]


def answers(
    text: str = "Hello", *, usage: dict[str, Any] | None = USAGE, model: str = "small-2026", **extra: object
) -> Scene:
    """Answer whole."""
    body = completion(text, usage=usage, model=model, **extra)

    async def scene(wire: Wire) -> None:
        wire.head(length=len(body))
        wire.send(body)

    return scene


def streams(*texts: str, usage: dict[str, Any] | None = USAGE, done: bool = True, then: Then = "end") -> Scene:
    """Answer as a stream: a role, one event per text, the finish reason, usage, the terminator."""
    return sends(*stream_events(*texts, usage=usage, done=done), then=then)


def sends(*pieces: bytes | float, then: Then = "end", content_type: str = "text/event-stream") -> Scene:
    """Answer 200 with a chunked body of these pieces; a number is a pause of so many seconds."""

    async def scene(wire: Wire) -> None:
        wire.head(content_type=content_type, length=None)
        for piece in pieces:
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            else:
                wire.piece(piece)
        await wire.then(then)

    return scene


def refuses(status: int, message: str = "no", *lines: str) -> Scene:
    """Answer with an error in OpenAI's shape."""
    body = json.dumps({"error": {"message": message, "type": "x", "code": None, "param": None}}).encode()

    async def scene(wire: Wire) -> None:
        wire.head(status, "application/json", *lines, length=len(body))
        wire.send(body)

    return scene


def says(data: bytes, then: Then = "hang") -> Scene:
    """Answer with raw bytes, head and all; b"" is silence."""

    async def scene(wire: Wire) -> None:
        if data:
            wire.send(data)
        await wire.then(then)

    return scene


def completion(
    text: str = "Hello", *, usage: dict[str, Any] | None = USAGE, model: str = "small-2026", **extra: object
) -> bytes:
    """Give the body of a whole answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    answer = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model, "choices": [choice]}
    return json.dumps({**answer, **({"usage": usage} if usage else {}), **extra}).encode()


def event(delta: dict[str, Any] | None, finish: str | None = None, **extra: object) -> bytes:
    """Give one event of a stream; no delta: no choices."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "small-2026"}
    return b"data: %b\n\n" % json.dumps({**head, "choices": choices, **extra}).encode()


DONE = b"data: [DONE]\n\n"


def stream_events(*texts: str, usage: dict[str, Any] | None = USAGE, done: bool = True) -> list[bytes]:
    """Give the events of a stream."""
    events = [event({"role": "assistant", "content": ""}), *(event({"content": text}) for text in texts)]
    events.append(event({}, "stop"))
    if usage:
        events.append(event(None, usage=usage))
    return [*events, DONE] if done else events


def http(body: bytes, *lines: str, status: int = 200) -> bytes:
    """Give an answer as raw bytes; the framing is up to `lines`."""
    return "\r\n".join([f"HTTP/1.1 {status} X", *lines, "", ""]).encode() + body


def closed_port() -> int:
    """Give a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def deaf_port() -> Iterator[int]:
    """Listen on a port whose queue is full: a connection to it is neither made nor refused."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = int(listener.getsockname()[1])
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        try:
            yield port
        finally:
            for each in waiting:
                each.close()
