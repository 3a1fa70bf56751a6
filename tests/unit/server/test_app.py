from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn

from gearshift.server.app import App
from gearshift.server.asgi import Message
from gearshift.server.connection import CallerConnection
from gearshift.server.views import Views
from tests.fakes.asgi import Visit
from tests.fakes.house import CHAT, House, house, served_by, serving
from tests.fakes.upstream import ScriptedUpstream, answers, event, says, sends, streams

KEY = "sk-virtual"
GOOD = {"authorization": f"Bearer {KEY}"}

# Routes


def test_an_id_may_hold_slashes_and_percent_signs(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(answers()) as upstream:
            names = ["org/model", "a/b/c", "50%25off"]
            async with house(tmp_path, *(served_by(upstream, name, of="lab") for name in names)) as home:
                for name in names:
                    visit = await home.get(f"/v1/models/{name}").done()  # as a server has decoded it
                    assert (visit.status, visit.json["id"]) == (200, name)

    asyncio.run(scene())


def test_other_handlers_serve_from_the_next_request_on(tmp_path: Path) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(says(b""), answers()) as upstream:
            (tmp_path / "new").mkdir()
            async with (
                house(tmp_path, served_by(upstream, "small")) as home,
                house(tmp_path / "new", served_by(upstream, "large"), keys=[KEY]) as new,
            ):
                first = home.chat().start()
                await upstream.request()
                home.app.adopt(new.inference, new.views)
                assert (await home.chat("large").done()).status == 401
                visit = await home.chat("large", headers=GOOD).done()
                assert (visit.status, visit.headers["x-gearshift-model"]) == (200, "large")
                assert (await home.get("/v1/models/small", headers=GOOD).done()).status == 404
                first.leave()
                await first.done()
                assert [row.requested_model for row in home.rows()] == ["auto"]  # it ends where it began
                assert [row.status for row in new.rows()] == [401, 200]

    asyncio.run(scene())


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/chat/completions", "/v1/chat/completions/", "/v1/" + "x" * 10_000])
def test_an_unknown_path_is_a_404_that_lists_what_is_served(tmp_path: Path, path: str) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            visit = await home.get(path).done()
            assert (visit.status, visit.json["error"]["code"]) == (404, "route_not_found")
            assert CHAT in visit.json["error"]["message"]
            assert len(visit.body) < 1000

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", CHAT, "POST"),
        ("DELETE", CHAT, "POST"),
        ("POST", "/v1/models", "GET"),
        ("POST", "/v1/models/small", "GET"),
        ("PUT", "/v1/feedback", "POST"),
        ("POST", "/healthz", "GET"),
    ],
)
def test_a_known_path_with_the_wrong_method_is_a_405_naming_the_right_one(
    tmp_path: Path, method: str, path: str, allowed: str
) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            visit = await Visit(home.app, path, method=method).done()
            assert (visit.status, visit.headers["allow"]) == (405, allowed)
            assert allowed in visit.json["error"]["message"]

    asyncio.run(scene())


GUARDED = [("GET", "/v1/models"), ("GET", "/v1/models/small"), ("POST", "/v1/route"), ("POST", "/v1/feedback")]


@pytest.mark.parametrize(("method", "path"), [*GUARDED, ("GET", "/v1/generation")])
def test_callers_without_a_key_see_nothing(tmp_path: Path, method: str, path: str) -> None:
    async def scene() -> None:
        async with serving(tmp_path, keys=[KEY]) as (home, _):
            visit = await Visit(home.app, path, method=method, body=b"{}").done()
            assert (visit.status, visit.json["error"]["code"]) == (401, "invalid_api_key")

    asyncio.run(scene())


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_need_no_key(tmp_path: Path, path: str) -> None:
    async def scene() -> None:
        async with serving(tmp_path, keys=[KEY]) as (home, _):
            assert (await home.get(path).done()).status == 200

    asyncio.run(scene())


def test_our_own_bug_in_a_view_is_a_500_that_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> bytes:
        raise KeyError("a secret")

    monkeypatch.setattr(Views, "model", broken)

    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            visit = await home.get("/v1/models/small").done()
            assert (visit.status, visit.json["error"]["code"]) == (500, "internal_error")
            assert b"secret" not in visit.body

    asyncio.run(scene())
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == ["view_error"]


