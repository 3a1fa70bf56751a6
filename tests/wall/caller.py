"""Own a caller on a raw socket: it asks once, reads as it is told to, and notes when what arrived.

A caller can leave in the middle, read nothing, or read a few bytes a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct, field

from tests.wall.tongues import Heard, Verdict, hear, request

PATIENCE: Final = 400.0
"""Seconds after which a caller calls it a hang; longer than any deadline of ours."""


class Ask(Struct, frozen=True, kw_only=True):
    """Hold one request: what is asked, how, and when after the case began.

    `leaves`: the caller goes away so many seconds after the upstream was asked.
    """

    protocol: str = "openai_chat"
    model: str = "primary"
    stream: bool = True
    fields: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    at: float = 0.0
    leaves: float | None = None


class Answer(Struct, kw_only=True):
    """Hold what came back; times are seconds since the request was sent, `ended_at` the loop's."""

    ask: Ask
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytearray = field(default_factory=bytearray)
    body: bytes = b""
    framed: bool = False
    first_byte: float | None = None
    took: float = 0.0
    ended_at: float = 0.0
    left: bool = False

    @property
    def heard(self) -> Heard:
        """Read the body as a client does."""
        return hear(self.ask.protocol, self.body, stream=self.ask.stream and self.status == 200)

    @property
    def verdict(self) -> Verdict:
        """Judge what was heard."""
        return self.heard.verdict(self.status, framed=self.framed)


async def ask(url: str, what: Ask, busy: asyncio.Event | None = None) -> Answer:
    """Ask, and read the answer to its end; raise TimeoutError on a hang. `busy` is set once the upstream was asked."""
    at = urlsplit(url)
    path, body = request(what.protocol, what.model, stream=what.stream, fields=what.fields)
    said = {"host": at.netloc, "content-type": "application/json", "content-length": str(len(body)), **what.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    answer = Answer(ask=what)
    writer.write(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
    began = loop.time()
    reading = asyncio.create_task(_read(reader, answer, began))
    try:
        if what.leaves is not None and busy is not None:
            await busy.wait()
        await asyncio.wait([reading], timeout=PATIENCE if what.leaves is None else what.leaves)
        answer.left = not reading.done()
        if answer.left and what.leaves is None:
            message = f"a hang: no end within {PATIENCE:g} s"
            raise TimeoutError(message)
        if not answer.left:
            reading.result()
    finally:
        reading.cancel()
        answer.ended_at = loop.time()
        answer.took = answer.ended_at - began
        writer.transport.abort()
    return answer


async def _read(reader: asyncio.StreamReader, answer: Answer, began: float) -> None:
    """Take bytes until the answer has its end, or the connection has."""
    loop = asyncio.get_running_loop()
    while not answer.framed:
        try:
            data = await reader.read(1 << 16)
        except ConnectionResetError:
            return
        if not data:
            return
        if answer.first_byte is None:
            answer.first_byte = loop.time() - began
        answer.raw += data
        _parse(answer)


def _parse(answer: Answer) -> None:
    head, blank, rest = bytes(answer.raw).partition(b"\r\n\r\n")
    if not blank:
        return
    first, *lines = head.decode("latin-1").split("\r\n")
    answer.status = int(first.split(" ")[1])
    answer.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "content-length" in answer.headers:
        answer.body = rest
        answer.framed = len(rest) >= int(answer.headers["content-length"])
    else:
        answer.body, answer.framed = _unchunked(rest)


def _unchunked(rest: bytes) -> tuple[bytes, bool]:
    """Give what has come of a chunked body, and whether that is all."""
    parts: list[bytes] = []
    at = 0
    while True:
        line = rest.find(b"\r\n", at)
        if line < 0:
            return b"".join(parts), False
        size = int(rest[at:line], 16)
        if size == 0:
            return b"".join(parts), rest.startswith(b"\r\n", line + 2)
        parts.append(rest[line + 2 : line + 2 + size])
        at = line + 2 + size + 2
        if at > len(rest):
            return b"".join(parts), False


async def fetch(url: str, path: str) -> bytes:
    """GET a path; give its body."""
    at = urlsplit(url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: {at.netloc}\r\nconnection: close\r\n\r\n".encode())
    answer = Answer(ask=Ask())
    await _read(reader, answer, 0.0)
    writer.close()
    return answer.body
