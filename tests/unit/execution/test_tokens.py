"""A token is asked for once, kept, renewed aside, and its failure is said in words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager

import pytest

from gearshift.errors import Unproven
from gearshift.execution import tokens
from gearshift.execution.http1 import Http1Upstream
from gearshift.execution.proof import Outgoing
from gearshift.execution.tokens import Ask, Tokens
from gearshift.execution.tokens import form as post
from tests.fakes.clouds import TOKEN, form, hands_out, tells
from tests.fakes.upstream import Scene, ScriptedUpstream, Wire, closed_port, says

CALL = Outgoing("http://cloud/v1", {"x": "y"}, b"{}")


class Asking:
    """Ask with a secret."""

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def secrets(self) -> Sequence[str]:
        return ["the-secret"]

    def ask(self, now: float) -> Ask:
        return post(self.url, {"secret": "the-secret", "now": str(int(now))})


class Clock:
    """Be a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """Hold tokens before a scripted server."""

    def __init__(self, server: ScriptedUpstream, client: Http1Upstream, url: str = "") -> None:
        self.clock = Clock()
        self.server = server
        self.client = client
        self.tokens = Tokens(Asking(url or server.base_url), clock=self.clock, wall_clock=lambda: 7_000_000.0)

    async def token(self) -> str:
        made = await self.tokens.prove(CALL, self.client)
        assert (made.url, made.body, made.headers["x"]) == (CALL.url, CALL.body, "y")
        return made.headers["authorization"].removeprefix("Bearer ")


@asynccontextmanager
async def bench(*scenes: Scene, url: str = "") -> AsyncIterator[Bench]:
    client = Http1Upstream()
    try:
        async with ScriptedUpstream(*scenes) as server:
            yield Bench(server, client, url)
    finally:
        await client.close()


def run(test: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(test())


def test_a_token_is_asked_for_once_and_kept() -> None:
    async def test() -> None:
        async with bench(hands_out("one"), hands_out("two")) as at:
            assert at.tokens.secrets == ["the-secret"]
            assert [await at.token() for _ in range(3)] == ["one"] * 3
            assert form(at.server.log[0]) == {"secret": "the-secret", "now": "7000000"}
            assert len(at.server.log) == 1
            assert at.tokens.secrets == ["the-secret", "one"]
            assert CALL.headers == {"x": "y"}

    run(test)


def test_many_who_wait_share_one_fetch_and_one_who_leaves_spoils_nothing() -> None:
    async def test() -> None:
        go = asyncio.Event()

        async def slow(wire: Wire) -> None:
            await go.wait()
            await hands_out("one")(wire)

        async with bench(slow) as at:
            waiting = [asyncio.create_task(at.token()) for _ in range(20)]
            await at.server.request()
            waiting[0].cancel()
            go.set()
            got = await asyncio.gather(*waiting, return_exceptions=True)
            assert isinstance(got[0], asyncio.CancelledError)
            assert got[1:] == ["one"] * 19
            assert len(at.server.log) == 1

    run(test)


def test_a_token_is_renewed_aside_before_its_end() -> None:
    async def test() -> None:
        async with bench(hands_out("one"), hands_out("two")) as at:
            assert await at.token() == "one"
            at.clock.now += 3600 - tokens.RENEW_BEFORE
            assert await at.token() == "one"  # nobody waits
            await at.server.request(1)
            for _ in range(200):
                if await at.token() == "two":
                    break
                await asyncio.sleep(0.005)
            assert await at.token() == "two"
            assert len(at.server.log) == 2

    run(test)


def test_a_renewal_that_fails_is_not_seen_while_the_old_token_holds() -> None:
    async def test() -> None:
        async with bench(hands_out("one"), tells({}, 503), hands_out("two")) as at:
            assert await at.token() == "one"
            at.clock.now += 3400
            assert await at.token() == "one"
            await at.server.request(1)
            for _ in range(50):
                assert await at.token() == "one"
                await asyncio.sleep(0.002)
            assert len(at.server.log) == 2  # it is not asked again at once
            at.clock.now += 195
            assert await at.token() == "two"  # it had ended: this one waited
            assert at.tokens.secrets == ["the-secret", "one", "two"]

    run(test)


@pytest.mark.parametrize("life", [None, "3599", 3599.5])
def test_the_life_of_a_token_may_be_said_in_several_ways(life: object) -> None:
    async def test() -> None:
        async with bench(hands_out("one", life), hands_out("two")) as at:
            assert await at.token() == "one"
            at.clock.now += (tokens.LIFE if life is None else 3599) + 1
            assert await at.token() == "two"

    run(test)


@pytest.mark.parametrize(
    ("scene", "words"),
    [
        (
            tells({"error": "invalid_grant", "error_description": "the-secret is bad"}, 400),
            "400 (invalid_grant); check",
        ),
        (tells({"error": {"message": "the-secret"}}, 401), "answered 401; check"),
        (tells(b"<html>the-secret", 500), "answered 500; check"),
        (tells(b"<html>the-secret"), "answered with no token"),
        (tells({"access_token": "the-secret\nx: y", "expires_in": 1}), "answered with no token"),
        (tells({"access_token": "", "expires_in": 9}), "answered with no token"),
        (tells({"access_token": TOKEN, "expires_in": "soon"}), "answered with no token"),
        (tells({"access_token": TOKEN, "expires_in": -1}), "answered with no token"),
        (tells({"access_token": TOKEN, "expires_in": "inf"}), "answered with no token"),
        (tells(b"x" * (tokens.MAX_BYTES + 1)), "longer than"),
        (says(b"", "close"), "lost before an answer"),
    ],
)
def test_a_failure_is_told_in_words_and_asked_again(scene: Scene, words: str) -> None:
    async def test() -> None:
        async with bench(scene, hands_out("two")) as at:
            with pytest.raises(Unproven) as caught:
                await at.token()
            assert caught.value.message.startswith("no token for our account: 127.0.0.1")
            assert words in caught.value.message
            assert "the-secret" not in caught.value.message
            assert caught.value.retryable
            assert await at.token() == "two"

    run(test)


def test_a_server_that_is_down_or_deaf_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def down() -> None:
        async with bench(url=f"http://127.0.0.1:{closed_port()}/token") as at:
            with pytest.raises(Unproven, match=r"127\.0\.0\.1: no connection"):
                await at.token()

    async def deaf() -> None:
        async with bench(says(b"", "hang")) as at:
            with pytest.raises(Unproven, match=r"gave none within 0\.05 s"):
                await at.token()

    run(down)
    monkeypatch.setattr(tokens, "DEADLINE", 0.05)
    run(deaf)


def test_each_who_waited_has_an_error_of_its_own() -> None:
    async def test() -> None:
        async with bench(tells({}, 403)) as at:
            errors = await asyncio.gather(at.token(), at.token(), return_exceptions=True)
            assert all(isinstance(error, Unproven) for error in errors)
            assert errors[0] is not errors[1]

    run(test)


def test_a_token_that_was_refused_is_forgotten_unless_it_is_new() -> None:
    async def test() -> None:
        async with bench(hands_out("one"), hands_out("two")) as at:
            assert await at.token() == "one"
            at.tokens.refused()
            assert await at.token() == "one"
            at.clock.now += tokens.RETRY_AFTER + 1
            at.tokens.refused()
            assert await at.token() == "two"
            assert len(at.server.log) == 2

    run(test)
