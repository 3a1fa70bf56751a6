"""Own the running server: a bound socket, uvicorn around our app, and its clean end.

    a signal ── not ready, nobody new is let in; callers are told to close their connections (`connection.retire`)
                ── after the grace, or at a second signal: who is not answered yet is told so (`shutting_down`)
                ── when all have ended: the log is written, and the process ends

Invariant: the log is closed after the last exchange was recorded.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

import uvicorn

from gearshift.errors import ConfigError
from gearshift.execution.outlet import FAREWELL
from gearshift.server.app import App
from gearshift.server.connection import KEEP_ALIVE, CallerConnection
from gearshift.server.gate import Gate
from gearshift.types.catalog import Seconds

BACKLOG: Final = 2048
SEND_BUFFER: Final = 128 * 1024
"""Bytes that the kernel holds for a caller who reads slowly; left alone it takes up to 4 MB for each. So much on the
way is 1 MB a second for a caller who is a tenth of a second away."""
ACCEPTS: Final = 8
"""New connections that one turn of the loop takes. libuv takes one from each handle ("unix: don't accept() connections
in a loop", 1.45), and turns are long when there is much to do: callers would wait where nobody sees them."""
GC_THRESHOLD: Final = 20_000
"""Objects made and not yet freed before the collector looks; Python's default is 700."""
SETTLE: Final[Seconds] = FAREWELL + 1
"""How long requests that are cut off may take to say so."""
_LOOK: Final[Seconds] = 0.02

_log = logging.getLogger("gearshift.server")


def bind(host: str, port: int) -> socket.socket:
    """Listen on `host:port` (0: a free port); raise ConfigError when that cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        fault = (
            f"server: cannot listen on {host}:{port} ({error.strerror}); free the port or choose another with --port"
        )
        raise ConfigError([fault], source="serve") from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)  # what is accepted inherits it
    return listener


def address(listener: socket.socket) -> str:
    """Give the base URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """Serve our app behind its gate; call `ready` once connections are answered."""

    def __init__(self, app: App, gate: Gate, grace: Seconds, ready: Callable[[], None] = lambda: None) -> None:
        """Configure uvicorn for a bare ASGI app; `grace` is what requests in flight have when it is told to stop."""
        config = uvicorn.Config(
            app,
            loop="none",
            http=CallerConnection.through(gate),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
        )
        super().__init__(config)
        self.grace = grace
        self._gate = gate
        self._ready = ready

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve at `sockets`, each with as many acceptors as `ACCEPTS` says, until told to stop."""
        await super().serve([each if not n else each.dup() for each in sockets or [] for n in range(ACCEPTS)])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, settle the heap, then say so."""
        await super().startup(sockets)
        if not self.should_exit:
            settle()
            self._gate.open()
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; at a second signal, whichever it is, wait for nobody."""
        self.force_exit = self.should_exit
        self._gate.stopping = True
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop as the module says."""
        began = time.monotonic()
        self._gate.stopping = True
        _log.info("stopping", extra={"fields": {"in_flight": len(self.server_state.tasks), "grace_s": self.grace}})
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in self.server_state.connections:
            if isinstance(connection, CallerConnection):
                connection.retire()
        await self._until_answered(began + self.grace)
        self._gate.close()
        cut = [*self.server_state.tasks]
        for task in cut:
            task.cancel()
        if cut:
            await asyncio.wait(cut, timeout=SETTLE)
        _log.info("stopped", extra={"fields": {"cut_off": len(cut), "took_s": round(time.monotonic() - began, 3)}})
        self.force_exit = False  # uvicorn would leave the log open
        await self.lifespan.shutdown()

    async def _until_answered(self, end: Seconds) -> None:
        """Wait until nobody is connected any more, `end` has come, or a second signal."""
        state = self.server_state
        while (state.tasks or state.connections) and not self.force_exit and time.monotonic() < end:  # noqa: ASYNC110 - uvicorn's sets
            await asyncio.sleep(_LOOK)


def settle() -> None:
    """Take all that is loaded by now out of the garbage collector's sight, and let it look less often.

    It lives as long as the process, and looking through it again and again was a tenth of a request's CPU.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 100)
