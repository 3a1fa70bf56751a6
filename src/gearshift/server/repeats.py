"""Own requests that may be sent twice: those with an `Idempotency-Key`, in any protocol, streamed or not.

The first one makes the exchange; the same one again joins it while it runs, and is given its answer again once it is
over. Both cost nothing, call nobody and leave no exchange of their own: the header says whose they are, a metric counts
them. Invariant: a request without the header never comes here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from gearshift.errors import CallerLeft
from gearshift.execution.outlet import Outlet
from gearshift.idempotency import Name, Recording, Register, fingerprint, is_final
from gearshift.server.broadcast import Broadcast, Run, Settle, replay
from gearshift.telemetry import Repeat, Telemetry
from gearshift.types.catalog import Seconds
from gearshift.types.inbound import Inbound
from gearshift.types.record import Exchange

_log = logging.getLogger("gearshift.server")


class Repeats:
    """Answer requests that have a key once, however often they are sent."""

    def __init__(self, telemetry: Telemetry, clock: Callable[[], float], register: Register | None = None) -> None:
        """Begin with nothing; `clock` is monotonic, in seconds."""
        self._telemetry = telemetry
        self._clock = clock
        self._register = Register() if register is None else register
        self._under_way: dict[Recording, Broadcast] = {}

    async def answer(self, inbound: Inbound, run: Run, outlet: Outlet, kept_for: Seconds) -> None:
        """Answer by making the exchange that `run` makes, by joining it, or by what it was answered.

        Raises KeyReused or KeyInUse before anything was sent, and CancelledError as the running task is cancelled.
        `kept_for`: how long an answer can be had again.
        """
        name = (inbound.key, inbound.idempotency or "")
        recording, is_new = self._register.claim(name, fingerprint(inbound), self._clock())
        if is_new:
            settle = self._settling(name, recording, kept_for)
            broadcast = self._under_way[recording] = Broadcast(self._register, recording, run, settle)
            await broadcast.listen(outlet)
        elif under_way := self._under_way.get(recording):
            self._told("joined", inbound, recording)
            await under_way.listen(outlet)
        else:
            self._told("replayed", inbound, recording)
            try:
                await replay(recording, outlet)
            except CallerLeft:
                return

    def _settling(self, name: Name, recording: Recording, kept_for: Seconds) -> Settle:
        def settle(exchange: Exchange | None) -> None:
            self._under_way.pop(recording, None)
            is_kept = exchange is not None and is_final(exchange)
            self._register.settle(name, recording, self._clock() + kept_for if is_kept else None)

        return settle

    def _told(self, how: Repeat, inbound: Inbound, recording: Recording) -> None:
        """Count a repeat and log whose answer it gets, once that is known."""
        self._telemetry.repeated(how)
        headers = recording.head[1] if recording.head is not None else []
        of = next((value.decode() for header, value in headers if header == b"x-gearshift-exchange-id"), None)
        _log.info("repeat", extra={"fields": {"how": how, "exchange_id": of, "path": inbound.path, "key": inbound.key}})
