"""Own the edge to ASGI: reading a body within bounds, answering, and noticing that the caller has left.

Source: ASGI HTTP spec 2.5, https://asgi.readthedocs.io/en/latest/specs/www.html.
Invariants: no body is buffered above the limit, nor awaited for ever; from the moment the body is read, a disconnect
cancels the handler. The connection tells of it by an extension of ours: to wait for ASGI's `receive` would take another
task for each request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container, Iterable, Mapping
from typing import Any, Final, Self, TypeAlias

from gearshift.errors import BodyTooLarge, CallerLeft, InvalidRequest, RequestTooSlow
from gearshift.execution.deadline import Deadline

Scope: TypeAlias = Mapping[str, Any]
Message: TypeAlias = Mapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Headers: TypeAlias = list[tuple[bytes, bytes]]

LEFT: Final = "gearshift.left"
"""The ASGI extension that tells of the caller's leaving: a `Departure` under the name `news`."""
BODY_PIECE: Final = 32 * 1024
BODY_PERIOD: Final = 30
"""Seconds for each `BODY_PIECE` of a body: about 1 KiB/s, slower than any link that is worth waiting for."""
BODY_TIMEOUT: Final = 600
"""Seconds for the whole body."""


def header(scope: Scope, name: bytes) -> str | None:
    """Give the first header of this (lower-case) name."""
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    for key, value in headers:
        if key == name:
            return value.decode("latin-1")
    return None


def sole_headers(scope: Scope, names: Container[bytes]) -> dict[str, str]:
    """Give the headers of these (lower-case) names; raise InvalidRequest where one says two different things."""
    found: dict[str, str] = {}
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    for key, value in headers:
        if key in names:
            name, text = key.decode(), value.decode("latin-1")
            if found.setdefault(name, text) != text:
                raise InvalidRequest(f"header {name}: found two different values, expected one; say it once")
    return found


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Read the request's body; raise BodyTooLarge before more than `limit` bytes are held, CallerLeft at its cut.

    Raises RequestTooSlow when another `BODY_PIECE` bytes take longer than `BODY_PERIOD` seconds, or all of it takes
    longer than `BODY_TIMEOUT`.
    """
    encoding = header(scope, b"content-encoding")
    if encoding not in {None, "", "identity"}:
        raise InvalidRequest(f"found content-encoding {encoding[:40]!r}, expected an uncompressed body; send it plain")
    declared = header(scope, b"content-length")
    if declared is not None and declared.isdecimal() and int(declared) > limit:
        raise BodyTooLarge(_too_large(f"{int(declared)} bytes", limit))
    try:
        with Deadline(BODY_PERIOD) as deadline:
            return await _gather(receive, limit, deadline)
    except TimeoutError:
        message = (
            f"found a body that trickles, expected {BODY_PIECE} bytes of it every {BODY_PERIOD} s; send it at once"
        )
        raise RequestTooSlow(message) from None


async def _gather(receive: Receive, limit: int, deadline: Deadline) -> bytes:
    """Read a body, and put `deadline` off as it grows."""
    parts: list[bytes] = []
    size, enough = 0, BODY_PIECE
    clock = asyncio.get_running_loop().time
    end = clock() + BODY_TIMEOUT
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerLeft("the caller left before its request was complete")
        body: bytes = message.get("body", b"")
        size += len(body)
        if size > limit:
            raise BodyTooLarge(_too_large(f"more than {limit} bytes", limit))
        parts.append(body)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)
        if size >= enough:
            enough = size + BODY_PIECE
            deadline.put_off(min(BODY_PERIOD, end - clock()))


def _too_large(found: str, limit: int) -> str:
    return f"found a body of {found}, expected at most {limit} bytes; shorten it or raise server.max_body_bytes"


class Departure:
    """Be the news that a caller has left, which its connection brings: told to who waits for it, once."""

    __slots__ = ("_act", "_come")

    def __init__(self) -> None:
        """Begin; nobody waits, and the caller is here."""
        self._act: Callable[[], None] | None = None
        self._come = False

    def then(self, act: Callable[[], None] | None) -> None:
        """Have `act` done when the news comes, now if it is here; None: nobody waits any more."""
        self._act = act
        if act is not None and self._come:
            act()

    def happen(self) -> None:
        """Bring the news."""
        if not self._come:
            self._come = True
            if self._act is not None:
                self._act()


class CallerWatch:
    """Cancel the running task when the caller goes away, and swallow just that cancellation.

    Use as `with`, after the body has been read. A caller whose connection brings no news of it is never cancelled.
    """

    __slots__ = ("_departure", "_outlet", "_task")

    def __init__(self, scope: Scope, outlet: ASGIOutlet) -> None:
        """Take the connection's scope, and the outlet that is told when the caller has left."""
        self._departure: Departure = scope.get("extensions", {}).get(LEFT, {}).get("news") or Departure()
        self._outlet = outlet

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._task = asyncio.current_task()
        self._departure.then(self._left)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        """End the watch; True when the cancellation was ours."""
        self._departure.then(None)
        if self._outlet.left and kind is asyncio.CancelledError and self._task is not None:
            self._task.uncancel()
            return True
        return False

    def _left(self) -> None:
        if self._task is not None:
            self._outlet.left = True
            self._task.cancel()


class ASGIOutlet:
    """Be the caller's end of an exchange, over ASGI."""

    __slots__ = ("_abort", "_send", "left", "started")

    def __init__(self, send: Send, abort: Callable[[], None] | None = None) -> None:
        """Take the connection's `send`, and what breaks it where the server can."""
        self._send = send
        self._abort = abort
        self.started = False
        self.left = False

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head."""
        await self._say({"type": "http.response.start", "status": status, "headers": headers})
        self.started = True

    async def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        await self._say({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, data: bytes) -> None:
        """Send the last piece of the body."""
        await self._say({"type": "http.response.body", "body": data, "more_body": False})

    def abort(self) -> None:
        """Break the connection."""
        self.left = True
        if self._abort is not None:
            self._abort()

    async def _say(self, message: Message) -> None:
        """Send; a transport that was closed while we were about to is a caller who left (uvloop: RuntimeError)."""
        try:
            await self._send(message)
        except RuntimeError as error:
            if "closed" not in str(error):
                raise
            self.left = True
            raise CallerLeft("the caller's connection was closed before its answer was complete") from error


async def respond(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    """Send a whole answer; it is JSON where no `content-type` is among `headers`."""
    kind = () if any(name == b"content-type" for name, _ in headers) else ((b"content-type", b"application/json"),)
    outlet = ASGIOutlet(send)
    await outlet.start(status, [*kind, (b"content-length", b"%d" % len(body)), *headers])
    await outlet.finish(body)
