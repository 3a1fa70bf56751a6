"""Own the walk: perform the commands of the plan, one exchange at a time.

Invariant: the caller's disconnect, and the gateway's own stop, arrive here as a cancellation, and the call that runs
then is closed and recorded before the cancellation goes on.
"""

from __future__ import annotations

from gearshift.execution.call import Call, Means
from gearshift.execution.machine import Commit, Limits, Send, Signal, Verdict, execute
from gearshift.execution.order import Order
from gearshift.execution.outlet import Outlet
from gearshift.execution.pulse import Pulse


class Driver:
    """Carry decisions out."""

    def __init__(self, means: Means) -> None:
        """Take what every call needs: client, codecs, credentials and clock."""
        self._means = means

    async def run(self, order: Order, limits: Limits, outlet: Outlet) -> Verdict:
        """Walk the plan of `order` to its end; attempts are appended to `order.attempts` as they end.

        A stream is kept alive meanwhile. Raises CancelledError when the caller leaves.
        """
        if not (order.request.stream and limits.keep_alive):
            return await self._walk(order, limits, outlet)
        async with Pulse(outlet, order.codec.keep_alive, limits.keep_alive, order.early_head) as pulse:
            return await self._walk(order, limits, pulse)

    async def _walk(self, order: Order, limits: Limits, outlet: Outlet) -> Verdict:
        plan = execute(order.decision, order.exchange_id, limits)
        call: Call | None = None
        try:
            command = next(plan)
            while True:
                match command:
                    case Send():
                        call = Call(self._means, order, command, limits)
                        signal: Signal = await call.send()
                    case Commit() if call is not None:
                        signal = await call.commit(outlet)
                    case _:
                        message = f"the plan asked for {command!r} out of turn"
                        raise RuntimeError(message)
                command = plan.send(signal)
        except StopIteration as stop:
            verdict: Verdict = stop.value
            return verdict
