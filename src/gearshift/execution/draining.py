"""Own what is read on though nobody waits for it: answers that are paid for whole, whose callers left.

    caller leaves ─ begin ─> the upstream is read to its end, aside ─> its own word on the usage ─> the record
                     └─ too many, or too long ─> let go of, and estimated

Invariants: at most `MOST` at once, each for at most `LONGEST` and `MAX_BYTES`; `close` cuts them all, and each has left
its record when it returns.
Source: AWS Bedrock, which bills the whole of a stream that was left (BerriAI/litellm, issue 34147, read 2026-11).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from gearshift.types.catalog import Seconds

MOST: Final = 32
LONGEST: Final[Seconds] = 120.0
MAX_BYTES: Final = 64 * 1024 * 1024


class Drains:
    """Run what reads on."""

    def __init__(self) -> None:
        """Begin with none."""
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def running(self) -> int:
        """Give how many read on at present."""
        return len(self._running)

    def begin(self, reading: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None] | None:
        """Read on, aside, and give the task; None: too many do, or nobody may any more."""
        if self._closed or len(self._running) >= MOST:
            return None
        task = asyncio.get_running_loop().create_task(reading())
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def close(self) -> None:
        """Cut all of them, and wait until each has recorded how far it came."""
        self._closed = True
        running = list(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
            await asyncio.sleep(0)  # whoever is told of the end of a task is told in the next round
