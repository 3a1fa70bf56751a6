"""Own one upstream's stream on its way to the caller.

    begin     bytes until the first content, held back
    pass_on   what was held back and all that follows, until the end or a moment after nothing more is owed

Invariants: an upstream that is silent, or does nothing but live, is given up; time that the caller takes is not the
upstream's; what the caller has been given is known, as long as it is not too much.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from gearshift.errors import UpstreamInvalid, UpstreamTimeout
from gearshift.execution.draining import MAX_BYTES
from gearshift.execution.outlet import Outlet
from gearshift.execution.transcript import Kept
from gearshift.execution.upstream import Reply
from gearshift.execution.watchdog import Phase, Watchdog
from gearshift.protocols.codec import StreamRelay
from gearshift.types.catalog import Seconds

MAX_HELD_BYTES: Final = 1024 * 1024
"""Bytes of a stream that may come before its first content."""
MAX_WHOLE_BYTES: Final = 64 * 1024 * 1024
"""Bytes of a stream that is held back to its end."""
TERMINATOR_GRACE: Final[Seconds] = 1.0
"""How long a stream that owes nothing more may still take to send its terminator."""
SAMPLE: Final = 16 * 1024
"""Bytes of a stream that are looked into to guess how long its tokens are: a caller who leaves must cost nothing."""
USAGE_GRACE: Final[Seconds] = 1.0
"""How long a stream whose answers are complete may still take to send the usage that it was asked for."""


class Bounds(Struct, frozen=True, kw_only=True):
    """Hold how long a stream may say nothing (`stall`), and nothing but that it lives (`content`).

    `usage`: it was asked for its usage.
    """

    stall: Seconds
    content: Seconds
    usage: bool


class Passage:
    """Pass one stream on."""

    def __init__(
        self, reply: Reply, relay: StreamRelay, watch: Watchdog, bounds: Bounds, now: Callable[[], Seconds]
    ) -> None:
        """Take where the bytes come from, what patches them, and the timer of the attempt."""
        self.relay = relay
        self.sent = Kept()
        self._reply = reply
        self._watch = watch
        self._bounds = bounds
        self._now = now
        self._held: list[bytes] = []

    def beginning(self) -> list[bytes]:
        """Give the first `SAMPLE` bytes of what the caller was given, or of what was held back."""
        pieces, size = [], 0
        for piece in self.sent.pieces or self._held:
            pieces.append(piece)
            size += len(piece)
            if size >= SAMPLE:
                break
        return pieces

    async def whole(self) -> None:
        """Read to the end, and hold all of it back; raise what broke the stream."""
        await self.begin()
        relay, size, life = self.relay, 0, (0, self._now())
        self._watch.arm("stall", self._bounds.stall)
        while not relay.ended:
            data = await self._next()
            if data is None:
                break
            if not data:
                relay.close()
                break
            self._watch.touch()
            out = relay.feed(data)
            self._held.append(out)
            size += len(out)
            if size > MAX_WHOLE_BYTES:
                raise UpstreamInvalid(f"more than {MAX_WHOLE_BYTES} bytes", upstream_status=self._reply.status)
            if relay.failure is not None:
                raise relay.failure
            life = self._alive(life)

    def _alive(self, last: tuple[int, Seconds]) -> tuple[int, Seconds]:
        """Give how much content there is, and since when; raise UpstreamTimeout where no more came for too long."""
        size, moved = last
        if self.relay.answer_bytes != size or self.relay.complete:
            return self.relay.answer_bytes, self._now()
        if self._now() - moved > self._bounds.content:
            raise UpstreamTimeout(_lifeless(self._bounds.content), phase="content")
        return last

    async def _next(self) -> bytes | None:
        """Give what comes next; None where nothing more is owed, and nothing comes for a moment."""
        if not self.relay.complete:
            return await self._reply.chunk()
        try:
            async with asyncio.timeout(USAGE_GRACE):
                return await self._reply.chunk()
        except TimeoutError:
            return None

    @property
    def held(self) -> list[bytes]:
        """Give what was held back."""
        return self._held

    async def begin(self) -> None:
        """Read until the first content; raise what broke the stream before it."""
        relay, size = self.relay, 0
        while relay.failure is None and not (relay.content_seen or relay.complete):
            data = await self._reply.chunk()
            if not data:
                relay.close()
                break
            said = relay.answer_bytes
            out = relay.feed(data)
            if relay.answer_bytes != said:  # it says again what the caller has: then only a stall ends it
                self._watch.arm("stall", self._bounds.stall)
            self._held.append(out)
            size += len(out)
            if size > MAX_HELD_BYTES and not relay.content_seen:
                raise UpstreamInvalid(f"{size} bytes of stream without any content", upstream_status=self._reply.status)
        if relay.failure is not None:  # nothing was passed on yet: better another's whole answer than a piece of this
            raise relay.failure

    async def pass_on(self, outlet: Outlet) -> None:
        """Write what was held back and what follows; raise what broke the stream."""
        relay, watch, stall = self.relay, self._watch, self._bounds.stall
        graces = {"stall": stall, "usage": min(stall, USAGE_GRACE), "terminator": TERMINATOR_GRACE}
        await self._write(outlet, self._taken())
        present: Phase | None = None
        life = relay.answer_bytes, self._now()
        while not relay.ended:
            due = self._due() if relay.complete else "stall"
            if due != present:
                present = due
                watch.arm(due, graces[due])
            data = await self._reply.chunk()
            if not data:
                return relay.close()
            if out := relay.feed(data):
                watch.pause()
                await self._write(outlet, out)
            if relay.failure is not None:
                raise relay.failure
            life = self._alive(life)
            if out or present == "stall":
                watch.touch()
        return None

    async def drain(self) -> None:
        """Read on, to nobody, until nothing more is owed; raise what breaks the stream."""
        relay, size = self.relay, 0
        while not (relay.ended or (relay.complete and self._due() == "terminator")) and size <= MAX_BYTES:
            data = await self._reply.chunk()
            if not data:
                return relay.close()
            relay.feed(data)
            size += len(data)
        return None

    def _taken(self) -> bytes:
        """Take what was held back, which is held no more."""
        held, self._held = b"".join(self._held), []
        return held

    async def _write(self, outlet: Outlet, data: bytes) -> None:
        self.sent.add(data)
        if not self.sent.whole and self.sent.pieces:  # nobody can go on with it any more
            self._held = self.beginning()
            self.sent.pieces.clear()
        await outlet.write(data)

    def _due(self) -> Phase:
        """Say what a stream whose answers are complete still has to send."""
        return "usage" if self._bounds.usage and self.relay.usage is None else "terminator"


def _lifeless(patience: Seconds) -> str:
    return f"nothing but signs of life for {patience:g} s in the middle of the answer; see reliability.content_timeout"
