"""What is aiohttp's own; what every client must do is in `tests/contract/test_upstream.py`."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from gearshift.errors import UpstreamUnreachable
from gearshift.execution.proxied import AiohttpUpstream
from tests.fakes.upstream import ScriptedUpstream, answers, http, says

BODY = b"{}"


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")

    async def scene() -> None:
        async with ScriptedUpstream(answers()) as server:
            client = AiohttpUpstream()
            reply = await client.post(server.base_url, BODY, {}, 1.0)
            assert reply.status == 200
            await client.close()

    asyncio.run(scene())


def test_no_cookie_is_kept() -> None:
    async def scene() -> None:
        async with ScriptedUpstream(says(http(b"{}", "set-cookie: a=b", "content-length: 2"), "keep")) as server:
            client = AiohttpUpstream()
            for _ in range(2):
                reply = await client.post(server.base_url, BODY, {}, 1.0)
                await reply.read(1 << 20)
                reply.close()
            assert "cookie" not in server.log[1].headers
            await client.close()

    asyncio.run(scene())


def test_a_bad_certificate_is_no_bad_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiohttp's error for it is a ValueError too."""

    async def fail(*_args: object, **_options: object) -> None:
        raise aiohttp.ClientConnectorCertificateError(None, ValueError("expired"))  # type: ignore[arg-type]

    monkeypatch.setattr(aiohttp.ClientSession, "request", fail)

    async def scene() -> None:
        client = AiohttpUpstream()
        with pytest.raises(UpstreamUnreachable, match="ClientConnectorCertificateError"):
            await client.post("https://127.0.0.1/v1", BODY, {}, 1.0)
        await client.close()

    asyncio.run(scene())


def test_it_can_be_used_again_after_it_was_closed() -> None:
    async def scene() -> None:
        async with ScriptedUpstream(answers()) as server:
            client = AiohttpUpstream()
            for _ in range(2):
                (await client.post(server.base_url, BODY, {}, 1.0)).close()
                await client.close()

    asyncio.run(scene())
