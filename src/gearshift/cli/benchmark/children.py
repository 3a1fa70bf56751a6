"""Own the parent's side of the child processes: their start on the right CPUs, what they say, their end.

Invariant: no child outlives its block.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import msgspec

from gearshift.cli.benchmark.load import Job, Slice
from gearshift.cli.benchmark.process import on
from gearshift.cli.benchmark.upstream import Announcement
from gearshift.errors import InternalError, UpstreamUnreachable
from gearshift.types.catalog import Seconds

STOP_TIMEOUT: Final[Seconds] = 15


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the environment for a child: ours, without Gearshift's overrides, and with byte code kept.

    Without byte code every start compiles every module again, and some gateways compile on every request.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GEARSHIFT")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | dict(more or {})


@contextmanager
def child(
    command: Sequence[str],
    *,
    cpus: frozenset[int],
    output: IO[bytes] | int | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Generator[subprocess.Popen[bytes], None, None]:
    """Run a command on `cpus` for as long as the block runs.

    `output` takes what it prints; None: stdout is a pipe, stderr is ours. At the end it is asked to stop, and killed
    when it has not after `STOP_TIMEOUT` seconds.
    """
    with on(cpus):
        process = subprocess.Popen(  # noqa: S603 - the commands are written in this package and in tools/
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if output is None else output,
            stderr=output,
            env=environment(env),
            cwd=cwd,
        )
    with process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def start_upstream(cpus: frozenset[int]) -> Generator[int, None, None]:
    """Run the built-in upstream; give its port."""
    with child([sys.executable, "-m", "gearshift.cli.benchmark.upstream"], cpus=cpus) as process:
        try:
            announced = msgspec.json.decode(_next_line(process), type=Announcement)
        except msgspec.DecodeError as error:
            raise UpstreamUnreachable("The built-in upstream did not start; see its stderr.") from error
        yield announced.port


class LoadGenerator:
    """Run jobs in the load generator's process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        """Take the running process."""
        self._process = process

    def run(self, job: Job) -> Slice:
        """Measure one slice; raise InternalError when the process has died."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        try:
            self._process.stdin.write(msgspec.json.encode(job) + b"\n")
            self._process.stdin.flush()
            return msgspec.json.decode(_next_line(self._process), type=Slice)
        except (BrokenPipeError, msgspec.DecodeError) as error:
            raise InternalError("The load generator ended before its job was done; see its stderr.") from error


@contextmanager
def start_generator(cpus: frozenset[int]) -> Generator[LoadGenerator, None, None]:
    """Run the load generator."""
    with child([sys.executable, "-m", "gearshift.cli.benchmark.generator"], cpus=cpus) as process:
        yield LoadGenerator(process)


def _next_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    return process.stdout.readline()
