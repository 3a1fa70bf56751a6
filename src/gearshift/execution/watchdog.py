"""Own the timers of one attempt: first content, whole answer, stall, usage, terminator, total, all by one lazy timer.

A stream moves its deadline at every chunk. Moving it costs one assignment: the timer stays where it is, and when it
fires early it goes to sleep again until the present deadline.

    armed(phase) ── deadline passes ──> fired: the task is cancelled once, and that turned into UpstreamTimeout

Invariants: a cancellation from outside (the caller left) is never mistaken for a timeout; time that the caller takes
counts for the total only, and is then the caller's fault. Connecting has its own timer, in the HTTP client.
"""

from __future__ import annotations

import asyncio
from typing import Literal, TypeAlias

from gearshift.errors import CallerLeft, UpstreamTimeout
from gearshift.types.catalog import Seconds

Phase: TypeAlias = Literal["first_token", "answer", "stall", "usage", "terminator", "total"]


class Watchdog:
    """Cancel what it guards (`with`) when the deadline of the present phase passes."""

    def __init__(self, total: Seconds) -> None:
        """Start; `total` bounds all phases together."""
        self._task: asyncio.Task[object] | None = None
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + total
        self._total = total
        self._deadline = self._end
        self._phase: Phase = "total"
        self._limit = total
        self._timer: asyncio.TimerHandle | None = None
        self._fired = False
        self._paused = False

    def arm(self, phase: Phase, limit: Seconds) -> None:
        """Begin `phase`, which may last `limit` seconds."""
        self._phase, self._limit, self._paused = phase, limit, False
        self._deadline = min(self._loop.time() + limit, self._end)
        if self._timer is None or self._timer.when() > self._deadline:
            self._set_timer()

    @property
    def remaining(self) -> Seconds:
        """Give what is left of the total."""
        return self._end - self._loop.time()

    def touch(self) -> None:
        """Begin the present phase anew: something has arrived."""
        self._paused = False
        self._deadline = min(self._loop.time() + self._limit, self._end)

    def pause(self) -> None:
        """Let time pass uncounted until the next `arm` or `touch`: it is the caller who is slow."""
        self._paused = True

    def stop(self) -> None:
        """Put the timer away."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __enter__(self) -> None:
        """Guard what the running task does from here on."""
        self._task = asyncio.current_task()
        if self._task is None:
            message = "a watchdog needs a running task"
            raise RuntimeError(message)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Guard it no more; raise UpstreamTimeout naming the phase where the timer has cancelled it.

        Raises CallerLeft when it was the caller who was slow at that moment.
        """
        task, self._task = self._task, None
        if not self._fired or task is None:
            return
        self._fired = False
        sole = task.cancelling() == 1
        task.uncancel()
        if kind is asyncio.CancelledError and sole:
            if self._paused:
                message = f"the caller took its answer too slowly: not complete within {self._limit:.3g} s"
                raise CallerLeft(message) from None
            raise UpstreamTimeout(self._message(), phase=self._phase) from None

    def _message(self) -> str:
        what = {
            "first_token": f"no content within {self._limit:g} s; raise reliability.first_token_timeout",
            "answer": f"no whole answer within {self._limit:g} s; raise reliability.answer_timeout or stream",
            "stall": f"nothing arrived for {self._limit:g} s in the middle of the answer",
            "usage": f"no usage within {self._limit:g} s of the last content",
            "terminator": f"no end within {self._limit:g} s of the last content",
            "total": f"not complete within {self._limit:.3g} s; raise reliability.deadline",
        }
        return what[self._phase]

    def _set_timer(self) -> None:
        self.stop()
        self._timer = self._loop.call_at(self._deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        now = self._loop.time()
        if self._task is None:
            return  # nothing to cancel; the next phase sets the timer anew
        if now >= self._end:
            self._phase, self._limit = "total", self._total
        elif self._paused or now < self._deadline:
            if self._paused:
                self._deadline = min(now + self._limit, self._end)
            self._set_timer()
            return
        self._fired = True
        self._task.cancel()
