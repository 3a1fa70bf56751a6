"""Own the routes: which path and method goes where. Bare ASGI, looked up in one table.

Every error is told in the protocol that its path speaks.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from msgspec.structs import replace

from gearshift.errors import GearshiftError, InternalError, NoCandidate, RouteNotFound
from gearshift.retrying import advice
from gearshift.server import paths
from gearshift.server.admin.door import OPENAPI, PREFIX, AdminDoor
from gearshift.server.asgi import Receive, Scope, Send, respond
from gearshift.server.auth import CALLER, Keys
from gearshift.server.inference import Inference
from gearshift.server.views import Views

Handler: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
View: TypeAlias = Callable[[Scope, Receive], Awaitable[bytes]]

_MODEL: Final = re.compile(r"/v1(?:beta)?/models/(?P<name>.+)")
_log = logging.getLogger("gearshift.server")


class App:
    """Be the ASGI application."""

    def __init__(self, inference: Inference, views: Views, admin: AdminDoor) -> None:
        """Take the handlers and lay out the routes."""
        self._admin = admin
        self.adopt(inference, views)

    def adopt(self, inference: Inference, views: Views) -> None:
        """Serve by these handlers from the next request on; a request in flight ends where it began."""
        self._admin.keys = inference.keys
        self._inference = {name: replace(inference, codec=codec) for name, codec in paths.VOICES.items()}
        self._keys: Keys = inference.keys
        self._views = views
        self._routes: dict[tuple[str, str], Handler] = {
            **{("POST", path): self._inference[name] for path, name in paths.INFERENCE.items()},
            ("POST", paths.COUNT): self._guarded(views.count),
            ("GET", "/v1/models"): self._guarded(views.models),
            ("GET", paths.GEMINI_MODELS): self._guarded(views.models),
            ("POST", "/v1/route"): self._guarded(views.route),
            ("POST", paths.FEEDBACK): self._guarded(views.feedback),
            ("GET", "/v1/generation"): self._guarded(views.generation),
            ("GET", "/healthz"): self._open(views.health),
            ("GET", "/readyz"): self._open(views.ready),
            ("GET", "/metrics"): self._metrics,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or play the lifespan's part."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._handler(scope["method"], scope["path"])(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1003})

    def _handler(self, method: str, path: str) -> Handler:
        handler = self._routes.get((method, path))
        if handler is not None:
            return handler
        if path.startswith(PREFIX) or path == OPENAPI:
            return self._admin
        verb = paths.gemini_verb(path) if method == "POST" else None
        if verb in paths.GENERATE:
            return self._inference["gemini"]
        if verb in paths.EMBED:
            return self._inference["gemini_embeddings"]
        if verb == paths.COUNT_VERB:
            return self._guarded(self._views.count)
        if method == "GET" and (found := _MODEL.fullmatch(path)):
            name = found["name"]  # ASGI has decoded it: ids hold slashes
            return self._guarded(lambda scope, _receive: self._views.model(scope, name))
        return self._open(lambda _scope, _receive: self._lost(method, path))

    async def _lost(self, method: str, path: str) -> bytes:
        """Say what is served instead."""
        allowed = sorted(verb for verb, known in self._routes if known == path)
        if _MODEL.fullmatch(path):
            allowed = ["GET"]
        if allowed:
            raise RouteNotFound(f"found {method} {path}, expected {' or '.join(allowed)}", allowed=allowed)
        served = ", ".join(sorted({known for _, known in self._routes}))
        raise RouteNotFound(f"found no route {path[:100]!r}; served here: {served}")

    def _guarded(self, view: View) -> Handler:
        """Serve `view` to callers with a key."""

        async def checked(scope: Scope, receive: Receive) -> bytes:
            return await view({**scope, CALLER: self._keys.check(scope)}, receive)

        return self._open(checked)

    def _open(self, view: View) -> Handler:
        """Serve `view` to everyone, its errors in the caller's protocol."""

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            codec = paths.codec_of(scope)
            try:
                body = await view(scope, receive)
            except RouteNotFound as error:
                allow = ((b"allow", ", ".join(error.allowed).encode()),) if error.allowed else ()
                await respond(send, error.status, codec.encode_error(error), *allow)
            except NoCandidate as error:
                await respond(send, error.status, codec.encode_error(error, error.extra))
            except GearshiftError as error:
                await respond(send, error.status, codec.encode_error(error), *advice(error))
            except Exception as error:  # noqa: BLE001 - our own bug: it too is answered in the caller's protocol
                _log.exception("view_error")
                bug = InternalError.of(error)
                await respond(send, bug.status, codec.encode_error(bug), *advice(bug))
            else:
                await respond(send, 200, body)

        return handle

    async def _metrics(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        content_type, body = self._views.metrics()
        await respond(send, 200, body, (b"content-type", content_type.encode()))

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        """Say yes to starting; let go of everything when told to stop."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._views.close()
                await send({"type": "lifespan.shutdown.complete"})
                return
