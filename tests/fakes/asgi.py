"""Own a caller in process: it speaks ASGI to an app as a server would, and holds it to the protocol.

A caller can read slowly, and can leave at any moment.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, TypeAlias

Message: TypeAlias = Mapping[str, Any]
App: TypeAlias = Callable[
    [Mapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Any
]


class Visit:
    """Be one request under way: `start()`, look, `leave()`, or simply `await visit.done()`."""

    def __init__(
        self,
        app: App,
        path: str,
        *,
        method: str = "GET",
        body: bytes | Sequence[bytes] = b"",
        headers: Mapping[str, str] | None = None,
        query: str = "",
        cut: bool = False,
    ) -> None:
        self._app = app
        self._parts = [body] if isinstance(body, bytes) else list(body)
        self._cut = cut  # the caller leaves before the end of its body
        given = {} if headers is None else headers
        self._scope: MutableMapping[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in given.items()],
            "extensions": {"gearshift.abort": {"call": self._abort}, "gearshift.left": {"news": self}},
        }
        self._left = asyncio.Event()
        self._act: Callable[[], None] | None = None
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.reading = asyncio.Event()
        self.reading.set()
        self.taken = 0
        self.status = 0
        self.headers: dict[str, str] = {}
        self.pieces: list[bytes] = []
        self.complete = False
        self.aborted = False

    @property
    def body(self) -> bytes:
        """Give what has come of the body."""
        return b"".join(self.pieces)

    @property
    def json(self) -> dict[str, Any]:
        """Give the body, parsed."""
        document: dict[str, Any] = json.loads(self.body)
        return document

    @property
    def events(self) -> list[dict[str, Any]]:
        """Give the JSON of the stream's events, without their names and the terminator."""
        blocks = [block[block.find(b"data: ") :] for block in self.body.split(b"\n\n")]
        return [json.loads(block.removeprefix(b"data: ")) for block in blocks if block.startswith(b"data: {")]

    @property
    def text(self) -> str:
        """Give the text of the stream's first answer."""
        choices = [event["choices"][0] for event in self.events if event.get("choices")]
        return "".join(choice["delta"].get("content") or "" for choice in choices)

    @property
    def ended_well(self) -> bool:
        """Tell whether the stream came to its terminator."""
        return self.body.endswith(b"data: [DONE]\n\n")

    def start(self) -> Visit:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._app(self._scope, self._receive, self._send))
        return self

    async def done(self) -> Visit:
        """Wait for the app to return."""
        if self._task is None:
            self.start()
        assert self._task is not None
        async with asyncio.timeout(10):
            await self._task
        return self

    async def until(self, true: Callable[[Visit], bool]) -> Visit:
        """Wait until something holds of this visit."""
        async with asyncio.timeout(10):
            while not true(self):
                self._news.clear()
                await self._news.wait()
        return self

    def cancel(self) -> None:
        """Cancel the handler, as a server does that is stopped."""
        assert self._task is not None
        self._task.cancel()

    def leave(self) -> None:
        """Go away."""
        self._left.set()
        if not self.complete:
            asyncio.get_running_loop().call_soon(self._tell)

    def then(self, act: Callable[[], None] | None) -> None:
        """Tell `act` of the caller's leaving (`gearshift.server.asgi.Departure`)."""
        self._act = act
        if self._left.is_set() and not self.complete:
            self._tell()

    def _tell(self) -> None:
        if self._act is not None:
            self._act()

    def _abort(self) -> None:
        self.aborted = True
        self.leave()

    async def _receive(self) -> Message:
        if self._parts:
            part = self._parts.pop(0)
            self.taken += len(part)
            return {"type": "http.request", "body": part, "more_body": bool(self._parts) or self._cut}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        await self.reading.wait()
        if self._left.is_set():
            return
        if message["type"] == "http.response.start":
            assert not self.status, "a second head"
            self.status = message["status"]
            names = [name for name, _ in message["headers"]]
            assert len(names) == len(set(names)), "a header twice"
            assert all(name == name.lower() and value.isascii() for name, value in message["headers"])
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            assert self.status, "a body without a head"
            assert not self.complete, "a body after its end"
            self.pieces.append(message["body"])
            self.complete = not message.get("more_body", False)
            if self.complete and "content-length" in self.headers:
                assert len(self.body) == int(self.headers["content-length"])
        if self.complete:
            self._left.set()
        self._news.set()
