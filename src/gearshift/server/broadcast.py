"""Own an exchange that several callers listen to: it runs in a task of its own, and each caller gets all its bytes.

    exchange ─ start, write, finish ─> Recording ─ listen ─> caller, caller, ...

Invariants: the exchange goes on as long as anybody listens, and is cancelled when nobody does; its pace is that of the
fastest listener, who is at most `AHEAD` bytes behind; a slower one delays nobody, and is cut off once it is further
behind than a recording may hold. When the gateway is stopped, whoever listens is told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeAlias

from gearshift.errors import CallerLeft
from gearshift.execution.outlet import FAREWELL, Headers, Outlet
from gearshift.idempotency import Recording, Register
from gearshift.types.record import Exchange

AHEAD: Final = 64 * 1024
"""Bytes that an exchange may be ahead of its fastest listener."""
REPLAYED: Final = (b"idempotent-replayed", b"true")
"""The header of an answer that somebody else's, or an earlier, request has brought about; Stripe's word for it."""

_log = logging.getLogger("gearshift.server")

Run: TypeAlias = Callable[[Outlet], Coroutine[Any, Any, Exchange]]
Settle: TypeAlias = Callable[[Exchange | None], None]


class Listener:
    """Be one caller who listens: where it stands, and what wakes it."""

    __slots__ = ("at", "is_first", "news", "outlet")

    def __init__(self, outlet: Outlet, *, is_first: bool) -> None:
        """Begin at the first piece."""
        self.outlet = outlet
        self.is_first = is_first
        self.at = 0
        self.news = asyncio.Event()


class Broadcast:
    """Be the caller's end of an exchange for all who listen to it."""

    def __init__(self, register: Register, recording: Recording, run: Run, settle: Settle) -> None:
        """Take what remembers, what the answer is written to, and what makes the exchange once somebody listens.

        `settle` is told how the exchange ended, None where it did not come to an end of its own.
        """
        self._register = register
        self._recording = recording
        self._run = run
        self._settle = settle
        self._listeners: set[Listener] = set()
        self._furthest = 0
        """The number of pieces that the fastest listener has had."""
        self._behind = 0
        """Bytes that it has not had."""
        self._room = asyncio.Event()
        self._broken = False
        self._task: asyncio.Task[Exchange] | None = None

    @property
    def started(self) -> bool:
        """Tell whether the head is there."""
        return self._recording.head is not None

    @property
    def left(self) -> bool:
        """Tell whether nobody listens any more."""
        return not self._listeners

    async def start(self, status: int, headers: Headers) -> None:
        """Take the head."""
        self._recording.head = (status, headers)
        self._wake()

    async def write(self, data: bytes) -> None:
        """Take a piece of the body; waits while all are slow."""
        self._add(data)
        await self._until(lambda: self._behind <= AHEAD)

    async def finish(self, data: bytes) -> None:
        """Take the last piece of the body; waits until somebody has it all. Raises CallerLeft where nobody is left."""
        self._recording.ended = True
        self._add(data)
        await self._until(lambda: self._furthest == self._recording.count)

    def abort(self) -> None:
        """Break every listener's connection."""
        self._broken = True
        self._wake()
        for listener in self._listeners:
            listener.outlet.abort()

    async def listen(self, outlet: Outlet) -> None:
        """Give a caller the whole answer, from the first byte on; it begins with the first one to listen.

        Raises CancelledError as the running task is cancelled: by the caller's leaving, or by the gateway's stop.
        """
        listener = Listener(outlet, is_first=self._task is None)
        self._listeners.add(listener)
        exchange = self._running()
        sending = asyncio.get_running_loop().create_task(self._pass_on(listener, exchange))
        try:
            await asyncio.wait([sending])
            if self._has_all(listener):
                await asyncio.wait([exchange])
        except asyncio.CancelledError:
            if not outlet.left:  # we are being stopped: the exchange says so, and ends
                exchange.cancel()
                await asyncio.wait([sending], timeout=FAREWELL)
            raise
        finally:
            sending.cancel()
            await self._leave(listener)
        with suppress(CallerLeft):
            sending.result()
        if exchange.done() and not exchange.cancelled():
            exchange.result()  # a bug of ours is the server's to log

    def _running(self) -> asyncio.Task[Exchange]:
        """Give the exchange, which begins now if it has not."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(self))
            self._task.add_done_callback(self._on_done)
        return self._task

    def _has_all(self, listener: Listener) -> bool:
        return self._recording.ended and listener.at == self._recording.count

    async def _leave(self, listener: Listener) -> None:
        """Let a listener go; the last one to leave before the end ends the exchange."""
        self._listeners.discard(listener)
        if self._listeners:
            return
        self._room.set()
        exchange = self._running()
        if not self._recording.ended and not exchange.done():
            self._settle(None)  # from here on, the same request is a new one
            exchange.cancel()
            await asyncio.wait([exchange])

    async def _pass_on(self, listener: Listener, exchange: asyncio.Task[Exchange]) -> None:
        """Pass on what is there and what comes, to the end or until the exchange is over without one."""
        recording, outlet = self._recording, listener.outlet
        while not self._broken and not self._has_all(listener):
            if listener.at == recording.count:
                if exchange.done():
                    return
                listener.news.clear()
                await listener.news.wait()
                continue
            if listener.at < recording.first:
                outlet.abort()  # it has missed something
                return
            piece = recording.pieces[listener.at - recording.first]
            is_last = recording.ended and listener.at + 1 == recording.count
            if not outlet.started:
                await outlet.start(*head(recording, is_first=listener.is_first))
            await (outlet.finish(piece) if is_last else outlet.write(piece))
            listener.at += 1
            self._had(listener.at, piece)

    def _add(self, data: bytes) -> None:
        self._register.add(self._recording, data)
        self._register.trim(self._recording, self._furthest)
        self._behind += len(data)
        self._wake()

    def _had(self, at: int, piece: bytes) -> None:
        """Note that a listener has had the piece before number `at`."""
        if at > self._furthest:
            self._furthest = at
            self._behind -= len(piece)
            self._room.set()

    def _wake(self) -> None:
        for listener in self._listeners:
            listener.news.set()

    async def _until(self, true: Callable[[], bool]) -> None:
        while not true():
            if self.left:
                raise CallerLeft("all callers left before the answer was complete")
            self._room.clear()
            await self._room.wait()

    def _on_done(self, task: asyncio.Task[Exchange]) -> None:
        bug = None if task.cancelled() else task.exception()
        if bug is not None and self.left:  # else whoever listens raises it
            _log.error("gateway_error", exc_info=bug)
        self._settle(None if task.cancelled() or bug is not None else task.result())
        self._wake()


def head(recording: Recording, *, is_first: bool) -> tuple[int, Headers]:
    """Give the head of a recorded answer, marked for all but the first to ask."""
    if recording.head is None:
        message = "an answer has pieces, but no head"
        raise RuntimeError(message)
    status, headers = recording.head
    return status, headers if is_first else [*headers, REPLAYED]


async def replay(recording: Recording, outlet: Outlet) -> None:
    """Give a caller an answer that has ended, whole."""
    await outlet.start(*head(recording, is_first=False))
    *pieces, last = recording.pieces
    for piece in pieces:
        await outlet.write(piece)
    await outlet.finish(last)
