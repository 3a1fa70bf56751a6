"""Own the caller's end of an exchange, as executing sees it."""

from __future__ import annotations

from typing import Protocol, TypeAlias

Headers: TypeAlias = list[tuple[bytes, bytes]]


class Outlet(Protocol):
    """Be the caller's end of an exchange."""

    @property
    def started(self) -> bool: ...  # noqa: D102 - once the head was sent
    async def start(self, status: int, headers: Headers) -> None:
        """Send the head."""
        ...

    async def write(self, data: bytes) -> None:
        """Send a piece of the body; waits while the caller reads slowly."""
        ...

    async def finish(self, data: bytes) -> None:
        """Send the last piece of the body."""
        ...
