"""Own the built-in upstream: an OpenAI-like provider that answers at once, so that what is measured is the gateway.

    not streamed    a chat completion of about 1 KB; `[[think=400]]` in the prompt: 400 ms later
    streamed        the role and `CONTENT_EVENTS - 1` words, an event each, then finish, usage and `[DONE]`;
                    `[[pace=5]]` in the prompt: 5 ms apart, without it each in a write of its own with no pause

The first two events and the last three share a write: the first word comes before any timer, whose steps of a
millisecond would hide what a gateway adds.

Invariant: the bytes are made before the first request; answering copies them. One request at a time on a connection:
one that is sent while another is being answered closes it. The process ends when its stdin does.
"""

from __future__ import annotations

import asyncio
import re
import sys
from typing import Final, cast

import httptools
import msgspec
import uvloop
from msgspec import Struct

from gearshift.cli.benchmark.load import CONTENT_EVENTS, DONE, FIRST_WORD, HOST, THE_END

EVENTS: Final = CONTENT_EVENTS + 3
"""SSE events of a stream: content, finish, usage and `[DONE]`."""
_BACKLOG: Final = 2048
_PACE: Final = re.compile(rb"\[\[pace=(\d+)\]\]")
_THINK: Final = re.compile(rb"\[\[think=(\d+)\]\]")
_ID: Final = "chatcmpl-bench0000000000000000000001"
_MODEL: Final = "bench-1"
_USAGE: Final = {"prompt_tokens": 57, "completion_tokens": CONTENT_EVENTS, "total_tokens": 57 + CONTENT_EVENTS}


class Announcement(Struct, frozen=True):
    """Hold the child's one line on stdout."""

    port: int


class _Wanted(Struct):
    stream: bool = False


class Connection(asyncio.Protocol):
    """Answer one client's requests."""

    def __init__(self) -> None:
        """Start without a client."""
        self._parser = httptools.HttpRequestParser(self)
        self._body: list[bytes] = []
        self._sent = 0
        self._pause = 0.0
        self._streaming = False
        self._timer: asyncio.Handle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the client."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by shape only
        self._loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        """Take what the client sent; what is not HTTP closes the connection."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop answering."""
        del exc
        if self._timer is not None:
            self._timer.cancel()

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._body = []
        if self._streaming:
            self._transport.close()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a request's body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer the request."""
        body = b"".join(self._body)
        if self._parser.get_method() != b"POST":
            self._finish(_NO_MODELS)
        elif not _streamed(body):
            think = _THINK.search(body)
            if think is None:
                self._finish(_PLAIN)
            else:
                self._timer = self._loop.call_later(int(think[1]) / 1000, self._finish, _PLAIN)
        else:
            pace = _PACE.search(body)
            self._pause = int(pace[1]) / 1000 if pace else 0.0
            self._sent, self._streaming = 0, True
            self._transport.write(_STREAM_HEAD)
            self._emit()

    def _emit(self) -> None:
        """Send the next piece of a stream, and see to the one after it."""
        piece = _PIECES[self._sent]
        self._sent += 1
        if self._sent == len(_PIECES):
            self._streaming, self._timer = False, None
            self._finish(piece)
            return
        self._transport.write(piece)
        if self._pause:
            self._timer = self._loop.call_later(self._pause, self._emit)
        else:
            self._timer = self._loop.call_soon(self._emit)

    def _finish(self, last: bytes) -> None:
        self._transport.write(last)
        if not self._parser.should_keep_alive():
            self._transport.close()


def _streamed(body: bytes) -> bool:
    try:
        return msgspec.json.decode(body, type=_Wanted).stream
    except msgspec.DecodeError:
        return False


def _answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def _plain() -> bytes:
    message = {"role": "assistant", "content": f"{FIRST_WORD.decode()} ipsum " * 52 + THE_END.decode(), "refusal": None}
    details = {"cached_tokens": 0, "audio_tokens": 0}
    document = {
        "id": _ID,
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": _MODEL,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": _USAGE | {"prompt_tokens_details": details},
        "service_tier": "default",
        "system_fingerprint": "fp_bench",
    }
    return _answer(msgspec.json.encode(document))


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _event(choices: list[object], **more: object) -> bytes:
    document = {
        "id": _ID,
        "object": "chat.completion.chunk",
        "created": 1_760_000_000,
        "model": _MODEL,
        "system_fingerprint": "fp_bench",
        "choices": choices,
    }
    return _chunk(b"data: %b\n\n" % msgspec.json.encode(document | more))


def _pieces() -> tuple[bytes, ...]:
    """Give what each write of a stream sends: an event each, and at last all that ends it."""
    words = [
        FIRST_WORD.decode(),
        *(f" word{number}" for number in range(2, CONTENT_EVENTS - 1)),
        f" {THE_END.decode()}",
    ]
    deltas = [{"role": "assistant", "content": ""}, *({"content": word} for word in words)]
    role, first, *others = (_event([{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas)
    finish = _event([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    return (role + first, *others, finish + _event([], usage=_USAGE) + _chunk(DONE) + b"0\r\n\r\n")


_NO_MODELS: Final = _answer(b'{"object":"list","data":[]}')
_PLAIN: Final = _plain()
_STREAM_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
)
_PIECES: Final = _pieces()


async def serve() -> None:
    """Serve on a free port of the loopback, which one line on stdout names, until stdin ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, HOST, 0, backlog=_BACKLOG)
    orphaned = asyncio.Event()
    loop.add_reader(sys.stdin, orphaned.set)  # nothing is ever written there: readable means closed
    async with server:
        announcement = Announcement(port=server.sockets[0].getsockname()[1])
        print(msgspec.json.encode(announcement).decode(), flush=True)  # noqa: T201 - the parent reads it
        await orphaned.wait()


if __name__ == "__main__":
    uvloop.run(serve())
