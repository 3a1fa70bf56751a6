"""Own what keeps exchanges from doing harm to upstreams: health, the retry budget, and the dice of backoffs."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from gearshift.execution.health import Health
from gearshift.execution.retry_budget import RetryBudget


class Dice(Protocol):
    """Be a source of chance."""

    def random(self) -> float:
        """Give a number in [0, 1)."""
        ...


class Guards(Struct, frozen=True):
    """Hold what keeps a walk from doing harm; it outlives every exchange."""

    health: Health
    retries: RetryBudget
    dice: Dice
