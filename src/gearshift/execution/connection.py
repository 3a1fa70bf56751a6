"""Own one HTTP/1.1 connection to an upstream: an `asyncio.BufferedProtocol` around httptools' C parser.

    idle ── exchange ──> head ──> body ── whole, keep-alive ──> idle (pooled)
                          │        └── cut, refused, let go early ──> closed
                          └── dies before any byte came ──> Stale

Source: RFC 9112. Invariants: at most one exchange at a time; heads and buffered bodies are bounded; a body that ends
early raises StreamBroken; what arrives on an idle connection closes it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, cast

import httptools

from gearshift.errors import StreamBroken, UpstreamError, UpstreamInvalid
from gearshift.execution.upstream import LINGER, NO_HEAD, OK, unheard
from gearshift.types.catalog import Seconds

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_BUFFERED_BYTES: Final = 16 * 1024
"""Bytes of body that may wait unread before the socket is paused."""
READ_BYTES: Final = 16 * 1024
"""Bytes that are read at a time. uvloop reads 256 KiB unless told, which each caller who does not read would hold
several times (measured: 1,490 KiB a caller, 160 with this and `server.connection.MAX_UNSENT_BYTES`; 2026-11)."""
_FIRST_FINAL_STATUS: Final = 200


class Stale(Exception):
    """Say that a connection died before a byte of the answer came."""


class Connection(asyncio.BufferedProtocol):
    """Be one connection. `on_idle` is called when it may serve another exchange.

    All connections of a client read into the same `room`: what it holds is taken over before the next one reads.
    """

    # What follows belongs to one exchange: `_begin` sets it anew.
    _parser: httptools.HttpResponseParser
    _headers: dict[str, str]
    _status: int
    _head_bytes: int
    _head_complete: bool
    _framed: bool
    _chunks: deque[bytes]
    _buffered: int
    _paused: bool
    _complete: bool
    _keep_alive: bool
    _error: UpstreamError | None

    def __init__(self, loop: asyncio.AbstractEventLoop, room: bytearray, on_idle: Callable[[Connection], None]) -> None:
        """Prepare for the transport that `create_connection` will bring."""
        self._loop = loop
        self._room = memoryview(room)
        self._on_idle = on_idle
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._open = True
        self.idle_since: Seconds = 0.0
        self._busy = False
        self._lingering: asyncio.TimerHandle | None = None
        self._begin()

    @property
    def usable(self) -> bool:
        """Say whether another exchange may be tried on it."""
        return self._open and not self._busy

    async def exchange(self, request: bytes, written: Callable[[], None] = unheard) -> Http1Reply:
        """Send a request and wait for the head of its answer; raise Stale when not a byte of it came."""
        if self._transport is None or not self.usable:
            raise Stale
        self._begin()
        self._busy = True
        self._transport.write(request)
        written()
        try:
            await self._head()
        except BaseException:
            self.abort()
            raise
        return Http1Reply(self, self._status, self._headers)

    async def next(self) -> bytes:
        """Give what has arrived of the body, b"" at its end; raise when it was cut or is not HTTP."""
        while not self._chunks:
            if self._error is not None:
                raise self._error
            if self._complete:
                return b""
            await self._wait()
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        self._buffered = 0
        return data

    def release(self) -> None:
        """Serve another exchange, if this answer was taken whole and the upstream keeps the connection; else close."""
        if self._complete and self._keep_alive and self._open and not self._chunks and self._error is None:
            self._busy = False
            self.idle_since = self._loop.time()
            self._on_idle(self)
        else:
            self.abort()

    def linger(self, seconds: Seconds) -> None:
        """Release once the rest of the body has come, unread; close when that takes longer than `seconds`."""
        self._chunks.clear()
        if self._complete or not self._open:
            self.release()
            return
        self._lingering = self._loop.call_later(seconds, self.abort)

    def abort(self) -> None:
        """Close at once."""
        self._open = False
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport; uvloop's is one by shape, not by class."""
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - as asyncio has it
        """Give where to read into: a small piece, for as many may be held as there are callers who do not read."""
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Take bytes of an answer."""
        if not self._busy:
            self.abort()  # an answer to nothing
            return
        if not self._head_complete:
            self._head_bytes += nbytes
        try:
            self._parser.feed_data(self._room[:nbytes])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._keep_alive = False
            if not self._complete:
                self._fail(UpstreamInvalid("the answer is not valid HTTP; check that base_url points at an API"))
        if not self._head_complete and self._head_bytes > MAX_HEAD_BYTES:
            self._fail(UpstreamInvalid(f"the head of the answer is longer than {MAX_HEAD_BYTES} bytes"))
        if self._lingering is not None:
            self._rest()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end: of a body that the end closes, or of one that was cut."""
        self._open = self._keep_alive = False
        if self._head_complete and not self._complete:
            if self._framed or exc is not None:
                self._fail(StreamBroken("the upstream's answer was cut off"))
            self._complete = True
        self._wake()

    def on_message_begin(self) -> None:
        """Begin an answer; a second one to the same request is none of ours."""
        if self._complete:
            self._keep_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; the last one of a name wins."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """End the head; an informational one (1xx) is passed over."""
        if self._complete:
            return
        status = self._parser.get_status_code()
        if status < _FIRST_FINAL_STATUS:
            self._headers = {}
            return
        self._status = status
        self._framed = "content-length" in self._headers or "transfer-encoding" in self._headers
        self._keep_alive = self._parser.should_keep_alive()
        if self._headers.get("content-encoding", "identity") != "identity":
            self._fail(UpstreamInvalid("the answer is compressed although 'identity' was asked for"))
        self._head_complete = True

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body; pause the socket when nobody reads."""
        if self._complete:
            return
        self._chunks.append(body)
        self._buffered += len(body)
        if self._buffered > MAX_BUFFERED_BYTES and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """End the answer."""
        if self._head_complete:
            self._complete = True

    def _rest(self) -> None:
        """Throw away what nobody reads any more; it still counts against the bound."""
        self._chunks.clear()
        if self._buffered > MAX_BUFFERED_BYTES:
            self.abort()
        elif self._complete and self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
            self.release()

    async def _head(self) -> None:
        """Wait for the head of the answer."""
        while not self._head_complete:
            if self._error is not None:
                raise self._error
            if not self._open:
                if self._head_bytes:
                    raise StreamBroken("the upstream's answer was cut in its head")
                raise Stale
            await self._wait()

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers = {}
        self._status = 0
        self._head_bytes = 0
        self._head_complete = False
        self._framed = False
        self._chunks = deque()
        self._buffered = 0
        self._paused = False
        self._complete = False
        self._keep_alive = False
        self._error = None

    def _fail(self, error: UpstreamError) -> None:
        self._error = self._error or error

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Http1Reply:
    """Be one answer whose head has arrived; see `execution.upstream.Reply`."""

    __slots__ = ("_connection", "content_type", "head", "received", "status")

    def __init__(self, connection: Connection, status: int, headers: dict[str, str]) -> None:
        """Take the head; the body is still on the connection."""
        self._connection: Connection | None = connection
        self.status = status
        self.content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        self.head = NO_HEAD if status == OK else headers
        self.received = 0

    async def read(self, limit: int) -> bytes:
        """Give the whole body; raise UpstreamInvalid above `limit` bytes, StreamBroken when it is cut."""
        parts: list[bytes] = []
        while chunk := await self.chunk():
            self.received += len(chunk)
            if self.received > limit:
                raise UpstreamInvalid(
                    f"the upstream's answer is longer than {limit} bytes", upstream_status=self.status
                )
            parts.append(chunk)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def chunk(self) -> bytes:
        """Give what has arrived next, b"" at the end: what came together is given together."""
        return b"" if self._connection is None else await self._connection.next()

    def close(self) -> None:
        """Let go, once: a finished connection returns to its pool, any other is closed at once."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.release()

    def release(self) -> None:
        """Let go of a body that says nothing more, waiting aside for its end."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.linger(LINGER)
