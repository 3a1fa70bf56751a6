"""Own the walk: perform the commands of the plan, one exchange at a time.

Invariant: the caller's disconnect, and the gateway's own stop, arrive here as a cancellation, and the call that runs
then is closed and recorded before the cancellation goes on.
"""

from __future__ import annotations

import asyncio
from typing import Final, assert_never

from msgspec.structs import replace

from gearshift.errors import GearshiftError, NotAccepted
from gearshift.execution.bounds import Limits
from gearshift.execution.call import Call
from gearshift.execution.commands import Commit, Judge, Send, Signal, Sleep, Slept, Verdict
from gearshift.execution.guards import Guards
from gearshift.execution.health import Cooling, Pass
from gearshift.execution.hedging import race
from gearshift.execution.judging import Judging
from gearshift.execution.machine import execute
from gearshift.execution.means import Means
from gearshift.execution.order import Order
from gearshift.execution.outlet import Outlet
from gearshift.execution.pulse import Pulse

_TURNED_DOWN: Final = "the answer was whole, but not good enough for its step of the cascade"


MARGIN: Final = 0.005
"""Seconds that a wait is longer than it must be: a loop's timer may fire a moment early."""


class Driver:
    """Carry decisions out."""

    def __init__(self, means: Means, guards: Guards) -> None:
        """Take what every call needs (client, codecs, credentials and clock), and what keeps calls from doing harm."""
        self._means = means
        self._guards = guards

    async def run(self, order: Order, limits: Limits, outlet: Outlet) -> Verdict:
        """Walk the plan of `order` to its end; attempts are appended to `order.attempts` as they end.

        A stream is kept alive meanwhile. Raises CancelledError when the caller leaves.
        """
        if not (order.request.stream and limits.keep_alive):
            return await self._walk(order, limits, outlet)
        async with Pulse(outlet, order.codec.keep_alive, limits.keep_alive, order.early_head) as pulse:
            return await self._walk(order, limits, pulse)

    async def _walk(self, order: Order, limits: Limits, outlet: Outlet) -> Verdict:
        plan = execute(order.decision, order.exchange_id, limits, self._guards, order.began)
        kept = _Kept()
        signal: Signal
        try:
            command = next(plan)
            while True:
                match command:
                    case Send():
                        call, signal = await self._send(order, command, limits, kept.last)
                        kept.add(call)
                    case Sleep():
                        await asyncio.sleep(command.seconds + MARGIN)
                        signal = Slept(at=self._means.clock() - order.began)
                    case Judge():
                        judging = Judging(self._means, self._guards, order, limits)
                        signal = await judging.judge(command, kept.of(command.attempt_id))
                    case Commit():
                        signal = await kept.only(command.attempt_id).commit(outlet)
                    case _:
                        assert_never(command)
                command = plan.send(signal)
        except StopIteration as stop:
            verdict: Verdict = stop.value
            return verdict
        except asyncio.CancelledError:
            kept.let_go(order.cancelled())
            raise
        finally:
            plan.close()
            kept.let_go()

    async def _send(self, order: Order, command: Send, limits: Limits, before: Call | None) -> tuple[Call, Signal]:
        """Make a call, and its hedge where it has one and takes long; give the one that has the last word."""
        call, hedge = Call(self._means, order, command, limits, before), command.hedge
        if hedge is None:
            return call, await call.send()

        health, admitted = self._guards.health, Pass()

        def rival() -> Call | None:
            nonlocal admitted
            now = self._means.clock()
            found = health.admit(hedge.deployment, now) if limits.circuit_breaker else Pass()
            if isinstance(found, Cooling):
                return None
            if not self._guards.retries.spend(now):
                health.void(found)
                return None
            admitted = found
            late = replace(hedge, remaining=hedge.remaining - command.hedge_after)
            return Call(self._means, order, late, limits, before)

        try:
            last, signal = await race(call, rival, command.hedge_after, order.cancelled)
        except BaseException:
            health.void(admitted)
            raise
        return last, replace(signal, hedged=signal.hedged and replace(signal.hedged, admitted=admitted))


class _Kept:
    """Keep the calls of one walk whose answers may still be given."""

    def __init__(self) -> None:
        self.last: Call | None = None
        self._calls: dict[str, Call] = {}

    def add(self, call: Call) -> None:
        """Keep a call."""
        self.last = self._calls[call.attempt_id] = call

    def of(self, attempt_id: str) -> Call:
        """Give the call of an attempt."""
        return self._calls[attempt_id]

    def only(self, attempt_id: str) -> Call:
        """Give the call of an attempt, and let go of all others: their answers were not good enough."""
        call = self._calls.pop(attempt_id)
        self.let_go()
        return call

    def let_go(self, error: GearshiftError | None = None) -> None:
        """Close the books on every call that is still open; without an `error` it was turned down."""
        for call in self._calls.values():
            call.let_go(error or NotAccepted(f"{_TURNED_DOWN}: {call.verdict}"))
        self._calls.clear()
