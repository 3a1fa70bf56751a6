"""Own how many retries there may be in all, so that an outage is not made worse by who suffers from it.

Each request earns a fifth of a retry, which fades within `FADING` seconds; beside that, `FLOOR` retries a second are
free, so that a quiet gateway can retry at all.
Invariant: pure; over any while, retries are at most `RATIO` of the requests and `FLOOR` a second (and `FLOOR` at once).
Source: Envoy, "Retry budgets"; Google, "Site Reliability Engineering", ch. 22, "Retries" (read 2026-11).
"""

from __future__ import annotations

from math import exp
from typing import Final

from gearshift.types.catalog import Seconds

RATIO: Final = 0.2
FLOOR: Final = 3.0
FADING: Final[Seconds] = 10.0
_DUST: Final = 1e-9


class RetryBudget:
    """Count requests, and grant retries."""

    def __init__(self) -> None:
        """Begin with what is free."""
        self._earned = 0.0
        self._free = FLOOR
        self._now: Seconds | None = None

    def earn(self, now: Seconds) -> None:
        """Take note of a request."""
        self._pass_time(now)
        self._earned += RATIO

    def spend(self, now: Seconds) -> bool:
        """Grant one retry, or say no."""
        self._pass_time(now)
        if self._free >= 1:
            self._free -= 1
        elif self._earned > 1 - _DUST:
            self._earned -= 1
        else:
            return False
        return True

    def _pass_time(self, now: Seconds) -> None:
        passed = 0.0 if self._now is None else max(0.0, now - self._now)
        self._now = now if self._now is None else max(self._now, now)
        self._earned *= exp(-passed / FADING)
        self._free = min(FLOOR, self._free + FLOOR * passed)
