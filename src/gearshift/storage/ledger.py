"""Own the store as the gateway has it: written by way of the write-ahead log, read from the database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gearshift.storage.journal import Journal
from gearshift.storage.log import Log
from gearshift.storage.store import Row
from gearshift.types.catalog import Seconds
from gearshift.types.ledger import WhenFull
from gearshift.types.record import Spending


class Ledger(Journal):
    """Keep exchanges, attempts and feedback."""

    def __init__(self, log: Log, folder: Path, *, when_full: WhenFull = "refuse") -> None:
        """Begin a write-ahead log under `folder`, shipped to `log`; raise OSError where there cannot be one."""
        self._log = log
        super().__init__(folder, log, when_full=when_full)

    def exchange(self, key: str) -> Row | None:
        """Give the exchange with this id, or else the latest whose upstream response id this is."""
        return self._log.exchange(key)

    def exchanges(self, since: float = 0.0) -> Iterator[Row]:
        """Give the exchanges created at or after `since`, oldest first."""
        return self._log.exchanges(since)

    def knows(self, *, exchange_id: str | None, session_id: str | None) -> bool:
        """Tell whether an exchange of this id, or of this session, is in the log."""
        return self._log.knows(exchange_id=exchange_id, session_id=session_id)

    def scores(self) -> dict[str, float]:
        """Give the mean score of each exchange with feedback."""
        return self._log.scores()

    def spending(self, router: str, since: Seconds, lately: Seconds) -> Spending:
        """Give what `router` has spent since `since`, and how many exchanges it had since `lately`."""
        return self._log.spending(router, since, lately)

    def close(self) -> None:
        """Write down and ship what is left, and let go of the database."""
        super().close()
        self._log.close()
