"""Every store of counters does, step by step, what a plain model of it does: whatever comes, in whatever order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import ClassVar, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from gearshift import budgeting
from gearshift.storage.counters import Counters
from gearshift.types.budget import Budget, Hold, Refused, Scope, Window
from tests.fakes.counters import KINDS, Make, maker, opened

T = TypeVar("T")
LIMIT = 20
BUDGETS = (
    Budget(id="usd", scope=Scope("key", "k"), unit="usd", limit=LIMIT, window=Window("month", "rolling")),
    Budget(id="requests", scope=Scope("all"), unit="requests", limit=LIMIT // 2, window=Window("month")),
    Budget(id="slots", scope=Scope("team", "t"), unit="concurrent", limit=3),
)
SLICE = 43_200
calls = st.sampled_from("abcdefgh")
amounts = st.tuples(st.integers(0, 9), st.integers(0, 2), st.integers(0, 1))
Place = tuple[str, int]


class Model:
    """Be what counters are, with nothing but two sums and a state for each id."""

    def __init__(self) -> None:
        self.used: dict[Place, int] = {}
        self.held: dict[Place, int] = {}
        self.states: dict[str, str] = {}
        self.holds: dict[str, dict[Place, Hold]] = {}

    def tally(self, hold: Hold) -> tuple[int, int]:
        length = hold.ends - hold.begin
        begins = range(hold.begin - hold.back * length, hold.ends, length) if hold.back else (hold.begin,)
        places = [(hold.counter, begin) for begin in begins]
        return sum(self.used.get(place, 0) for place in places), sum(self.held.get(place, 0) for place in places)

    def fits(self, call: str, holds: list[Hold]) -> bool:
        for hold in holds:
            before = self.holds.get(call, {}).get((hold.counter, hold.begin))
            more = hold.amount - (before.amount if before else 0)
            if more > 0 and sum(self.tally(hold)) + more > hold.limit:
                return False
        return True

    def hold(self, call: str, holds: list[Hold]) -> None:
        kept = self.holds.setdefault(call, {})
        for hold in holds:
            place = (hold.counter, hold.begin)
            before = kept[place].amount if place in kept else 0
            if hold.amount > before or place not in kept:
                self.held[place] = self.held.get(place, 0) + hold.amount - before
                kept[place] = hold
        self.states[call] = "held"

    def let_go(self, call: str) -> None:
        for place, hold in self.holds.get(call, {}).items():
            if self.states[call] == "held":
                self.held[place] -= hold.amount
            else:
                self.used[place] -= hold.orphaned

    def orphan(self, call: str) -> None:
        self.let_go(call)
        for place, hold in self.holds[call].items():
            self.used[place] = self.used.get(place, 0) + hold.orphaned
        self.states[call] = "orphaned"

    def revive(self, call: str) -> None:
        self.let_go(call)
        for place, hold in self.holds[call].items():
            self.held[place] += hold.amount
        self.states[call] = "held"

    def end(self, call: str, holds: list[Hold]) -> None:
        self.let_go(call)
        for hold in holds:
            place = (hold.counter, hold.begin)
            self.used[place] = self.used.get(place, 0) + hold.amount
        self.states[call], self.holds[call] = "over", {}


class Machine(RuleBasedStateMachine):
    """Tell the store and the model the same."""

    fresh: ClassVar[Callable[[], Make]]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.now = time.time()
        self.model = Model()
        self.door = opened(type(self).fresh())
        self.counters: Counters = self.runner.run(self.door.__aenter__())

    def run(self, work: Coroutine[object, object, T]) -> T:
        return self.runner.run(work)

    def holds(self, given: tuple[int, int, int], back: int = 0) -> list[Hold]:
        now = self.now - back * SLICE
        return [
            budgeting.hold(budget, budget.scope, amount, now)
            for budget, amount in zip(BUDGETS, given, strict=True)
            if amount
        ]

    @rule(call=calls, given=amounts)
    def reserve(self, call: str, given: tuple[int, int, int]) -> None:
        holds = self.holds(given)
        answer = self.run(self.counters.reserve(call, holds, 300.0))
        if call in self.model.states:
            assert isinstance(answer, tuple)
            return
        if not self.model.fits(call, holds):
            assert isinstance(answer, Refused)
            return
        self.model.hold(call, holds)
        assert isinstance(answer, tuple)
        assert [(each.used, each.held) for each in answer] == [self.model.tally(hold) for hold in holds]
        assert all(sum(self.model.tally(hold)) <= hold.limit for hold in holds)

    @rule(call=calls, given=amounts)
    def extend(self, call: str, given: tuple[int, int, int]) -> None:
        holds = self.holds(given)
        answer = self.run(self.counters.extend(call, holds, 300.0))
        if self.model.states.get(call) == "over":
            assert answer is None
            return
        if self.model.states.get(call) == "orphaned":
            self.model.revive(call)
        fits = self.model.fits(call, holds)
        assert (answer is None) == fits
        if fits:
            self.model.hold(call, holds)

    @rule(call=calls, given=amounts, back=st.sampled_from([0, 1, 60, 61]))
    def adopt(self, call: str, given: tuple[int, int, int], back: int) -> None:
        holds = self.holds(given, back)
        self.run(self.counters.adopt(call, holds, 300.0))
        if call not in self.model.states:
            self.model.hold(call, holds)

    @rule(asked=st.lists(calls, unique=True))
    def beat(self, asked: list[str]) -> None:
        unknown = self.run(self.counters.beat(asked, 300.0))
        assert unknown == set(asked) - set(self.model.states)
        for call in asked:
            if self.model.states.get(call) == "orphaned":
                self.model.revive(call)

    @rule(call=calls)
    def crash(self, call: str) -> None:
        """Let the owner of a call die: nobody beats any more, and its time is over."""
        held = self.model.states.get(call) == "held"
        if self.model.states.get(call) == "orphaned":
            return
        self.run(self.counters.beat([call], 0.0))
        assert (call in self.run(self.counters.expire())) == held
        if held:
            self.model.orphan(call)

    @rule(call=calls, given=amounts, back=st.sampled_from([0, 1]))
    def settle(self, call: str, given: tuple[int, int, int], back: int) -> None:
        actual = [budgeting.raised(hold, hold.amount) for hold in self.holds((given[0], given[1], 0), back)]
        self.run(self.counters.settle(call, actual))
        if self.model.states.get(call) != "over":
            self.model.end(call, actual)

    @rule(call=calls)
    def release(self, call: str) -> None:
        self.run(self.counters.release(call))
        if self.model.states.get(call) != "over":
            self.model.states.setdefault(call, "held")
            self.model.end(call, [])

    @invariant()
    def stands_alike(self) -> None:
        asked = self.holds((1, 1, 1)) + self.holds((1, 1, 1), 1)
        found = self.run(self.counters.standing(asked))
        assert [(each.used, each.held) for each in found] == [self.model.tally(hold) for hold in asked]

    @invariant()
    def nothing_is_held_of_what_is_over(self) -> None:
        held = sum(hold.amount for call, kept in self.model.holds.items() for hold in kept.values() if self.live(call))
        assert held == sum(self.model.held.values())

    def live(self, call: str) -> bool:
        return self.model.states[call] == "held"

    def teardown(self) -> None:
        self.runner.run(self.door.__aexit__(None, None, None))
        self.runner.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_does_what_the_model_does(kind: str, request: pytest.FixtureRequest) -> None:
    class Made(Machine):
        fresh = partial(maker, kind, request)

    examples = {"memory": 200, "valkey": 60, "postgresql": 12}[kind]
    run_state_machine_as_test(Made, settings=settings(max_examples=examples, stateful_step_count=40))
