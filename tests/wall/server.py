"""Own the wall: an upstream on raw sockets that plays scripts by model and attempt, keeps a log, and makes a bill.

Invariants: the log has every attempt, with the times at which it connected, was read, began and ended to be answered,
and was left; the bill is counted here, from what was said, and knows nothing of the gateway's accounting.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
from collections.abc import Mapping
from typing import Final, Self, cast

from msgspec import Struct, field

from tests.wall.dialects import CHAT, GEMINI, MESSAGES, RESPONSES, Dialect
from tests.wall.steps import Asked, Beat, Charged, Closed, Pause, Reset, Said, Script, Silent, Step

NANO_PER_TOKEN: Final[Mapping[str, tuple[int, int]]] = {
    "primary": (1_000, 2_000),
    "fallback": (3_000, 6_000),
    "large": (5_000, 10_000),
}
"""What the wall charges for a token in and a token out of each model, in nano-USD."""
_GEMINI_TARGET: Final = re.compile(r"/models/(?P<model>[^:/]+):(?P<verb>\w+)")
_PATHS: Final[Mapping[str, Dialect]] = {"/chat/completions": CHAT, "/responses": RESPONSES, "/messages": MESSAGES}


class Attempt(Struct, kw_only=True):
    """Hold what the wall saw and did of one attempt; times are the loop's, None: it did not come to that."""

    model: str
    number: int
    dialect: str
    stream: bool
    headers: Mapping[str, str]
    body: bytes
    connection: int
    opened: float
    read: float
    first_byte: float | None = None
    last_byte: float | None = None
    left: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    reported: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def bill(self) -> int:
        """Give what the wall charges for it, in nano-USD."""
        per_input, per_output = NANO_PER_TOKEN.get(self.model, (0, 0))
        return self.input_tokens * per_input + self.output_tokens * per_output


class Wall:
    """Be the upstream: `async with Wall({"primary": (answers(),)}) as wall: ... wall.base_url`."""

    def __init__(self, scripts: Mapping[str, Script]) -> None:
        """Take a script per model."""
        self._scripts = scripts
        self.log: list[Attempt] = []
        self.connections: list[Connection] = []
        self.base_url = ""
        self.busy = asyncio.Event()
        """Set once a request has come."""

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for connection in self.connections:
            await connection.stop()
        await self._server.wait_closed()

    def attempts(self, model: str) -> list[Attempt]:
        """Give the attempts on one model, in the order of their coming."""
        return [each for each in self.log if each.model == model]

    @property
    def bill(self) -> int:
        """Give what all attempts cost, in nano-USD."""
        return sum(each.bill for each in self.log)

    def take(self, attempt: Attempt, dialect: Dialect) -> list[Step]:
        """Log an attempt and give what is done about it."""
        script = self._scripts[attempt.model]
        self.log.append(attempt)
        self.busy.set()
        asked = Asked(
            dialect=dialect,
            model=attempt.model,
            stream=attempt.stream,
            body=attempt.body,
            number=attempt.number,
            at=attempt.read - self.log[0].read,
        )
        return list(script[min(attempt.number, len(script)) - 1](asked))


class Connection(asyncio.Protocol):
    """Be one connection to the wall; requests on it are answered one after the other."""

    def __init__(self, wall: Wall) -> None:
        self._wall = wall
        self._number = len(wall.connections)
        self._received = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._attempt: Attempt | None = None
        self._gone = asyncio.Event()
        self._free = asyncio.Event()
        self._free.set()
        wall.connections.append(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._loop = asyncio.get_running_loop()
        self._opened = self._loop.time()

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._gone.set()
        self._free.set()
        if self._attempt is not None and not self._attempt.ended.is_set():
            self._attempt.left = self._loop.time()

    def pause_writing(self) -> None:
        self._free.clear()

    def resume_writing(self) -> None:
        self._free.set()

    async def stop(self) -> None:
        """Break off."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._transport.abort()
        await self._gone.wait()

    def _begin(self) -> None:
        """Play, once a whole request is there and the one before it is answered."""
        head, blank, rest = bytes(self._received).partition(b"\r\n\r\n")
        if self._task is not None or not blank:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers.get("content-length", "0"))
        if len(rest) < size:
            return
        del self._received[: len(head) + 4 + size]
        dialect, model, stream = _understood(first.split(" ")[1], rest[:size])
        self._attempt = attempt = Attempt(
            model=model,
            number=len(self._wall.attempts(model)) + 1,
            dialect=dialect.name,
            stream=stream,
            headers=headers,
            body=rest[:size],
            connection=self._number,
            opened=self._opened,
            read=self._loop.time(),
        )
        self._task = self._loop.create_task(self._play(attempt, self._wall.take(attempt, dialect)))

    async def _play(self, attempt: Attempt, steps: list[Step]) -> None:
        for step in steps:
            if self._gone.is_set():
                break
            await self._do(attempt, step)
        attempt.ended.set()
        self._task = None
        self._begin()

    async def _do(self, attempt: Attempt, step: Step) -> None:
        match step:
            case Said():
                await self._say(attempt, step)
            case Charged(tokens=tokens):
                attempt.input_tokens = tokens
            case Pause(seconds=seconds):
                await self._wait(seconds)
            case Beat(data=data, every=every, seconds=seconds):
                end = self._loop.time() + seconds
                while self._loop.time() < end and not self._gone.is_set():
                    await self._say(attempt, Said(data))
                    await self._wait(every)
            case Silent():
                await self._gone.wait()
            case Closed():
                self._transport.close()
                await self._gone.wait()
            case Reset():
                linger = struct.pack("ii", 1, 0)
                self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self._transport.abort()
                await self._gone.wait()

    async def _say(self, attempt: Attempt, said: Said) -> None:
        self._transport.write(said.data)
        await self._free.wait()
        await asyncio.sleep(0)
        now = self._loop.time()
        attempt.first_byte = attempt.first_byte or now
        attempt.last_byte = now
        attempt.output_tokens += said.tokens
        attempt.reported = attempt.reported or said.reported

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._gone.wait()
        except TimeoutError:
            pass


def _understood(target: str, body: bytes) -> tuple[Dialect, str, bool]:
    """Tell the protocol, the model and whether a stream is asked for."""
    if found := _GEMINI_TARGET.search(target):
        return GEMINI, found["model"], found["verb"] == "streamGenerateContent"
    said = json.loads(body)
    path = target.partition("?")[0]
    dialect = next(dialect for ending, dialect in _PATHS.items() if path.endswith(ending))
    return dialect, said["model"], bool(said.get("stream"))
