"""Stop and change a gateway under load: real processes, real signals, and nothing that was asked is lost."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import pytest

from gearshift.cli.benchmark.children import start_upstream
from gearshift.cli.benchmark.subject import config
from gearshift.learning.artifact import builtin_path
from tests.e2e.conftest import Gateway, serving

CALLERS = 8
LONG = "[[pace=250]] Tell me all."
"""A stream of seventeen seconds."""
PATHS = {
    "/v1/chat/completions": {"model": "mini", "stream": True, "messages": [{"role": "user", "content": LONG}]},
    "/v1/responses": {"model": "mini", "stream": True, "input": LONG},
    "/v1/messages": {
        "model": "mini",
        "stream": True,
        "max_tokens": 100,
        "messages": [{"role": "user", "content": LONG}],
    },
    "/v1beta/models/mini:streamGenerateContent?alt=sse": {"contents": [{"role": "user", "parts": [{"text": LONG}]}]},
}


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    with start_upstream(frozenset()) as port:
        yield port


def written(folder: Path, upstream: int, server: dict[str, object], predictor: str = "builtin") -> Path:
    """Write a config."""
    made = config(0, upstream, folder, server)
    made["routers"]["auto"]["predictor"] = predictor  # type: ignore[index]
    file = folder / "gearshift.yaml"
    file.with_suffix(".new").write_text(json.dumps(made), encoding="utf-8")
    file.with_suffix(".new").replace(file)
    return file


@contextmanager
def gateway(folder: Path, upstream: int, **server: object) -> Iterator[Gateway]:
    file = written(folder, upstream, server)
    with serving(folder, "--config", str(file)) as running:
        yield running


def log(folder: Path) -> Counter[tuple[str, str | None]]:
    """Count the rows of the log by outcome and error."""
    with sqlite3.connect(folder / "bench.db") as database:
        return Counter(database.execute("SELECT outcome, error FROM exchanges").fetchall())


class Load:
    """Hold callers who ask again and again on connections that they keep, and what became of their requests."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self.became: Counter[str] = Counter()
        self.over = False
        self.asked = 0

    async def call(self, *, stream: bool) -> None:
        """Ask until the gateway takes no more connections, or the load is over."""
        said = "[[pace=10]] Hello" if stream else "[[think=200]] Hello"
        body = {"model": "auto", "stream": stream, "messages": [{"role": "user", "content": said}]}
        while not self.over:
            try:
                async with self._session.post(f"{self._url}/v1/chat/completions", json=body) as answer:
                    self.asked += 1
                    text = await answer.text()
            except aiohttp.ClientConnectorError:
                return  # nothing was sent: the caller goes to another gateway
            except aiohttp.ClientError as error:
                self.became[f"lost: {error!r}"] += 1
                return
            whole = text.endswith("data: [DONE]\n\n") if stream else "the-end" in text
            self.became["whole" if whole else text[-300:]] += 1


@asynccontextmanager
async def loaded(url: str) -> AsyncIterator[tuple[Load, asyncio.Future[list[None]]]]:
    """Put a gateway under load until its callers have ended."""
    async with aiohttp.ClientSession() as session:
        load = Load(session, url)
        calls = (load.call(stream=number % 2 == 0) for number in range(CALLERS))
        running = asyncio.ensure_future(asyncio.gather(*calls))
        async with asyncio.timeout(30):
            while load.became["whole"] < CALLERS:  # noqa: ASYNC110 - many callers note it
                await asyncio.sleep(0.02)
        yield load, running
        load.over = True
        async with asyncio.timeout(30):
            await running


def test_a_gateway_that_is_stopped_under_load_loses_nothing(tmp_path: Path, upstream: int) -> None:
    with gateway(tmp_path, upstream) as running:

        async def scene() -> Load:
            async with loaded(running.url) as (load, calls):
                running.process.send_signal(signal.SIGTERM)
                async with asyncio.timeout(30):
                    await calls
                return load

        load = asyncio.run(scene())
        running.process.wait(20)
    assert load.became == {"whole": load.asked}
    assert log(tmp_path) == {("completed", None): load.asked}
    events = [json.loads(line)["event"] for line in running.lines if line.startswith("{")]
    assert [event for event in events if event in {"stopping", "stopped"}] == ["stopping", "stopped"]


