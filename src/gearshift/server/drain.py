"""Own the watch over a caller who is to take what was written: cut off when it takes nothing for `UNTAKEN` seconds.

Invariant: who takes something, however little, is waited for; how long in all is the exchange's affair.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

UNTAKEN: Final = 60
"""Seconds for which a caller may take nothing of what was written."""

_log = logging.getLogger("gearshift.connection")


class Drain:
    """Watch one connection."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        """Take the connection; nothing is watched yet."""
        self._transport = transport
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """Begin to watch, as long as anything is left to be taken."""
        self.stop()
        self._wait(0)

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, before: int) -> None:
        """Look again in a while whether the caller has taken something; cut it off when it has not since `before`."""
        unsent = self._transport.get_write_buffer_size()
        if unsent and unsent == before:
            _log.warning("slow_reader", extra={"fields": {"untaken_bytes": unsent, "for_s": UNTAKEN}})
            self._transport.abort()
        elif unsent:
            self._timer = self._loop.call_later(UNTAKEN, self._wait, unsent)
