"""Own the child process that serves the simulated models: its start, its one line on stdout, its end.

    parent                                   child (`python -m gearshift.simulate`)
      | -- start, stdin is a pipe ------------> |  build the models, open the socket
      | <- {"ready": true, "base_url": ...} --- |  serve
      | -- stdin closes (stop, or death) -----> |  finish within `GRACE` seconds, exit

Invariant: no orphan. The child ends when its stdin closes, which the death of its parent does, and also when it finds
itself with another parent, should some other process hold the pipe's end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec
import uvicorn
from msgspec import Struct

from gearshift.errors import GearshiftError, UpstreamUnreachable
from gearshift.simulate.roster import build_roster
from gearshift.simulate.server import Upstream
from gearshift.types.catalog import Seconds

HOST: Final = "127.0.0.1"
GRACE: Final = 1
"""Seconds for answers under way, whole because uvicorn wants it so."""
STOP_TIMEOUT: Final[Seconds] = 5
READY_TIMEOUT: Final[Seconds] = 60
"""Long, for replayed files of some hundred thousand rows; without them the child is ready in half a second."""
_PARENT_POLL: Final[Seconds] = 0.5


class Announcement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Hold the child's one line on stdout. `unavailable` maps a demo model to why it cannot run here."""

    ready: bool
    base_url: str = ""
    models: tuple[str, ...] = ()
    unavailable: dict[str, str] = {}
    error: str = ""


class Child(Struct, frozen=True, kw_only=True):
    """Hold a running upstream. `base_url` ends in `/v1`; `pid` is the child's process id."""

    base_url: str
    models: tuple[str, ...]
    unavailable: dict[str, str]
    pid: int


@contextlib.asynccontextmanager
async def start_child(
    *, models: Sequence[str] | None = None, replay: Iterable[Path] = (), port: int = 0
) -> AsyncGenerator[Child, None]:
    """Run the upstream in a child process for as long as the block runs.

    `models` and `replay` as in `build_roster`; `port` 0 takes a free one. Raises `UpstreamUnreachable` with the child's
    own words when it does not start.
    """
    command = [sys.executable, "-P", "-m", "gearshift.simulate", "--port", str(port)]
    command += [] if models is None else ["--models", ",".join(models)]
    for path in replay:
        command += ["--replay", str(path)]
    pipe = asyncio.subprocess.PIPE
    # A session of its own: Ctrl-C in the terminal reaches the parent only, which then closes the pipe.
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, start_new_session=True)
    try:
        announced = await _announcement(process)
        yield Child(
            base_url=announced.base_url,
            models=announced.models,
            unavailable=announced.unavailable,
            pid=process.pid,
        )
    finally:
        await _stop(process)


async def _announcement(process: asyncio.subprocess.Process) -> Announcement:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    try:
        async with asyncio.timeout(READY_TIMEOUT):
            line = await process.stdout.readline()
        announced = msgspec.json.decode(line, type=Announcement)
    except TimeoutError as error:
        raise UpstreamUnreachable(f"The simulated upstream was not ready within {READY_TIMEOUT} s.") from error
    except msgspec.DecodeError as error:
        raise UpstreamUnreachable("The simulated upstream ended before it was ready; see its stderr.") from error
    if not announced.ready:
        raise UpstreamUnreachable(f"The simulated upstream did not start: {announced.error}")
    return announced


async def _stop(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    process.stdin.close()
    try:
        async with asyncio.timeout(STOP_TIMEOUT):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def serve(*, port: int, models: Sequence[str] | None, replay: Iterable[Path]) -> int:
    """Serve until stdin closes or the parent is gone; give the exit code. This is the child's whole life."""
    try:
        roster = build_roster(models, replay)
        listener = socket.create_server((HOST, port))
    except (GearshiftError, OSError) as error:
        _announce(Announcement(ready=False, error=str(error)))
        return 1
    announcement = Announcement(
        ready=True,
        base_url=f"http://{HOST}:{listener.getsockname()[1]}/v1",
        models=tuple(model.card.id for model in roster.models),
        unavailable=roster.unavailable,
    )
    server = _Server(Upstream(roster.models), announcement)
    threading.Thread(target=_watch_parent, args=(server.leave,), daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again after it has shut down
        server.run(sockets=[listener])
    return 0


class _Server(uvicorn.Server):
    """Announce once connections are accepted and signals are handled."""

    def __init__(self, app: Upstream, announcement: Announcement) -> None:
        config = uvicorn.Config(
            app, lifespan="off", ws="none", access_log=False, log_level="warning", timeout_graceful_shutdown=GRACE
        )
        super().__init__(config)
        self._announcement = announcement

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _announce(self._announcement)

    def leave(self) -> None:
        """Finish within `GRACE` seconds. May be called from any thread."""
        self.should_exit = True


def _announce(announcement: Announcement) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(announcement) + b"\n")
    sys.stdout.buffer.flush()


def _watch_parent(leave: Callable[[], None]) -> None:
    stdin = sys.stdin.fileno()
    parent = os.getppid()
    while os.getppid() == parent:
        readable, _, _ = select.select([stdin], [], [], _PARENT_POLL)
        if readable and not os.read(stdin, 65536):
            break
    leave()
