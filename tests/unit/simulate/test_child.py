from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError
from openai.types.chat import ChatCompletionMessageParam

from gearshift.errors import UpstreamUnreachable
from gearshift.simulate import child
from gearshift.simulate.child import Announcement, Child, start_child
from gearshift.simulate.embed import embed

COMMAND = [sys.executable, "-m", "gearshift.simulate", "--models", "calc"]
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-m", "gearshift.simulate", "--models", "calc"],
                         stdin=subprocess.PIPE if sys.argv[1] == "own" else None)
time.sleep(60)
"""


def client_of(running: Child) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=running.base_url, api_key="none", max_retries=0)


def message(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def read_url(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback
        return bytes(answer.read())


async def wait_until_refused(base_url: str) -> None:
    port = int(base_url.removesuffix("/v1").rpartition(":")[2])
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                return
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            await asyncio.sleep(0.05)


@contextlib.contextmanager
def started(command: list[str]) -> Iterator[tuple[subprocess.Popen[bytes], Announcement]]:
    """Run a process that prints an announcement; its stdin stays open until the end."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            yield process, msgspec.json.decode(process.stdout.readline(), type=Announcement)
        finally:
            process.kill()


def test_the_sdk_gets_answers_whole_and_streamed() -> None:
    async def ask() -> tuple[str | None, str, int]:
        async with start_child(models=["calc", "docs"]) as running, client_of(running) as client:
            assert running.models == ("calc", "docs")
            whole = await client.chat.completions.create(model="calc", messages=message("What is 17 * 23?"))
            stream = await client.chat.completions.create(
                model="calc", messages=message("5 miles to km"), stream=True, stream_options={"include_usage": True}
            )
            chunks = [chunk async for chunk in stream]
        text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
        assert chunks[-1].usage is not None
        return whole.choices[0].message.content, text, chunks[-1].usage.completion_tokens

    assert asyncio.run(ask()) == ("391", "5 miles = 8.04672 km", 5)


def test_the_sdk_gets_errors_as_errors() -> None:
    async def ask() -> None:
        async with start_child(models=["calc"]) as running, client_of(running) as client:
            with pytest.raises(NotFoundError, match="did you mean calc"):
                await client.chat.completions.create(model="cal", messages=message("?"))
            with pytest.raises(BadRequestError, match="`messages` is empty"):
                await client.chat.completions.create(model="calc", messages=[])
            assert [model.id async for model in client.models.list()] == ["calc", "sim-embed"]

    asyncio.run(ask())


def test_the_sdk_gets_vectors() -> None:
    async def ask() -> None:
        async with start_child(models=["calc"]) as running, client_of(running) as client:
            told = await client.embeddings.create(model="sim-embed", input=["Oslo", "Lima"], dimensions=8)
            assert [each.embedding for each in told.data] == [
                pytest.approx(embed(x, 8), abs=1e-6) for x in ("Oslo", "Lima")
            ]
            with pytest.raises(NotFoundError, match="use sim-embed"):
                await client.embeddings.create(model="calc", input="Oslo")

    asyncio.run(ask())


def test_every_demo_model_is_served_and_the_child_ends_with_the_block() -> None:
    async def ask() -> tuple[Child, bytes]:
        async with start_child() as running:
            health = await asyncio.to_thread(read_url, running.base_url.replace("/v1", "/healthz"))
        await wait_until_refused(running.base_url)
        return running, health

    running, health = asyncio.run(ask())
    assert running.models == ("calc", "docs", "smol", "sim-economy", "sim-standard", "sim-frontier")
    assert running.unavailable == {}
    assert set(msgspec.json.decode(health)["models"]) == set(running.models)


def test_recorded_outcomes_are_served(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.parquet"
    columns = {"prompt": ["One?"], "model": ["strong"], "score": [1.0], "input_tokens": [4], "output_tokens": [900]}
    pq.write_table(pa.table(columns), path)

    async def ask() -> tuple[str | None, int]:
        async with start_child(replay=[path]) as running, client_of(running) as client:
            assert running.models == ("strong",)
            answer = await client.chat.completions.create(model="strong", messages=message("One?"))
            with pytest.raises(NotFoundError, match="no recorded outcome"):
                await client.chat.completions.create(model="strong", messages=message("Two?"))
        assert answer.usage is not None
        return answer.choices[0].message.content, answer.usage.completion_tokens

    assert asyncio.run(ask()) == ("[[right]]", 900)


@pytest.mark.parametrize(
    ("models", "replay", "reason"),
    [(["clac"], [], "no demo model clac"), (None, [Path("absent.parquet")], "absent.parquet: not a readable Parquet")],
)
def test_a_child_that_cannot_start_says_why(models: list[str] | None, replay: list[Path], reason: str) -> None:
    async def start() -> None:
        async with start_child(models=models, replay=replay):
            raise AssertionError

    with pytest.raises(UpstreamUnreachable, match=reason):
        asyncio.run(start())


def test_a_taken_port_is_said() -> None:
    async def start_twice() -> None:
        async with start_child(models=["calc"]) as first:
            port = int(first.base_url.removesuffix("/v1").rpartition(":")[2])
            async with start_child(models=["calc"], port=port):
                raise AssertionError

    with pytest.raises(UpstreamUnreachable, match=r"did not start: .*in use"):
        asyncio.run(start_twice())


def test_a_child_that_says_nothing_or_nonsense_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def start() -> None:
        async with start_child():
            raise AssertionError

    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(UpstreamUnreachable, match="ended before it was ready"):
        asyncio.run(start())
    sleeper = tmp_path / "sleeper"
    sleeper.write_text("#!/bin/sh\nexec cat\n", "utf-8")
    sleeper.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(sleeper))
    monkeypatch.setattr(child, "READY_TIMEOUT", 0.1)
    with pytest.raises(UpstreamUnreachable, match=r"not ready within 0\.1 s"):
        asyncio.run(start())


def test_a_child_that_does_not_leave_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def start() -> int:
        async with start_child(models=["calc"]) as running:
            os.kill(running.pid, signal.SIGSTOP)
        await wait_until_refused(running.base_url)
        return running.pid

    monkeypatch.setattr(child, "STOP_TIMEOUT", 0.1)
    assert asyncio.run(start()) > 0


@pytest.mark.parametrize("stdin", ["own", "shared"])
def test_the_death_of_the_parent_ends_the_child(stdin: str) -> None:
    """`own`: the pipe closes. `shared`: another process (this one) holds the pipe open; the child sees a new parent."""
    with started([sys.executable, "-c", PARENT, stdin]) as (parent, announced):
        assert announced.ready
        parent.kill()
        parent.wait()
        asyncio.run(wait_until_refused(announced.base_url))


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_child_started_by_hand(end: signal.Signals) -> None:
    with started(COMMAND) as (process, announced):
        process.send_signal(end)
        assert process.wait(10) in {0, -end}
        assert process.stderr is not None
        assert process.stderr.read() == b""
    asyncio.run(wait_until_refused(announced.base_url))
