"""What is this process' own: the clock, and what is forgotten. The rest is in `tests/contract/test_counters.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gearshift import budgeting
from gearshift.storage.counters_memory import MemoryCounters
from gearshift.types.budget import Hold, Limit

LIMITS = (
    Limit(id="a", kind="all", scope="", unit="usd", amount=100, period="minute"),
    Limit(id="b", kind="key", scope="k", unit="usd", amount=70, period="hour"),
)

T = TypeVar("T")


class Clock:
    now = 1_795_780_800.0

    def __call__(self) -> float:
        return self.now


def test_a_clock_that_steps_back_frees_nothing() -> None:
    clock = Clock()
    counters = MemoryCounters(clock)

    async def scene() -> None:
        await counters.restore({})
        now = budgeting.hold(LIMITS[0], 100, clock.now)
        assert (await counters.reserve("x", [now])).refused is None
        clock.now -= 3600
        assert (await counters.reserve("y", [budgeting.hold(LIMITS[0], 1, clock.now)])).now is not None
        assert (await counters.reserve("z", [budgeting.hold(LIMITS[0], 1, clock.now + 3600)])).refused == "a"

    asyncio.run(scene())


def test_what_is_long_over_is_forgotten() -> None:
    clock = Clock()
    counters = MemoryCounters(clock)

    async def scene() -> None:
        await counters.restore({})
        for number in range(100):
            await counters.reserve(str(number), [budgeting.hold(LIMITS[0], 1, clock.now)])
            await counters.settle(str(number), {})
            clock.now += 60
        clock.now += 3 * 86_400
        await counters.standings([budgeting.hold(LIMITS[0], 0, clock.now)])
        assert (len(counters._counters), len(counters._ended)) == (0, 0)  # noqa: SLF001 - what is held on to

    asyncio.run(scene())


class Counting(RuleBasedStateMachine):
    """Reserve, settle, lose, repeat, let time pass; hold the counters to a plain ledger."""

    @initialize()
    def begin(self) -> None:
        self.clock = Clock()
        self.counters = MemoryCounters(self.clock)
        self.run(self.counters.restore({}))
        self.live: dict[str, tuple[list[Hold], float]] = {}
        self.booked: dict[str, tuple[list[Hold], int | None]] = {}
        self.number = 0

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Run what never waits."""
        try:
            work.send(None)
        except StopIteration as end:
            found: T = end.value
            return found
        raise AssertionError

    @rule(amount=st.integers(0, 60), which=st.sampled_from([(0,), (1,), (0, 1)]))
    def reserve(self, amount: int, which: tuple[int, ...]) -> None:
        self.number += 1
        holds = [budgeting.hold(LIMITS[index], amount, self.clock.now) for index in which]
        verdict = self.run(self.counters.reserve(str(self.number), holds, 30.0))
        if verdict.refused is None:
            self.live[str(self.number)] = holds, self.clock.now + 30.0

    @rule(data=st.data(), amount=st.integers(0, 60))
    def settle(self, data: st.DataObject, amount: int) -> None:
        known = [*self.live, *self.booked]
        if not known:
            return
        name = data.draw(st.sampled_from(known))
        holds = (self.live.get(name) or self.booked[name])[0]
        actual = min(amount, holds[0].amount)
        self.run(self.counters.settle(name, {each.budget: actual for each in holds}))
        if name in self.live:
            del self.live[name]
            self.booked[name] = holds, actual
        elif self.booked[name][1] is None:
            self.booked[name] = holds, actual

    @rule(seconds=st.sampled_from([0.5, 10.0, 45.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds
        for name, (holds, deadline) in list(self.live.items()):
            if deadline <= self.clock.now:
                del self.live[name]
                self.booked[name] = holds, None

    @invariant()
    def what_is_counted_is_what_the_ledger_says(self) -> None:
        if not hasattr(self, "counters"):
            return
        self.clock.now += 1.0  # past the look for what has expired
        self.wait(0.0)
        for limit in LIMITS:
            now = budgeting.hold(limit, 0, self.clock.now)
            (standing,) = self.run(self.counters.standings([now]))
            held = sum(each.amount for holds, _ in self.live.values() for each in holds if each.counter == now.counter)
            used = sum(
                each.amount if actual is None else actual
                for holds, actual in self.booked.values()
                for each in holds
                if each.counter == now.counter
            )
            assert (standing.used, standing.held) == (used, held)
            assert used + held <= limit.amount


TestCounting = Counting.TestCase
TestCounting.settings = settings(max_examples=60, stateful_step_count=40)
