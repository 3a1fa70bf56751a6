"""Own the way to the admin API: who is let in, and its app, made when it is first asked for.

FastAPI takes 20 MiB and a third of a second, which a gateway that nobody administers does not pay. Keys come in the
headers that clients use, never in cookies. Invariant: where no key is configured the API is open to this machine only:
the `Host` must be a loopback name, so that no page in a browser can be made to reach it (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, cast

import msgspec

from gearshift.errors import Forbidden, GearshiftError
from gearshift.server.asgi import Receive, Scope, Send, header, respond
from gearshift.server.auth import CALLER, Keys
from gearshift.types.access import Caller

if TYPE_CHECKING:
    from gearshift.server.admin.desk import Desk

PREFIX: Final = "/admin/"
OPENAPI: Final = "/openapi.json"
_LOOPBACK: Final = re.compile(rb"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")
_ANYBODY: Final = Caller(id="loopback", name="no key configured", role="admin")


class AdminDoor:
    """Let in who may administer."""

    def __init__(self, desk: Callable[[], Desk]) -> None:
        """Take what gives what the API works with; the app tells it the keys."""
        self.keys = Keys()
        self._desk = desk
        self._app: Callable[[Scope, Receive, Send], Awaitable[None]] | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            caller = self.keys.check(scope) or _anybody(scope)
        except GearshiftError as error:
            await respond(send, error.status, msgspec.json.encode({"error": _told(error)}))
            return
        app = self._app or await self._make()
        await app({**scope, CALLER: caller}, receive, send)

    async def _make(self) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        async with self._making:
            if self._app is None:
                self._app = await asyncio.to_thread(_build, self._desk())
        return self._app


def _build(desk: Desk) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    from gearshift.server.admin.api import build

    return cast("Callable[[Scope, Receive, Send], Awaitable[None]]", build(desk))


def _anybody(scope: Scope) -> Caller:
    host = (header(scope, b"host") or "").encode("latin-1")
    if not _LOOPBACK.fullmatch(host):
        shown = host[:100].decode("latin-1")
        raise Forbidden(
            f"found the Host {shown!r}, expected this machine's: without a server.admin_key nobody else may"
        )
    return _ANYBODY


def _told(error: GearshiftError) -> dict[str, str | None]:
    return {"code": error.code, "message": error.message, "param": getattr(error, "param", None)}
