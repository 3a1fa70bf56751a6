"""Own where budgets stand: what each router with one has spent, and what a unit of quality may be worth meanwhile.

    decisions ─ note ─> the last requests' choices ┐
    log ─ ledger ─> spent in this window           ┴─ refresh, every `REFRESH` seconds, aside ─> paces ─> decide

Invariants: deciding never waits for the log; what was spent is read from the log, so it outlives the process and counts
every process that shares the store; while the log cannot be read the last pace holds.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from gearshift.errors import StoreUnavailable
from gearshift.routing.budget import Choices, options, pace, window
from gearshift.types.catalog import Seconds
from gearshift.types.decision import Budget, Decision, Pace
from gearshift.types.record import Spending

Ledger: TypeAlias = Callable[[str, Seconds, Seconds], Spending]
"""Give a router's spending since a time (seconds since the epoch), and its exchanges of the last so many seconds."""

REFRESH: Final[Seconds] = 5.0
HORIZON: Final[Seconds] = 600.0
"""How far back requests are counted to know how many there will be."""
REMEMBERED: Final = 200
"""Requests whose choices are remembered: a worth is found for all of them in about 5 ms."""

_log = logging.getLogger("gearshift.pacing")


class Pacer:
    """Pace the routers that have a budget."""

    def __init__(
        self,
        budgets: Mapping[str, Budget],
        ledger: Ledger,
        wall_clock: Callable[[], Seconds],
        tell: Callable[[str, Budget, Pace], None],
    ) -> None:
        """Take budgets by router, the log, the clock (seconds since the epoch), and who is told of every new pace."""
        self.paces: dict[str, Pace] = {}
        self._budgets = dict(budgets)
        self._ledger = ledger
        self._wall_clock = wall_clock
        self._tell = tell
        self._asked: dict[str, deque[Choices]] = {name: deque(maxlen=REMEMBERED) for name in budgets}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Read what was spent, then keep reading, aside; without a budget there is nothing to do."""
        if self._budgets:
            self.refresh()
            self._thread = threading.Thread(target=self._run, name="pacer", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End; the last paces stay."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def note(self, decision: Decision) -> None:
        """Remember what a request could have gone to."""
        asked = self._asked.get(decision.router)
        if asked is not None and decision.plan:
            asked.append(options(decision.plan[0].candidates))

    def refresh(self) -> None:
        """Work out every pace anew."""
        for name, budget in self._budgets.items():
            now = self._wall_clock()
            try:
                spending = self._ledger(name, window(now, budget)[0], HORIZON)
            except StoreUnavailable:
                _log.warning("budget_unread", extra={"fields": {"router": name}})
                continue
            before = self.paces.get(name)
            asked = tuple(self._asked[name])
            found = pace(budget, now, spending, asked, before) if before else pace(budget, now, spending, asked)
            self.paces = {**self.paces, name: found}
            self._tell(name, budget, found)

    def _run(self) -> None:
        while not self._stop.wait(REFRESH):
            try:
                self.refresh()
            except Exception:  # noqa: BLE001 - our own bug: the last pace holds, and the next round may do better
                _log.exception("pacing_error")