def test_the_lifespan_closes_what_the_app_owns(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            told: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
            said: list[str] = []

            async def receive() -> Message:
                return told.pop(0)

            async def send(message: Message) -> None:
                said.append(message["type"])

            await home.app({"type": "lifespan"}, receive, send)
            assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
            assert list((tmp_path / "gearshift.db.ledger").iterdir()) == []

    asyncio.run(scene())


def test_a_web_socket_is_turned_away(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path) as (home, _):
            said: list[Message] = []

            async def send(message: Message) -> None:
                said.append(message)

            async def receive() -> Message:
                return {"type": "websocket.connect"}

            await home.app({"type": "websocket", "path": "/"}, receive, send)
            assert said == [{"type": "websocket.close", "code": 1003}]

    asyncio.run(scene())


# Behind a real server


class Server(uvicorn.Server):
    """Say when connections are answered."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@asynccontextmanager
async def listening(app: App) -> AsyncIterator[int]:
    """Serve `app` by uvicorn in the running loop; give the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, loop="none", http=CallerConnection, ws="none", lifespan="off", log_config=None)
        server = Server(config)
        server.config.load()
        serve = asyncio.create_task(server._serve([listener]))  # noqa: SLF001 - without its signal handlers
        await server.ready.wait()
        try:
            yield int(listener.getsockname()[1])
        finally:
            server.should_exit = True
            await serve


def raw(body: bytes, *lines: str, path: str = CHAT) -> bytes:
    head = [f"POST {path} HTTP/1.1", "host: gateway", "content-type: application/json", *lines]
    return "\r\n".join([*head, f"content-length: {len(body)}", "", ""]).encode() + body


def ask(**fields: object) -> bytes:
    return raw(json.dumps({"model": "auto", "messages": [{"role": "user", "content": "Hi"}], **fields}).encode())


@asynccontextmanager
async def calling(port: int, request: bytes) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def cancelled(home: House, upstream: ScriptedUpstream, writer: asyncio.StreamWriter) -> None:
    """Leave, and check that the upstream is closed within a second and the log knows."""
    began = time.monotonic()
    writer.transport.abort()
    await asyncio.wait_for(upstream.log[0].gone.wait(), 1.0)
    assert time.monotonic() - began < 1.0
    async with asyncio.timeout(5):
        while not (rows := home.rows()):  # noqa: ASYNC110 - the log is another thread's
            await asyncio.sleep(0.01)
    (row,) = rows
    assert (row.outcome, row.status, row.usage_estimated) == ("cancelled", 499, True)
    assert row.cost


@pytest.mark.parametrize("stream", [False, True])
def test_a_connection_that_is_dropped_before_the_head_closes_the_upstream_s(tmp_path: Path, stream: bool) -> None:
    async def scene() -> None:
        async with (
            serving(tmp_path, says(b"")) as (home, upstream),
            listening(home.app) as port,
            calling(port, ask(stream=stream)) as (_, writer),
        ):
            await upstream.request()
            await cancelled(home, upstream, writer)

    asyncio.run(scene())


def test_a_connection_that_is_dropped_in_a_stream_closes_the_upstream_s(tmp_path: Path) -> None:
    async def scene() -> None:
        first = sends(event({"content": "Hello"}), then="hang")
        async with (
            serving(tmp_path, first) as (home, upstream),
            listening(home.app) as port,
            calling(port, ask(stream=True)) as (reader, writer),
        ):
            await reader.readuntil(b"Hello")
            await cancelled(home, upstream, writer)

    asyncio.run(scene())


def test_a_whole_answer_and_a_stream_pass_a_real_server_on_one_connection(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers("Hello"), streams("Hel", "lo")) as (home, _), listening(home.app) as port:
            async with calling(port, ask()) as (reader, writer):
                assert b" 200 " in await reader.readline()
                await reader.readuntil(b'"Hello"')
                writer.write(ask(stream=True))
                await reader.readuntil(b"data: [DONE]\n\n")
                await reader.readuntil(b"0\r\n\r\n")
            assert [row.outcome for row in home.rows()] == ["completed", "completed"]

    asyncio.run(scene())


def test_eleven_mebibytes_through_a_real_server_are_a_413_and_the_gateway_lives(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers()) as (home, _), listening(home.app) as port:
            async with calling(port, raw(b"x" * (11 << 20))[:100_000]) as (reader, _):
                assert b" 413 " in await reader.readline()
            async with calling(port, ask()) as (reader, _):
                assert b" 200 " in await reader.readline()
            assert sorted(row.status for row in home.rows()) == [200, 413]

    asyncio.run(scene())


def test_an_id_with_slashes_passes_a_real_server_encoded_or_not(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            ScriptedUpstream(answers()) as upstream,
            house(tmp_path, served_by(upstream, "org/m")) as home,
            listening(home.app) as port,
        ):
            for path in ("/v1/models/org/m", "/v1/models/org%2Fm"):
                request = f"GET {path} HTTP/1.1\r\nhost: gateway\r\n\r\n".encode()
                async with calling(port, request) as (reader, _):
                    assert b" 200 " in await reader.readline()

    asyncio.run(scene())


def test_no_thread_outlives_the_app(tmp_path: Path) -> None:
    async def scene() -> None:
        async with serving(tmp_path, answers()) as (home, _):
            await home.chat().done()
            assert {"journal", "ledger-shipper"} <= {thread.name for thread in threading.enumerate()}

    asyncio.run(scene())
    assert not {"journal", "ledger-shipper"} & {thread.name for thread in threading.enumerate()}
