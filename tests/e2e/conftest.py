"""Own the running gateways of the end-to-end tests: real child processes of the real command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue

import pytest

READY = re.compile(r"ready on (http://\S+)/v1")
START_SECONDS = 30
STOP_SECONDS = 15


class Gateway:
    """Hold a running gateway: its URL, its folder and what it wrote to stderr."""

    def __init__(self, url: str, folder: Path, lines: list[str], process: subprocess.Popen[str]) -> None:
        self.url = url
        self.folder = folder
        self.lines = lines
        self.process = process


def clean_environment() -> dict[str, str]:
    """Give this environment without provider keys and proxies, so that every machine tests the same."""
    hidden = ("_API_KEY", "_PROXY", "_proxy", "OLLAMA_HOST", "GEARSHIFT__")
    return {name: value for name, value in os.environ.items() if not any(word in name for word in hidden)}


@contextmanager
def serving(folder: Path, *arguments: str, environ: dict[str, str] | None = None) -> Generator[Gateway, None, None]:
    """Run `gearshift serve` in `folder` until the block ends."""
    command = [sys.executable, "-m", "gearshift", "serve", "--port", "0", *arguments]
    environment = {**clean_environment(), **(environ or {})}
    process = subprocess.Popen(  # noqa: S603 - our own command
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    lines: list[str] = []
    urls: Queue[str | None] = Queue()

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            lines.append(line)
            if found := READY.search(line):
                urls.put(found[1])
        urls.put(None)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        try:
            url = urls.get(timeout=START_SECONDS)
        except Empty:
            url = None
        if url is None:
            process.kill()
            reader.join()
            pytest.fail("the gateway did not start:\n" + "".join(lines))
        yield Gateway(url, folder, lines, process)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join()
        assert process.stderr is not None
        process.stderr.close()


@pytest.fixture(scope="session")
def demo_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Give a gateway without any config or key, over the demo providers."""
    with serving(tmp_path_factory.mktemp("demo")) as gateway:
        yield gateway


@pytest.fixture
def gearshift() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Give a function that runs a `gearshift` command to its end, in a folder."""

    def run(*arguments: str, cwd: Path, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "gearshift", *arguments]
        environment = {**clean_environment(), **(environ or {})}
        return subprocess.run(  # noqa: S603 - our own command
            command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=240, check=False
        )

    return run
