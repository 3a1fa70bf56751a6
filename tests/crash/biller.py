"""Own an upstream that keeps its own bill: every call is answered with a count of tokens that no other call has."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import re
from typing import Self

from tests.fakes.upstream import completion, stream_events

_LENGTH = re.compile(rb"(?i)content-length: *(\d+)")


class Biller:
    """Be the upstream. `received` are the calls that came, `answered` those whose answer went out whole."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._numbers = itertools.count(1)
        self.received: set[int] = set()
        self.answered: set[int] = set()
        self.base_url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                said = json.loads(await reader.readexactly(int(_LENGTH.findall(head)[0])))
                await self._answer(writer, stream=bool(said.get("stream")))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, *, stream: bool) -> None:
        number = next(self._numbers)
        self.received.add(number)
        usage = {"prompt_tokens": 1, "completion_tokens": number, "total_tokens": number + 1}
        await asyncio.sleep(self._dice.random() * 0.1)
        if not stream:
            body = completion("Hello", usage=usage)
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
            writer.write(head + body)
        else:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            for piece in stream_events("Hel", "lo", usage=usage):
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await writer.drain()
                await asyncio.sleep(self._dice.random() * 0.02)
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        self.answered.add(number)
