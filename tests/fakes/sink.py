"""Own a store in memory for what ships the write-ahead log: it can be away, and refuse rows."""

from __future__ import annotations

from collections.abc import Sequence

from gearshift.errors import RowRefused, StoreUnavailable
from gearshift.storage.store import Row
from gearshift.storage.tail import Entry
from gearshift.types.ledger import LedgerRow
from gearshift.types.record import Feedback


class MemorySink:
    """Keep what is written, by name; what is there stays."""

    def __init__(self) -> None:
        self.away = False
        self.refused: set[str] = set()
        self.ledger: dict[str, LedgerRow] = {}
        self.exchanges: dict[str, Row] = {}
        self.feedback: list[Feedback] = []
        self.batches = 0

    def write(self, entries: Sequence[Entry]) -> None:
        if self.away:
            raise StoreUnavailable("the store is away")
        if any(getattr(each, "id", None) in self.refused for each in entries):
            raise RowRefused("no store can hold it")
        self.batches += 1
        for each in entries:
            match each:
                case LedgerRow():
                    known = self.ledger.get(each.id)
                    if known is None or known.state == "unknown":
                        self.ledger[each.id] = each
                case Row():
                    self.exchanges.setdefault(each.id, each)
                case Feedback():
                    self.feedback.append(each)
