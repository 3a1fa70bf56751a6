"""Own what proves a call: the shape of whatever signs it or adds a token to it.

Invariant: a proof never shows itself; `secrets` are what must be taken out of every text that comes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from gearshift.execution.upstream import Upstream


class Outgoing(NamedTuple):
    """Hold one call before it leaves."""

    url: str
    headers: dict[str, str]
    body: bytes


class Proof(Protocol):
    """Be what proves the calls to one provider."""

    @property
    def secrets(self) -> Sequence[str]:
        """What no text that leaves us may hold, as it is now."""
        ...

    def refused(self) -> bool:
        """Take note that the provider did not believe the last proof (401); say whether another one may be believed."""
        ...

    async def prove(self, call: Outgoing, upstream: Upstream) -> Outgoing:
        """Give `call` with its proof, which may have to be fetched over `upstream`; raise Unproven in words."""
        ...
