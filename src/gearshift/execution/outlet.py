"""Own the caller's end of an exchange, as executing sees it.

Invariant: a method raises CallerLeft where the caller can no longer be reached.
"""

from __future__ import annotations

from collections.abc import Awaitable
from functools import lru_cache
from typing import Final, Protocol, TypeAlias
from urllib.parse import quote

from gearshift.errors import CallerLeft
from gearshift.execution.deadline import Deadline
from gearshift.types.catalog import Deployment, Seconds

FAREWELL: Seconds = 5.0
"""How long a caller may take at least to accept the end of its answer, and at most an error."""

Headers: TypeAlias = list[tuple[bytes, bytes]]


def ascii_of(text: str) -> bytes:
    """Make a header value of a name: what is not printable ASCII is percent-encoded."""
    return quote(text, safe=" /:@+,;=()[]{}<>!$&'*?#|~^`").encode()


named: Final = lru_cache(maxsize=1024)(ascii_of)
"""The same, kept: for names that a config gives, of which there are few."""


def whose(deployment: Deployment) -> Headers:
    """Say who answers, or, in an error, who was asked last."""
    return [
        (b"x-gearshift-model", named(deployment.model)),
        (b"x-gearshift-provider", named(deployment.provider.id)),
    ]


class Outlet(Protocol):
    """Be the caller's end of an exchange."""

    @property
    def started(self) -> bool: ...  # noqa: D102 - once the head was sent
    @property
    def left(self) -> bool: ...  # noqa: D102 - once the caller is known to have gone away
    async def start(self, status: int, headers: Headers) -> None:
        """Send the head."""
        ...

    async def write(self, data: bytes) -> None:
        """Send a piece of the body; waits while the caller reads slowly."""
        ...

    async def finish(self, data: bytes) -> None:
        """Send the last piece of the body."""
        ...

    def abort(self) -> None:
        """Break the connection: what the caller has not taken is lost."""
        ...


async def taken(sending: Awaitable[None], patience: Seconds) -> None:
    """Let the caller take the end of its answer; raise CallerLeft when it takes longer than `patience`."""
    try:
        with Deadline(patience):
            await sending
    except TimeoutError:
        message = "the caller did not take its answer in time"
        raise CallerLeft(message) from None


async def farewell(sending: Awaitable[None], outlet: Outlet) -> None:
    """Let the caller take an error; break the connection when it does not."""
    try:
        await taken(sending, FAREWELL)
    except CallerLeft:
        outlet.abort()
