"""The pool and its one free retry; what every client must do is in `tests/contract/test_upstream.py`."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from gearshift.errors import UpstreamUnreachable
from gearshift.execution import http1
from gearshift.execution.http1 import Http1Upstream
from tests.fakes.upstream import ScriptedUpstream, answers

BODY = b"{}"


async def ask(client: Http1Upstream, url: str) -> int:
    """Make a call to its end; give its status."""
    reply = await client.post(url, BODY, {"content-type": "application/json"}, 1.0)
    await reply.read(1 << 20)
    reply.close()
    return reply.status


def test_the_connection_that_was_used_last_is_used_first() -> None:
    async def scene() -> None:
        async with ScriptedUpstream(answers()) as server:
            client = Http1Upstream()
            replies = [await client.post(server.base_url, BODY, {}, 1.0) for _ in range(3)]
            for reply in replies:
                await reply.read(1 << 20)
                reply.close()
            await ask(client, server.base_url)
            assert server.log[-1].connection == 2
            await client.close()

    asyncio.run(scene())


def test_a_connection_that_idled_too_long_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(answers()) as server:
            client = Http1Upstream()
            await ask(client, server.base_url)
            monkeypatch.setattr(http1, "MAX_IDLE_SECONDS", 0.0)
            await ask(client, server.base_url)
            assert [seen.connection for seen in server.log] == [0, 1]
            await client.close()

    asyncio.run(scene())


def test_connections_that_idled_too_long_are_closed_by_the_next_call_to_any_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(answers()) as one, ScriptedUpstream(answers()) as other:
            client = Http1Upstream()
            replies = [await client.post(one.base_url, BODY, {}, 1.0) for _ in range(3)]
            for reply in replies:
                await reply.read(1 << 20)
                reply.close()
            monkeypatch.setattr(http1, "MAX_IDLE_SECONDS", 0.0)
            await ask(client, other.base_url)
            for seen in one.log:
                await asyncio.wait_for(seen.gone.wait(), 1.0)
            await client.close()

    asyncio.run(scene())


def test_no_more_connections_are_kept_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "MAX_IDLE_CONNECTIONS", 2)

    async def scene() -> None:
        async with ScriptedUpstream(answers()) as server:
            client = Http1Upstream()
            replies = [await client.post(server.base_url, BODY, {}, 1.0) for _ in range(4)]
            for reply in replies:
                await reply.read(1 << 20)
                reply.close()
            for seen in server.log[:2]:
                await asyncio.wait_for(seen.gone.wait(), 1.0)
            assert [seen.gone.is_set() for seen in server.log] == [True, True, False, False]
            await client.close()

    asyncio.run(scene())


def test_connections_are_kept_apart_by_host() -> None:
    async def scene() -> None:
        async with ScriptedUpstream(answers()) as one, ScriptedUpstream(answers()) as other:
            client = Http1Upstream()
            for server in (one, other, one):
                await ask(client, server.base_url)
            assert (len(one.connections), len(other.connections), len(one.log)) == (1, 1, 2)
            await client.close()

    asyncio.run(scene())


def test_the_path_and_query_of_a_url_are_kept_and_its_credentials_are_not() -> None:
    async def scene() -> None:
        async with ScriptedUpstream(answers()) as server:
            client = Http1Upstream()
            await ask(client, server.base_url.replace("http://", "http://user:pass@") + "/chat?api-version=1")
            seen = server.log[0]
            assert seen.target == "/v1/chat?api-version=1"
            assert "pass" not in str(seen.headers)
            assert seen.headers["host"] == server.base_url.removeprefix("http://").removesuffix("/v1")
            await client.close()

    asyncio.run(scene())


@pytest.mark.parametrize(
    "header", [{"a": "b\nc"}, {"a": "b\rc"}, {"a\r\nx": "b"}, {"a": "b\0"}, {"a": "b\r\n\r\nPOST / HTTP/1.1"}]
)
def test_a_header_with_a_line_break_is_never_written(header: dict[str, str]) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(answers()) as server:
            client = Http1Upstream()
            with pytest.raises(UpstreamUnreachable, match="line break"):
                await client.post(server.base_url, BODY, header, 1.0)
            assert server.connections == []

    asyncio.run(scene())


def test_certificates_are_always_verified() -> None:
    context = Http1Upstream()._context()  # noqa: SLF001 - the default
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
