"""Own the pulse of a stream: a sign of life for the caller whenever nothing was said to it for a while.

    quiet for `interval` ── nothing begun ──> a head without what only an answer tells, and a beat
                         └─ begun ──────────> a beat
    something said ──> quiet begins anew

Invariants: a beat is no content, so another candidate can still be tried after it; what goes wrong from then on is told
in band, for the status was said. Beats stand between whole events, never in one, and never queue up before a slow
caller. The first one waits `COURTESY` longer, so that an attempt's timer of the same length ends before it: an error
keeps its own status then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Self

from gearshift.errors import CallerLeft
from gearshift.execution.outlet import Headers, Outlet
from gearshift.types.catalog import Seconds

COURTESY: Final[Seconds] = 0.5


class Pulse:
    """Be the caller's end of a stream that is kept alive, for as long as the context lasts."""

    def __init__(self, outlet: Outlet, beat: bytes, interval: Seconds, head: Callable[[], Headers]) -> None:
        """Take the caller's end proper, what is said every `interval` seconds, and the head for a beat before any."""
        self._outlet = outlet
        self._beat = beat
        self._interval = interval
        self._head = head
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._due = self._loop.time() + interval + COURTESY
        self._timer: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None
        self._over = False

    async def __aenter__(self) -> Self:
        self._timer = self._loop.call_at(self._due, self._on_timer)
        return self

    async def __aexit__(self, *error: object) -> None:
        self._stop()
        if self._beating is None:
            return
        if not self._beating.done():
            self._beating.cancel()
            if self._over:  # nothing may wait here then: the caller who has it all may leave
                return
            await asyncio.wait([self._beating])
        if not self._beating.cancelled():
            self._beating.result()

    @property
    def started(self) -> bool:
        """Tell whether the head was sent."""
        return self._outlet.started

    @property
    def left(self) -> bool:
        """Tell whether the caller has gone away."""
        return self._outlet.left

    def abort(self) -> None:
        """Break the connection."""
        self._outlet.abort()

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head, unless a beat needed one before."""
        async with self._turn:
            if not self._outlet.started:
                await self._outlet.start(status, headers)

    async def write(self, data: bytes) -> None:
        """Send a piece of the body, of whole events."""
        async with self._turn:
            await self._outlet.write(data)
        self._due = self._loop.time() + self._interval

    async def finish(self, data: bytes) -> None:
        """Send the last piece of the body."""
        self._stop()
        async with self._turn:
            self._over = True
            if self._beating is not None:
                self._beating.cancel()  # one that waits for its turn has none any more
            await self._outlet.finish(data)

    def _on_timer(self) -> None:
        if self._beating is not None and self._beating.done() and self._beating.exception() is not None:
            return  # told at the end: another beat would take its place, and hide it
        now = self._loop.time()
        if now >= self._due:
            self._due = now + self._interval
            if not self._turn.locked():  # else the caller is slow, and knows that we are alive
                self._beating = self._loop.create_task(self._say())
        self._timer = self._loop.call_at(self._due, self._on_timer)

    async def _say(self) -> None:
        async with self._turn:
            try:
                if not self._outlet.started:
                    await self._outlet.start(200, self._head())
                await self._outlet.write(self._beat)
            except CallerLeft:
                return  # whoever watches the caller knows it too, and ends the exchange

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
