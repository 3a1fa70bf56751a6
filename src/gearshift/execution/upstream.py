"""Own the door through which calls leave: what every HTTP client of ours must do.

`http1.Http1Upstream` is the one that serves; `proxied.AiohttpUpstream` serves where a proxy is configured. Both are
held to `tests/contract/test_upstream.py`.
Invariant: no redirects are followed, bodies are bounded, and every failure is one of our `UpstreamError`s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

from gearshift.types.catalog import Seconds

LINGER: Final[Seconds] = 1.0
"""How long the end of a body may take that the protocol no longer needs (a stream's last chunk, after its terminator):
reading it spares the next call a new connection and its TLS handshake."""
OK: Final = 200
NO_HEAD: Final[Mapping[str, str]] = MappingProxyType({})
STALE_SECONDS: Final[Seconds] = 1.0
"""Within it, a kept connection that dies was dead already: the upstream closed it as we began to write."""


def unheard() -> None:
    """Take note of nothing."""


class Reply(Protocol):
    """Be one upstream answer whose head has arrived."""

    status: int
    content_type: str
    head: Mapping[str, str]
    """The headers, their names in lower case: what a refusal says of itself. Empty on a 200, where nobody asks."""

    received: int
    """Bytes of the body that `read` has had, also where it was cut."""

    async def read(self, limit: int) -> bytes:
        """Give the whole body; raise UpstreamInvalid above `limit` bytes, StreamBroken when it is cut."""
        ...

    async def chunk(self) -> bytes:
        """Give what has arrived next, never held back, and b"" at the end; raise StreamBroken when the body is cut."""
        ...

    def close(self) -> None:
        """Let go: where the body was received whole its connection returns to the pool, any other is closed at once."""
        ...

    def release(self) -> None:
        """Let go of a body that says nothing more: as `close`, but wait up to `LINGER` seconds, aside, for its end."""
        ...


class Upstream(Protocol):
    """Make calls."""

    async def post(
        self,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        connect_timeout: Seconds,
        written: Callable[[], None] = unheard,
    ) -> Reply:
        """Send `body` and wait for the head; raise UpstreamUnreachable, or UpstreamTimeout in phase `connect`.

        Without a body it is a GET.
        `written` is called when the first byte of the request leaves: before it, nothing can have been billed.
        """
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
