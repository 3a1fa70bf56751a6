"""Own what every store of counters does: hold what a call may use, then count what it did use.

    reserve ─> held ─┬─ settle ──> used: what it was
                     ├─ release ─> nothing: it was surely not sent
                     └─ expire ──> used: what was held (`orphaned`) ── settle ──> used: what it was
                                                                    └─ beat ────> held again

Invariants: each call is one atomic step, over all its holds or none; a reservation is counted once, however often its
messages come; no reservation is held longer than its ttl after its last beat; a reset is a new bucket, never a counter
set to 0; the store's own clock says which bucket is current. How long a bucket and an id that is over are remembered:
`kept_until` and `REMEMBERED`.

A store is filled from the ledger under an *epoch*. Where the epoch that it has is not the one that its client knows
(flushed, rolled back, restarted without its memory), every call raises CountersLost: see `renew`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, Protocol

from msgspec import Struct

from gearshift.budgeting import FOREVER, frees_at
from gearshift.types.budget import Hold, Refused, Stale, Tally
from gearshift.types.catalog import Seconds

REMEMBERED: Final = 300
"""Seconds for which an id that was settled or released is known, so that a message that comes again counts nothing."""
LINGERING: Final = 86_400
"""Seconds for which an orphan waits for whoever settles it late."""
SWEPT: Final = 100
"""Orphans that one `expire` settles."""
_STEP: Final = 7200
"""A clock that steps by up to two hours frees nothing."""


class Epoch(Struct, frozen=True):
    """Hold what a store's counters are: `ready` once they were filled; `age` in seconds since it was opened.

    `lost`: another server opened it than the one that we speak to, which may have less of it.
    """

    name: str | None
    ready: bool = False
    lost: bool = False
    age: Seconds = 0.0


class Counters(Protocol):
    """Be a store of counters; whatever its driver raises comes out as CountersAway, or CountersLost."""

    @property
    def shared(self) -> bool:
        """Say whether other processes count here too."""
        ...

    async def reserve(self, call: str, holds: Sequence[Hold], ttl: Seconds) -> Refused | Stale | tuple[Tally, ...]:
        """Hold all of `holds`, or nothing and say why; give where each then stands.

        An id that is known is answered as before, and nothing more is held; one that was refused is asked anew.
        """
        ...

    async def extend(self, call: str, holds: Sequence[Hold], ttl: Seconds) -> Refused | None:
        """Raise what is held to these amounts, all or nothing, in the windows that they name."""
        ...

    async def adopt(self, call: str, holds: Sequence[Hold], ttl: Seconds) -> None:
        """Hold for a call that is under way already, whatever the limits are; for an id that is known, do nothing."""
        ...

    async def beat(self, ids: Collection[str], ttl: Seconds) -> frozenset[str]:
        """Say that calls are still under way, orphans too; give the ids that are not known."""
        ...

    async def settle(self, call: str, holds: Sequence[Hold]) -> None:
        """Count these amounts as used in place of what was held, or counted for an orphan; the first one counts."""
        ...

    async def release(self, call: str) -> None:
        """Free what was held by a call that was surely not sent; if its reservation comes later it holds nothing."""
        ...

    async def expire(self) -> tuple[str, ...]:
        """Count up to `SWEPT` holds, whose owner was not heard of for their ttl, as used; give their ids."""
        ...

    async def standing(self, holds: Sequence[Hold]) -> tuple[Tally, ...]:
        """Give what counts against each hold's limit now."""
        ...

    async def attach(self) -> Epoch:
        """Give what the counters are, and count with these from now on."""
        ...

    async def renew(self, lost: str | None) -> None:
        """Open an empty epoch, where the store still has `lost`; who comes second changes nothing.

        Until it is filled, nobody can reserve in it: calls under way are adopted and settled, and their ids noted.
        """
        ...

    async def adopted(self) -> frozenset[str]:
        """Give the ids that this epoch counts by itself, which what it is filled with must leave out."""
        ...

    async def restore(self, totals: Sequence[Hold]) -> bool:
        """Add what the ledger says was used, and let calls reserve; False where somebody did so before."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def kept_until(hold: Hold) -> int:
    """Say when a hold's bucket may be forgotten (seconds since the epoch): long after it has ceased to count."""
    return hold.ends + (hold.back + 1) * (hold.ends - hold.begin) + _STEP


def refused(holds: Sequence[Hold], number: int, tally: Tally) -> Refused:
    """Say which hold did not fit, and where its limit stands."""
    hold = holds[number]
    return Refused(
        budget=hold.budget,
        scope=hold.scope,
        unit=hold.unit,
        limit=hold.limit,
        used=tally.used,
        held=tally.held,
        resets_at=frees_at(hold, tally.since),
    )


def told(hold: Hold) -> tuple[str, int, int, int, int, int, int, int]:
    """Write a hold as the functions of the shared stores read it; its bucket is kept until 0 where it has no end."""
    kept = 0 if hold.ends == FOREVER else kept_until(hold)
    return hold.counter, hold.begin, hold.ends, hold.back, hold.amount, hold.limit, hold.orphaned, kept


def tallies(numbers: Sequence[int]) -> tuple[Tally, ...]:
    """Read what the functions of the shared stores say of where limits stand: three numbers for each."""
    found = []
    for at in range(0, len(numbers), 3):
        used, held, since = numbers[at : at + 3]
        found.append(Tally(used, held, None if since < 0 else since))
    return tuple(found)
