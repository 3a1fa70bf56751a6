"""Own how cases are played side by side: each has its own gateway and wall, and most of the time is waiting.

They are played in batches: all of a batch are assembled before the first is played, because assembling takes the event
loop for longer than the timers of a fast case allow.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from msgspec import Struct

from tests.wall.case import Case, Found, faults, play_at, site_of
from tests.wall.pace import Pace


class Outcome(Struct, frozen=True, kw_only=True):
    """Hold how a case went: what was not as it must be, and how long its slowest answer took, in seconds."""

    faults: tuple[str, ...]
    took: float | None


async def play(cases: Sequence[Case], pace: Pace) -> dict[str, Outcome]:
    """Play cases and say how each went, by its name."""
    outcomes: dict[str, Outcome] = {}
    longest_first = sorted(cases, key=lambda case: -max(each.at for each in case.asks))
    for start in range(0, len(cases), pace.at_once):
        outcomes |= await _batch(longest_first[start : start + pace.at_once], pace)
    gc.collect()  # what is left of closed sockets speaks up here, not in another test
    return outcomes


async def _batch(cases: Sequence[Case], pace: Pace) -> dict[str, Outcome]:
    with tempfile.TemporaryDirectory() as folder:
        stacks = [AsyncExitStack() for _ in cases]
        try:
            sites = []
            for case, stack in zip(cases, stacks, strict=True):
                own = Path(folder) / case.name
                own.mkdir()
                sites.append(await stack.enter_async_context(site_of(case, pace, own)))
            found = await asyncio.gather(*map(play_at, cases, sites), return_exceptions=True)
        finally:
            await asyncio.gather(*(stack.aclose() for stack in stacks))
    return {case.name: _outcome(case, each, pace) for case, each in zip(cases, found, strict=True)}


def _outcome(case: Case, found: Found | BaseException, pace: Pace) -> Outcome:
    """Judge a case; one that cannot be played has failed, and says why."""
    if isinstance(found, BaseException):
        return Outcome(faults=(f"{type(found).__name__}: {found}",), took=None)
    return Outcome(faults=tuple(faults(case, found, pace)), took=found.took)
