"""Own the walk: perform the commands of the plan, one exchange at a time.

Invariant: the caller's disconnect, and the gateway's own stop, arrive here as a cancellation, and the call that runs
then is closed and recorded before the cancellation goes on.
"""

from __future__ import annotations

import asyncio

from gearshift.execution.call import Call, Means
from gearshift.execution.commands import Commit, Send, Signal, Sleep, Slept, Verdict
from gearshift.execution.guards import Guards
from gearshift.execution.hedging import race
from gearshift.execution.machine import Limits, execute
from gearshift.execution.order import Order
from gearshift.execution.outlet import Outlet
from gearshift.execution.pulse import Pulse


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
        call: Call | None = None
        signal: Signal
        try:
            command = next(plan)
            while True:
                match command:
                    case Send():
                        call, signal = await self._send(order, command, limits, call)
                    case Sleep():
                        await asyncio.sleep(command.seconds)
                        signal = Slept(at=self._means.clock() - order.began)
                    case Commit() if call is not None:
                        signal = await call.commit(outlet)
                    case _:
                        message = f"the plan asked for {command!r} out of turn"
                        raise RuntimeError(message)
                command = plan.send(signal)
        except StopIteration as stop:
            verdict: Verdict = stop.value
            return verdict
        finally:
            plan.close()

    async def _send(self, order: Order, command: Send, limits: Limits, before: Call | None) -> tuple[Call, Signal]:
        """Make a call, and its hedge where it has one and takes long; give the one that has the last word."""
        call, hedge = Call(self._means, order, command, limits, before), command.hedge
        if hedge is None:
            return call, await call.send()

        def rival() -> Call | None:
            granted = self._guards.retries.spend(self._means.clock())
            return Call(self._means, order, hedge, limits, before) if granted else None

        return await race(call, rival, command.hedge_after)
