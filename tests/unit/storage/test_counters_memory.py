"""What is this store's own: its clock is ours, and it forgets; the rest is in `tests/contract/test_counters.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from gearshift.storage.counters import LINGERING, REMEMBERED
from gearshift.storage.counters_memory import MemoryCounters
from gearshift.types.budget import Budget, Hold, Refused, Stale, Window
from tests.fakes.counters import budget, held

MINUTE = budget(10, window=Window("minute"))
START = 1_000_020.0


class Clock:
    """Be a clock that is set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def play(scene: Callable[[MemoryCounters, Clock], Awaitable[None]]) -> MemoryCounters:
    async def run() -> MemoryCounters:
        clock = Clock()
        counters = MemoryCounters(clock)
        await counters.renew(None)
        await counters.restore(())
        await scene(counters, clock)
        return counters

    return asyncio.run(run())


def now(amount: int, clock: Clock, of: Budget = MINUTE) -> Hold:
    return held(amount, of, now=clock.now)


def test_a_window_that_is_over_is_a_new_bucket() -> None:
    async def scene(counters: MemoryCounters, clock: Clock) -> None:
        before = now(10, clock)
        assert isinstance(await counters.reserve("a", [before], 30.0), tuple)
        clock.now += 60
        assert await counters.reserve("b", [before], 30.0) == Stale(clock.now)
        assert isinstance(await counters.reserve("b", [now(10, clock)], 30.0), tuple)
        await counters.settle("a", [before])
        (tally,) = await counters.standing([before])
        assert (tally.used, tally.held) == (10, 0)

    play(scene)


def test_a_clock_that_steps_back_frees_nothing() -> None:
    async def scene(counters: MemoryCounters, clock: Clock) -> None:
        assert isinstance(await counters.reserve("a", [now(10, clock)], 9000.0), tuple)
        clock.now += 3600
        assert isinstance(await counters.reserve("b", [now(10, clock)], 9000.0), tuple)
        clock.now -= 3600
        assert isinstance(await counters.reserve("c", [now(1, clock)], 9000.0), Refused)
        clock.now += 3600
        assert isinstance(await counters.reserve("d", [now(1, clock)], 9000.0), Refused)

    play(scene)


def test_what_is_over_is_forgotten_in_the_end() -> None:
    async def scene(counters: MemoryCounters, clock: Clock) -> None:
        slots = budget(5, "concurrent", window=None, name="slots")
        for number in range(50):
            await counters.reserve(f"{number}", [now(0, clock), now(1, clock, slots)], 30.0)
            await counters.settle(f"{number}", [now(1, clock)] if number < 5 else [])
        await counters.reserve("orphan", [now(1, clock)], 30.0)
        clock.now += 31
        assert await counters.expire() == ("orphan",)
        clock.now += REMEMBERED + LINGERING
        await counters.expire()

    counters = play(scene)
    assert counters._reservations == {}  # noqa: SLF001 - what it keeps is what is tested
    assert counters._buckets == {}  # noqa: SLF001 - as above


def test_an_owner_that_beats_is_not_an_orphan_whenever_it_was_first_due() -> None:
    async def scene(counters: MemoryCounters, clock: Clock) -> None:
        await counters.reserve("a", [now(1, clock)], 30.0)
        for _ in range(10):
            clock.now += 10
            await counters.beat(["a"], 30.0)
            assert await counters.expire() == ()
        clock.now += 30
        assert await counters.expire() == ("a",)

    play(scene)
