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
from gearshift.routing.budget import FIRST, HORIZON, Choices, options, pace, window
from gearshift.types.catalog import Seconds
from gearshift.types.decision import Budget, Decision, Pace
from gearshift.types.record import Spending

Ledger: TypeAlias = Callable[[str, Seconds, Seconds], Spending]
"""Give a router's spending since a time, and count its exchanges since another (seconds since the epoch)."""

REFRESH: Final[Seconds] = 5.0
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

    def start(self) -> None:
        """Read what was spent, and keep reading, aside; without a budget there is nothing to do."""
        if self._budgets:
            threading.Thread(target=self._run, name="pacer", daemon=True).start()

    def close(self) -> None:
        """End, as soon as what is being read has come; nobody waits for that, and the last paces stay."""
        self._stop.set()

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
                spending = self._ledger(name, window(now, budget)[0], now - HORIZON)
            except StoreUnavailable:
                _log.warning("budget_unread", extra={"fields": {"router": name}})
                continue
            found = pace(budget, now, spending, tuple(self._asked[name]), self.paces.get(name, FIRST))
            self.paces = {**self.paces, name: found}
            self._tell(name, budget, found)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.refresh()
            except Exception:  # noqa: BLE001 - our own bug: the last pace holds, and the next round may do better
                _log.exception("pacing_error")
            self._stop.wait(REFRESH)
