"""Own how long things take: the shipped limits of the gateway, or the same scaled down so that a suite is quick.

A fault that lasts is told in multiples of the limit that it must run into, so that the cases are the same at any pace.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from gearshift.config.model import ReliabilityConfig

_SHIPPED: Final = ReliabilityConfig()


class Pace(Struct, frozen=True, kw_only=True):
    """Hold the limits, in seconds; `slack` is what a busy machine may add. `down`: how long a flapping target is.

    `at_once` cases are played side by side: more would be late for short timers on two cores.
    """

    name: str
    first_token: float
    answer: float
    stall: float
    content: float
    deadline: float
    down: float
    slack: float
    at_once: int

    @property
    def reliability(self) -> dict[str, Any]:
        """Give the config's section: nothing where the shipped limits hold."""
        if self.name == "full":
            return {}
        return {
            "first_token_timeout": self.first_token,
            "answer_timeout": self.answer,
            "stall_timeout": self.stall,
            "content_timeout": self.content,
            "deadline": self.deadline,
        }


FULL: Final = Pace(
    name="full",
    first_token=_SHIPPED.first_token_timeout,
    answer=_SHIPPED.answer_timeout,
    stall=_SHIPPED.stall_timeout,
    content=_SHIPPED.content_timeout,
    deadline=_SHIPPED.deadline,
    down=60.0,
    slack=1.5,
    at_once=24,
)
"""The shipped limits, whatever they are: `gearshift serve` without a `reliability` section."""
FAST: Final = Pace(
    name="fast", first_token=1.0, answer=1.5, stall=1.0, content=2.0, deadline=10.0, down=6.0, slack=1.5, at_once=16
)
