"""Own the running server: a bound socket, uvicorn around our app, and its clean end."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable
from typing import Final

import uvicorn

from gearshift.errors import ConfigError
from gearshift.server.app import App
from gearshift.server.connection import KEEP_ALIVE, CallerConnection

BACKLOG: Final = 2048
GC_THRESHOLD: Final = 20_000
"""Objects made and not yet freed before the collector looks; Python's default is 700."""
GRACE_SECONDS: Final = 10
"""How long requests in flight may take when the server is told to stop."""


def bind(host: str, port: int) -> socket.socket:
    """Listen on `host:port` (0: a free port); raise ConfigError when that cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        fault = (
            f"server: cannot listen on {host}:{port} ({error.strerror}); free the port or choose another with --port"
        )
        raise ConfigError([fault], source="serve") from error


def address(listener: socket.socket) -> str:
    """Give the base URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """Serve our app; call `ready` once connections are answered."""

    def __init__(self, app: App, ready: Callable[[], None] = lambda: None) -> None:
        """Configure uvicorn for a bare ASGI app."""
        config = uvicorn.Config(
            app,
            loop="none",
            http=CallerConnection,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, settle the heap, then say so."""
        await super().startup(sockets)
        if not self.should_exit:
            settle()
            self._ready()


def settle() -> None:
    """Take all that is loaded by now out of the garbage collector's sight, and let it look less often.

    It lives as long as the process, and looking through it again and again was a tenth of a request's CPU.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 100)
