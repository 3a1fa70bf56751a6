"""Own reading a folder of the write-ahead log from its beginning to its end, while it grows or after its writer died.

    started   the row of an attempt as it will be if nothing more is heard of it   ─┐ until then it is `open`
    finished  the same row, now with what the attempt used and cost                ─┘
    exchange, feedback

Invariant: what a batch holds was read once, in the order in which it was written; a segment may go when all that it
holds has been shipped and no attempt, and no exchange, that began in it is open.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from gearshift.storage import segment
from gearshift.storage.segment import Damaged, Record
from gearshift.storage.store import Row
from gearshift.storage.wal import START, Position, discard, segment_path, segments
from gearshift.types.ledger import LedgerRow
from gearshift.types.record import Feedback

Entry: TypeAlias = LedgerRow | Row | Feedback

STARTED: Final = b"S"
FINISHED: Final = b"F"
EXCHANGE: Final = b"X"
FEEDBACK: Final = b"J"
CHUNK: Final = 128 * 1024
"""Bytes that are read at a time, and so about what a batch holds."""

_encode = msgspec.msgpack.Encoder().encode
_ledger_row = msgspec.msgpack.Decoder(LedgerRow).decode
_row = msgspec.msgpack.Decoder(Row).decode
_feedback = msgspec.msgpack.Decoder(Feedback).decode
_log = logging.getLogger("gearshift.storage")


def record(kind: bytes, entry: Entry) -> bytes:
    """Give an entry as it stands in the log."""
    return segment.framed(kind, _encode(entry))


class Batch(Struct, frozen=True):
    """Hold entries that were read, and the place behind them."""

    entries: Sequence[Entry]
    end: Position


class Tail:
    """Follow one folder."""

    def __init__(self, folder: Path) -> None:
        """Begin with the oldest segment that is there."""
        self.folder = folder
        there = segments(folder)
        self.empty = not there
        """No segment is there."""
        self._read = Position(there[0] if there else START.segment, START.offset)
        self.shipped = self._read
        """The place up to which everything is in the store."""
        self._open: dict[str, tuple[LedgerRow, int]] = {}
        self._unsaid: dict[str, tuple[LedgerRow, int]] = {}  # the last attempt of each exchange that has no row yet
        self._damaged: set[int] = set()
        self._pending: Batch | None = None  # read, and not in the store yet

    def read(self) -> Batch:
        """Read on from what is in the store; a batch that ends where the last one did: there is nothing more now."""
        if self._pending is not None:
            return self._pending
        entries: list[Entry] = []
        while not entries:
            data = self._chunk()
            moved = self._take(data, entries)
            if not moved and not self._turn(segment.needed(data)):
                break
        self._pending = Batch(entries, self._read)
        return self._pending

    def advance(self, batch: Batch) -> None:
        """Take note that a batch is in the store, and let go of the segments that are not needed any more."""
        self.shipped, self._pending = batch.end, None
        held = (number for _row, number in (*self._open.values(), *self._unsaid.values()))
        keep = min(held, default=batch.end.segment)
        for number in segments(self.folder):
            if number < keep:
                self._remove(number)

    def last_words(self) -> list[Entry]:
        """Give what becomes of what is open, now that its writer is dead and all that it wrote has been read.

        An attempt that was under way stays unknown; an exchange of which only the attempts are known has a row of them.
        """
        left = [row for row, _number in self._open.values()]
        return [*left, *(_remains(row) for row, _number in self._unsaid.values())]

    def bury(self) -> None:
        """Let go of the folder of a dead writer, all of whose records are in the store; what is damaged stays."""
        for number in segments(self.folder):
            self._remove(number)
        discard(self.folder)

    def _chunk(self) -> bytes:
        """Read on in the segment, at least one record where there is a whole one."""
        try:
            file = os.open(segment_path(self.folder, self._read.segment), os.O_RDONLY)
        except FileNotFoundError:
            return b""
        try:
            data = os.pread(file, CHUNK, self._read.offset)
            if len(data) < segment.needed(data) <= segment.MAX_RECORD:
                data = os.pread(file, segment.needed(data), self._read.offset)
        finally:
            os.close(file)
        return data

    def _take(self, data: bytes, entries: list[Entry]) -> bool:
        """Add the entries of `data`; say whether anything was read."""
        before = self._read
        try:
            for each in segment.records(data, before.offset):
                self._enter(each, entries)
                self._read = Position(before.segment, each.end)
        except (Damaged, msgspec.MsgspecError) as fault:
            if before.segment not in self._damaged:
                self._damaged.add(before.segment)
                self._say("wal_damaged", type(fault).__name__)
        return self._read != before

    def _enter(self, found: Record, entries: list[Entry]) -> None:
        number = self._read.segment
        match found.kind:
            case b"S":
                started = _ledger_row(found.payload)
                self._open[started.id] = self._unsaid[started.exchange_id] = started, number
            case b"F":
                finished = _ledger_row(found.payload)
                self._open.pop(finished.id, None)
                if finished.exchange_id in self._unsaid:
                    self._unsaid[finished.exchange_id] = finished, self._unsaid[finished.exchange_id][1]
                entries.append(finished)
            case b"X":
                row = _row(found.payload)
                self._unsaid.pop(row.id, None)
                entries.append(row)
            case b"J":
                entries.append(_feedback(found.payload))
            case _:  # of a later version, which shares the folder during an upgrade
                self._damaged.add(number)
                self._say("wal_unknown_kind", found.kind.hex())

    def _turn(self, left: int) -> bool:
        """Go on with the next segment, if there is one: then nothing more can come in this one."""
        later = [number for number in segments(self.folder) if number > self._read.segment]
        if not later:
            return False
        if left and self._read.segment not in self._damaged:
            self._damaged.add(self._read.segment)
            self._say("wal_torn", f"a record of {left} bytes")
        self._read = Position(later[0], START.offset)
        return True

    def _remove(self, number: int) -> None:
        path = segment_path(self.folder, number)
        with suppress(OSError):
            if number in self._damaged:
                path.rename(path.with_suffix(".damaged"))
            else:
                path.unlink()

    def _say(self, event: str, cause: str) -> None:
        fields = {"segment": str(segment_path(self.folder, self._read.segment)), "offset": self._read.offset}
        _log.error(event, extra={"fields": {**fields, "cause": cause}})


def _remains(last: LedgerRow) -> Row:
    """Give the row of an exchange whose process died before it was recorded: what its last attempt tells."""
    return Row(
        id=last.exchange_id,
        created=last.created,
        protocol="",
        path="",
        requested_model=last.model,
        model=last.model,
        deployment=last.deployment,
        provider=last.provider,
        router=last.router,
        reason=None,
        propensity=None,
        key=last.key,
        session=None,
        stream=False,
        outcome="unknown",
        status=0,
        error="gateway_died",
        response_id=None,
        finish_reason=None,
        input_tokens=last.input_tokens,
        output_tokens=last.output_tokens,
        cache_read_tokens=last.cache_read_tokens,
        reasoning_tokens=last.reasoning_tokens,
        usage_estimated=last.estimated,
        quality=None,
        cost=last.cost if last.state == "finished" else None,
        baseline_cost=None,
        duration=0.0,
        first_token=None,
        overhead=0.0,
        decision=None,
        attempts="[]",
        prompt=None,
        answer=None,
    )
