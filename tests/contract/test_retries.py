"""Drive the gateway with the official clients, as they come, where things go wrong: who tries again, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

import anthropic
import openai
import pytest
from google import genai
from google.genai import types as google
from msgspec import Struct

from gearshift.server.asgi import Message, Receive, Scope, Send
from gearshift.server.steering import steer
from gearshift.types.inbound import Inbound
from tests.fakes.house import LIMITS, house, served_by, serving
from tests.fakes.polyglot import listening
from tests.fakes.upstream import Scene, ScriptedUpstream, answers, refuses, streams

pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
"""google-genai's own affair (3.6)."""
HELLO: Final[Any] = [{"role": "user", "content": "Hello"}]
Ask: TypeAlias = Callable[..., Awaitable[str]]


class Answer(Exception):
    """Say what a client gave up with."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers


async def ask_openai(url: str, *, stream: bool = False, **options: object) -> str:
    """Ask by OpenAI's client, which retries twice by default."""
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any", **options) as client:  # type: ignore[arg-type]
        try:
            if stream:
                chunks = await client.chat.completions.create(model="auto", messages=HELLO, stream=True)
                return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks if chunk.choices])
            answer = await client.chat.completions.create(model="auto", messages=HELLO)
        except openai.APIStatusError as error:
            raise Answer(error.status_code, error.response.headers) from None
        return answer.choices[0].message.content or ""


async def ask_anthropic(url: str, *, stream: bool = False, **options: object) -> str:
    """Ask by Anthropic's client, which retries twice by default."""
    async with anthropic.AsyncAnthropic(base_url=url, api_key="any", **options) as client:  # type: ignore[arg-type]
        try:
            if stream:
                async with client.messages.stream(model="auto", max_tokens=9, messages=HELLO) as chunks:
                    return "".join([text async for text in chunks.text_stream])
            answer = await client.messages.create(model="auto", max_tokens=9, messages=HELLO)
        except anthropic.APIStatusError as error:
            raise Answer(error.status_code, error.response.headers) from None
        return "".join(block.text for block in answer.content if block.type == "text")


ASK: Final[dict[str, Ask]] = {"openai": ask_openai, "anthropic": ask_anthropic}
clients = pytest.mark.parametrize("client", ASK)


class Site(Struct, frozen=True):
    """Hold a running gateway and the upstream behind it."""

    url: str
    upstream: ScriptedUpstream


@asynccontextmanager
async def site(folder: Path, *scenes: Scene) -> AsyncIterator[Site]:
    async with serving(folder, *scenes) as (home, upstream), listening(home.app) as url, asyncio.timeout(30):
        yield Site(url, upstream)


@clients
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [500, 502, 503, 429, 400])
def test_our_retries_are_not_multiplied_by_the_client_s(tmp_path: Path, client: str, stream: bool, status: int) -> None:
    async def scene() -> None:
        async with site(tmp_path, refuses(status)) as at:
            with pytest.raises(Answer) as found:
                await ASK[client](at.url, stream=stream)
            assert found.value.headers["x-should-retry"] == "false"
            assert len(at.upstream.log) == 1

    asyncio.run(scene())


@clients
def test_with_two_targets_the_upstreams_see_our_two_attempts_and_no_more(tmp_path: Path, client: str) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(refuses(500)) as one, ScriptedUpstream(refuses(502)) as two:
            targets = (served_by(one, "small"), served_by(two, "large"))
            async with house(tmp_path, *targets) as home, listening(home.app) as url, asyncio.timeout(30):
                with pytest.raises(Answer):
                    await ASK[client](url)
            assert (len(one.log), len(two.log)) == (1, 1)

    asyncio.run(scene())


@clients
@pytest.mark.parametrize("status", [429, 503])
def test_a_client_comes_again_once_the_upstream_said_when(tmp_path: Path, client: str, status: int) -> None:
    async def scene() -> None:
        wait = refuses(status, "slow down", "retry-after: 1")
        async with site(tmp_path, wait, answers("at last")) as at:
            assert await ASK[client](at.url) == "at last"
            first, second = at.upstream.log
            assert second.headers
            assert first is not second

    asyncio.run(scene())


@clients
def test_nobody_is_sent_to_wait_for_long(tmp_path: Path, client: str) -> None:
    async def scene() -> None:
        async with site(tmp_path, refuses(429, "come tomorrow", "retry-after: 600"), answers()) as at:
            with pytest.raises(Answer) as found:
                await ASK[client](at.url)
            assert (found.value.status, found.value.headers["retry-after"]) == (429, "600")
            assert len(at.upstream.log) == 1

    asyncio.run(scene())


@clients
@pytest.mark.parametrize("stream", [False, True])
def test_a_client_s_repeated_request_is_answered_once(tmp_path: Path, client: str, stream: bool) -> None:
    async def scene() -> None:
        async with site(tmp_path, streams("one") if stream else answers("one")) as at:
            key = {"idempotency-key": "k-1"}
            told = [await ASK[client](at.url, stream=stream, default_headers=key) for _ in range(3)]
            assert told == ["one"] * 3
            assert len(at.upstream.log) == 1

    asyncio.run(scene())


# Deadlines: what clients say of their timeouts, as they spell it


class Ear:
    """Be a server that hears what a client's headers say, and refuses."""

    def __init__(self) -> None:
        self.heard = Inbound(path="", body=b"", began=0.0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        message: Message = {"more_body": True}
        while message.get("more_body"):
            message = await receive()
        self.heard = steer(scope, self.heard, None)
        await send({"type": "http.response.start", "status": 400, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


def heard(ask: Callable[[str], Awaitable[object]]) -> Inbound:
    """Give what is heard of a client's request."""

    async def scene() -> Inbound:
        ear = Ear()
        async with listening(ear) as url:
            with pytest.raises((Answer, genai.errors.ClientError)):
                await ask(url)
        return ear.heard

    return asyncio.run(scene())


@clients
@pytest.mark.parametrize(
    ("options", "patience"),
    [
        ({}, 599.5),
        ({"timeout": 20}, 19.5),
        ({"timeout": 20.5}, 20.0),
        ({"timeout": 1}, 0.95),
        ({"timeout": None}, None),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_the_timeout_of_a_client_is_heard(
    client: str, options: dict[str, float | None], patience: float | None, stream: bool
) -> None:
    inbound = heard(lambda url: ASK[client](url, stream=stream, **options))
    assert inbound.patience == (patience if patience is None else pytest.approx(patience))
    assert inbound.deadline is None


@pytest.mark.parametrize(("timeout", "deadline"), [(20_000, 19.5), (1_000, 0.95), (None, None)])
def test_the_timeout_of_google_s_client_is_heard(timeout: int | None, deadline: float | None) -> None:
    async def ask(url: str) -> None:
        client = genai.Client(api_key="any", http_options=google.HttpOptions(base_url=url, timeout=timeout))
        await client.aio.models.generate_content(model="auto", contents="Hello")

    inbound = heard(ask)
    assert inbound.deadline == (deadline if deadline is None else pytest.approx(deadline))
    assert inbound.patience is None


def test_the_clients_defaults_leave_our_own_limits_as_they_are(tmp_path: Path) -> None:
    assert LIMITS.deadline < 599.5

    async def scene() -> None:
        async with site(tmp_path, answers("one")) as at:
            assert [await ask(at.url) for ask in ASK.values()] == ["one", "one"]

    asyncio.run(scene())
