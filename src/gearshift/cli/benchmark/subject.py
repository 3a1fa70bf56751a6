"""Own the gateway under test: its config, with everything on, and its start.

Everything on: an `auto` router over five candidates with the builtin predictor, decided anew for each request; metrics;
the log of exchanges in SQLite; a log line for each exchange (to the null device, once it is up). One process.
"""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from gearshift.cli.benchmark.children import child
from gearshift.cli.benchmark.load import HOST
from gearshift.cli.benchmark.process import resident_bytes
from gearshift.errors import UpstreamUnreachable
from gearshift.types.catalog import Seconds

READY_TIMEOUT: Final[Seconds] = 60
PATIENT: Final = {"queue_wait": "60s"}
"""The `server` section of a gateway that sheds nobody."""
_POLL: Final[Seconds] = 0.005
_CANDIDATES: Final[tuple[tuple[str, float, float, int, list[str]], ...]] = (
    ("nano", 0.05, 0.40, 16_000, []),
    ("mini", 0.25, 2.00, 128_000, ["tools"]),
    ("base", 1.25, 10.00, 128_000, ["tools", "json_schema"]),
    ("large", 3.00, 15.00, 200_000, ["tools", "json_schema", "vision"]),
    ("max", 15.00, 75.00, 200_000, ["tools", "json_schema", "vision", "reasoning"]),
)
"""Model, USD per million input and output tokens, context window and capabilities. All are the same upstream."""


class Started(Struct, frozen=True, kw_only=True):
    """Hold a gateway that is ready. `ready_s`: from its start to the first 200 of /readyz. `idle_bytes`: RSS then."""

    port: int
    pid: int
    ready_s: Seconds
    idle_bytes: int | None


def config(port: int, upstream_port: int, folder: Path, server: Mapping[str, object] = PATIENT) -> dict[str, object]:
    """Give the config of a gateway that listens on `port` and keeps its log in `folder`; `server` adds to its section.

    Where nothing is to be shed, since it is the gateway's pace that is measured, callers may wait.
    """
    return {
        "server": {"host": HOST, "port": port, **server},
        "store": f"sqlite:///{folder / 'bench.db'}",
        "providers": {"bench": {"protocol": "openai_chat", "base_url": f"http://{HOST}:{upstream_port}/v1"}},
        "models": {
            name: {
                "context_window": window,
                "capabilities": capabilities,
                "deployments": [{"provider": "bench", "price": {"input": input_usd, "output": output_usd}}],
            }
            for name, input_usd, output_usd, window, capabilities in _CANDIDATES
        },
        "routers": {
            "auto": {
                "candidates": [name for name, *_ in _CANDIDATES],
                "predictor": "builtin",
                "objective": {"willingness_to_pay": 0.01},
            }
        },
    }


@contextmanager
def start_gateway(
    upstream_port: int,
    folder: Path,
    cpus: frozenset[int],
    *,
    keep_log: bool = False,
    server: Mapping[str, object] = PATIENT,
) -> Generator[Started, None, None]:
    """Run `gearshift serve` for as long as the block runs, from when it is ready.

    `keep_log`: its log goes to a file in `folder`, so that a failed start can be explained.
    Raises `UpstreamUnreachable` with the end of it.
    """
    port = free_port()
    file = folder / "gearshift.yaml"
    file.write_bytes(msgspec.json.encode(config(port, upstream_port, folder, server)))  # JSON is YAML
    command = [sys.executable, "-m", "gearshift", "serve", "--config", str(file)]
    started = time.perf_counter()
    with (
        (folder / "serve.log").open("wb") as log,
        child(command, cpus=cpus, output=log if keep_log else subprocess.DEVNULL) as process,
    ):
        try:
            await_answer(process, port, "/readyz", READY_TIMEOUT)
        except UpstreamUnreachable as error:
            raise UpstreamUnreachable(f"gearshift serve: {error.message}{tail(folder / 'serve.log')}") from error
        ready = time.perf_counter() - started
        yield Started(port=port, pid=process.pid, ready_s=ready, idle_bytes=resident_bytes(process.pid))


def free_port() -> int:
    """Give a port of the loopback that is free now."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def await_answer(process: subprocess.Popen[bytes], port: int, path: str, timeout: Seconds) -> None:
    """Wait until `GET path` is answered with 200.

    Raises `UpstreamUnreachable` when the process ends first, or `timeout` seconds have passed.
    """
    deadline = time.perf_counter() + timeout
    while not _answers(port, path):
        if process.poll() is not None:
            raise UpstreamUnreachable(f"it ended with exit code {process.returncode} before it was ready")
        if time.perf_counter() > deadline:
            raise UpstreamUnreachable(f"it was not ready after {timeout:.0f} s")
        time.sleep(_POLL)


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def tail(log: Path, lines: int = 12) -> str:
    """Give the end of a log on lines of their own, nothing when there is none."""
    last: Sequence[str] = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    return "".join(f"\n  | {line}" for line in last)
