"""A hundred callers who never read: memory stays bounded, the upstream waits, and others are served."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gearshift.cli.benchmark.process import resident_bytes
from tests.e2e.conftest import serving

STUCK = 50
SETTLED = 0.5
MAX_GROWTH = STUCK * 400 * 1024
"""Bytes; of a thousand each takes 160 KiB (`F21` in docs/reference/faults.md), of fifty the first ones take more."""
PIECE = b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": "x" * 8000}}]}).encode() + b"\n\n"


class Fountain:
    """Be an upstream that streams for as long as it is taken from."""

    def __init__(self) -> None:
        self.sent = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            asked = json.loads(await reader.readexactly(size))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
            if "Short" in asked["messages"][0]["content"]:
                writer.write(PIECE + b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\n')
                writer.write(b"data: [DONE]\n\n")
                await writer.drain()
            else:
                while True:
                    writer.write(PIECE)
                    await writer.drain()
                    self.sent += len(PIECE)
        writer.close()


@asynccontextmanager
async def fountain() -> AsyncIterator[tuple[Fountain, int]]:
    made = Fountain()
    with socket.create_server(("127.0.0.1", 0), backlog=STUCK) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        async with await asyncio.start_server(made, sock=listener) as server:
            yield made, server.sockets[0].getsockname()[1]


def narrow(host: str, port: int) -> socket.socket:
    """Connect so that the kernel holds little for us: what is not taken stays with the gateway."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    made.connect((host, port))
    made.setblocking(False)
    return made


def request(text: str) -> bytes:
    body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": text}]}).encode()
    return b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def test_callers_who_never_read_cost_little_and_stop_nobody(tmp_path: Path) -> None:
    async def scene() -> None:
        async with fountain() as (spring, port):
            made: dict[str, object] = {
                "server": {"queue_wait": "60s"},
                "providers": {"p": {"protocol": "openai_chat", "base_url": f"http://127.0.0.1:{port}/v1"}},
                "models": {"m": {"deployments": [{"provider": "p"}], "context_window": 9999}},
            }
            (tmp_path / "gearshift.yaml").write_text(json.dumps(made), encoding="utf-8")
            with serving(tmp_path) as running:
                host, _, own = running.url.removeprefix("http://").partition(":")
                before = resident_bytes(running.process.pid)
                stuck = []
                for _ in range(STUCK):
                    reader, writer = await asyncio.open_connection(sock=narrow(host, int(own)), limit=1024)
                    writer.write(request("Long"))
                    writer.transport.pause_reading()  # type: ignore[attr-defined] # it is a read transport too
                    stuck.append((reader, writer))
                await settled(spring)
                after = resident_bytes(running.process.pid)
                reader, writer = await asyncio.open_connection(host, int(own))
                writer.write(request("Short"))
                async with asyncio.timeout(10):
                    await reader.readuntil(b"data: [DONE]\n\n")
                for _, each in [*stuck, (reader, writer)]:
                    each.transport.abort()
                if before is not None and after is not None:
                    assert after - before < MAX_GROWTH
                    assert after - before < spring.sent

    asyncio.run(scene())


async def settled(spring: Fountain) -> None:
    """Wait until the upstream could send something, and no more for a while."""
    async with asyncio.timeout(60):
        last, since = -1, time.monotonic()
        while not spring.sent or time.monotonic() - since < SETTLED:
            if spring.sent != last:
                last, since = spring.sent, time.monotonic()
            await asyncio.sleep(0.05)