@pytest.mark.parametrize("twice", [False, True])
def test_what_outlives_the_grace_or_a_second_signal_is_told_in_band_and_recorded(
    twice: bool, tmp_path: Path, upstream: int
) -> None:
    grace = "60s" if twice else "300ms"
    with gateway(tmp_path, upstream, shutdown_grace=grace) as running:

        async def ask(session: aiohttp.ClientSession, path: str, begun: asyncio.Semaphore) -> str:
            async with session.post(running.url + path, json=PATHS[path]) as answer:
                assert answer.status == 200
                text = (await answer.content.readany()).decode()
                begun.release()
                return text + await answer.text()

        async def scene() -> list[str]:
            begun = asyncio.Semaphore(0)
            async with aiohttp.ClientSession() as session, asyncio.timeout(30):
                answers = asyncio.gather(*(ask(session, path, begun) for path in PATHS))
                for _ in PATHS:
                    await begun.acquire()
                running.process.send_signal(signal.SIGTERM)
                if twice:
                    await asyncio.sleep(0.2)
                    running.process.send_signal(signal.SIGTERM)
                return await answers

        said = asyncio.run(scene())
        running.process.wait(20)
    for text in said:
        assert "the gateway is being stopped" in text
        assert "the-end" not in text
        assert "[DONE]" not in text
        assert "message_stop" not in text
        assert "response.completed" not in text
    assert log(tmp_path) == {("failed", "shutting_down"): len(PATHS)}


def test_a_gateway_that_stops_says_that_it_is_not_ready_at_once(tmp_path: Path, upstream: int) -> None:
    with gateway(tmp_path, upstream) as running:

        async def scene() -> None:
            async with aiohttp.ClientSession() as session, asyncio.timeout(20):
                body = {"model": "mini", "messages": [{"role": "user", "content": "[[think=1500]] Hello"}]}
                busy = asyncio.ensure_future(session.post(f"{running.url}/v1/chat/completions", json=body))
                async with session.get(f"{running.url}/readyz") as answer:
                    assert answer.status == 200
                    await answer.read()
                await asyncio.sleep(0.3)
                running.process.send_signal(signal.SIGTERM)
                await asyncio.sleep(0.2)
                async with session.get(f"{running.url}/readyz") as answer:  # on the connection that was kept
                    assert answer.status == 503
                    assert answer.headers["connection"] == "close"
                    assert (await answer.json())["error"]["code"] == "shutting_down"
                with pytest.raises(aiohttp.ClientConnectorError):
                    await session.get(f"{running.url}/readyz")
                async with await busy as answer:
                    assert "the-end" in await answer.text()

        asyncio.run(scene())
        running.process.wait(20)


def test_changes_of_config_and_artefact_under_load_lose_nothing(tmp_path: Path, upstream: int) -> None:
    other = tmp_path / "other"
    shutil.copytree(builtin_path(), other)
    with gateway(tmp_path, upstream) as running:

        async def scene() -> Load:
            async with loaded(running.url) as (load, _):
                for number in range(4):
                    before = _reloads(running)
                    written(
                        tmp_path, upstream, {"max_in_flight": 50 + number}, str(other) if number % 2 == 0 else "builtin"
                    )
                    running.process.send_signal(signal.SIGHUP)
                    async with asyncio.timeout(20):
                        while _reloads(running) == before:  # noqa: ASYNC110 - a thread reads the lines
                            await asyncio.sleep(0.02)
                return load

        load = asyncio.run(scene())
    assert load.became == {"whole": load.asked}
    assert log(tmp_path) == {("completed", None): load.asked}


def _reloads(running: Gateway) -> int:
    return sum('"reloaded"' in line for line in running.lines)
