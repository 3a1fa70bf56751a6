"""Own the interface of what counts limits, wherever the counts are kept; all pass `tests/contract/test_counters.py`.

    reserve ──> held ── settle ──> used            the actual amount, whatever was held
                  ├─── release ─> (nothing)        it surely never reached a provider
                  └─── too old ─> used, at what was held; a late settle puts it right

Invariants: a reservation holds of all its limits or of none, in one step; used + held never passes a limit by a
reservation; everything is done once for an id, however often it is asked; the counters' own clock says what time it is,
and a clock that steps back frees nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from gearshift.types.budget import Hold, Standing, Verdict
from gearshift.types.catalog import Seconds

TTL: Final[Seconds] = 30.0
"""How long a reservation is held without a sign of life."""
REMEMBERED: Final[Seconds] = 86_400.0
"""How long it is known that a reservation was settled."""


class Counters(Protocol):
    """Count limits; every method raises StoreUnavailable where the counts cannot be reached."""

    async def reserve(self, name: str, holds: Sequence[Hold], ttl: Seconds = TTL) -> Verdict:
        """Hold all of `holds` for a reservation, or nothing; nothing before counts were restored once."""
        ...

    async def settle(self, name: str, amounts: Mapping[str, int]) -> None:
        """Count what a reservation came to, by limit; what is not named counts as it was held."""
        ...

    async def beat(self, names: Sequence[str], ttl: Seconds = TTL) -> None:
        """Keep reservations alive."""
        ...

    async def restore(self, counted: Mapping[str, tuple[int, Seconds]]) -> None:
        """Have counters be at least at these amounts, each until its time: what the ledger says they were."""
        ...

    async def standings(self, holds: Sequence[Hold]) -> tuple[Standing, ...]:
        """Say where limits stand."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
