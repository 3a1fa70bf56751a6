"""Own the faults of callers, and of many requests in a row: F20, F23, F24, F25."""

from __future__ import annotations

from tests.wall.caller import Ask
from tests.wall.case import Case, Expect
from tests.wall.pace import Pace
from tests.wall.plays import answers, ends, refuses, stalls, until, waits
from tests.wall.site import Layout
from tests.wall.tongues import PROTOCOLS

DOWN = refuses(503, "overloaded", "The engine is currently overloaded.")
LEAVES = 0.3


def cases(pace: Pace) -> list[Case]:
    """Give the rows."""
    return [*_leavers(pace), *_repeats(), *_cooling(), *_flapping(pace)]


def _leavers(pace: Pace) -> list[Case]:
    """Give F20: in every route, streamed or not, before and after the first content."""
    phases = {
        "before-head": (ends("silent"), True),
        "before-content": (waits(20, answers(), after_head=True), True),
        "mid-stream": (stalls(20, 20), True),
        "whole": (ends("silent"), False),
    }
    del pace
    return [
        Case(
            name=f"F20.{phase}-{caller}",
            fault="F20",
            behaviour="the caller leaves: the upstream is closed within a second, the attempt is recorded",
            scripts={"primary": (play,)},
            asks=(Ask(protocol=caller, stream=streamed, leaves=LEAVES),),
            expect=Expect(quiet=True, attempts={"primary": (1, 1), "fallback": (0, 0)}, bill="bounded"),
        )
        for phase, (play, streamed) in phases.items()
        for caller in PROTOCOLS
    ]


def _repeats() -> list[Case]:
    """Give F23."""
    key = {"idempotency-key": "5f0d4c0e"}
    return [
        Case(
            name="F23.joins",
            fault="F23",
            behaviour="the same `Idempotency-Key` meanwhile: one attempt, one bill, two whole answers",
            scripts={"primary": (waits(0.3, answers()),)},
            asks=(Ask(headers=key), Ask(headers=key, at=0.1)),
            expect=Expect(served="primary", attempts={"primary": (1, 1)}, bill="exact"),
        ),
        Case(
            name="F23.replays",
            fault="F23",
            behaviour="the same `Idempotency-Key` afterwards: the same answer again",
            asks=(Ask(headers=key, stream=False), Ask(headers=key, stream=False, at=0.6)),
            expect=Expect(served="primary", attempts={"primary": (1, 1)}, bill="exact"),
        ),
        Case(
            name="F23.no-retry-on-top",
            fault="F23",
            behaviour="when our retries are spent clients are told not to add theirs",
            scripts={"primary": (DOWN,)},
            layout=Layout(models=("primary",)),
            expect=Expect(
                verdicts=frozenset({"refused"}),
                headers={"x-should-retry": "false"},
                attempts={"primary": (1, 3)},
                bill=None,
            ),
        ),
    ]


def _cooling() -> list[Case]:
    """Give F24."""
    asks = tuple(Ask(at=0.4 * number) for number in range(4))
    return [
        Case(
            name="F24.all-cooling",
            fault="F24",
            behaviour="everybody asked to be left alone: 429 or 503 with `Retry-After`, nobody is asked again",
            scripts=dict.fromkeys(("primary", "fallback"), (refuses(429, "rate_limit", "no", "retry-after: 60"),)),
            asks=asks,
            expect=Expect(
                verdicts=frozenset({"refused"}),
                statuses=frozenset({429, 503}),
                headers={"retry-after": ""},
                attempts={"primary": (1, 1), "fallback": (1, 1)},
                bill=None,
            ),
        ),
        Case(
            name="F24.waits-for-the-first",
            fault="F24",
            behaviour="everybody is back in a moment: the request waits for it and is answered",
            scripts={"primary": (refuses(429, "rate_limit", "no", "retry-after: 1"), answers())},
            asks=(Ask(), Ask(at=0.3)),
            layout=Layout(models=("primary",)),
            expect=Expect(served="primary", attempts={"primary": (3, 3)}),
        ),
    ]


def _flapping(pace: Pace) -> list[Case]:
    """Give F25: a target that is down for a while, under steady requests."""
    every = 0.25
    count = int((pace.down + 10) / every)
    probes = int(pace.down / 5) + 1
    return [
        Case(
            name="F25.flaps",
            fault="F25",
            behaviour="down and up again: all are served, few probes meanwhile, back within ten seconds",
            scripts={"primary": (until(pace.down, DOWN, answers()),)},
            asks=tuple(Ask(at=every * number) for number in range(count)),
            # Five failures open the circuit, a retry of each may come on top; then the probes; then all that come back.
            expect=Expect(attempts={"fallback": (int(pace.down / every) - 2, count)}, bill="exact"),
        ),
        Case(
            name="F25.down",
            fault="F25",
            behaviour="down for good: the open circuit lets one probe through in five seconds",
            scripts={"primary": (DOWN,)},
            asks=tuple(Ask(at=every * number) for number in range(int(pace.down / every))),
            expect=Expect(served="fallback", attempts={"primary": (5, 10 + probes)}, bill="exact"),
        ),
    ]
