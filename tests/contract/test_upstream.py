"""What every HTTP client of ours must do, shown against real sockets (`execution.upstream.Upstream`)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest

from gearshift.errors import StreamBroken, UpstreamError, UpstreamInvalid, UpstreamTimeout, UpstreamUnreachable
from gearshift.execution import http1, proxied
from gearshift.execution.http1 import Http1Upstream
from gearshift.execution.proxied import AiohttpUpstream
from gearshift.execution.upstream import Reply, Upstream
from tests.fakes.upstream import (
    DONE,
    Scene,
    ScriptedUpstream,
    Wire,
    answers,
    closed_port,
    completion,
    deaf_port,
    event,
    http,
    refuses,
    says,
    sends,
)

Make: TypeAlias = Callable[[], Upstream]
Play: TypeAlias = Callable[[Upstream, ScriptedUpstream], Awaitable[None]]

BODY = b'{"model":"small"}'
HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-secret"}
LIMIT = 1 << 20


@pytest.fixture(params=[AiohttpUpstream, Http1Upstream])
def make(request: pytest.FixtureRequest) -> Make:
    maker: Make = request.param
    return maker


def play(make: Make, act: Play, *scenes: Scene) -> None:
    """Let a client of `make` act against an upstream that plays `scenes`."""

    async def scene() -> None:
        async with ScriptedUpstream(*scenes) as server:
            client = make()
            try:
                await act(client, server)
            finally:
                await client.close()

    asyncio.run(scene())


async def post(client: Upstream, server: ScriptedUpstream) -> Reply:
    return await client.post(f"{server.base_url}/chat/completions", BODY, HEADERS, 5.0)


async def all_chunks(reply: Reply) -> bytes:
    found = b""
    while chunk := await reply.chunk():
        found += chunk
    return found


async def gone(server: ScriptedUpstream, number: int = 0) -> None:
    """Wait until the connection of request `number` is closed; a second is the promise."""
    await asyncio.wait_for((await server.request(number)).gone.wait(), 1.0)


def test_the_request_arrives_as_it_was_given(make: Make) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        reply = await post(client, server)
        assert (reply.status, reply.content_type) == (200, "application/json")
        assert await reply.read(LIMIT) == completion("Hello")
        reply.close()
        seen = server.log[0]
        assert (seen.target, seen.body) == ("/v1/chat/completions", BODY)
        assert seen.headers["authorization"] == "Bearer sk-secret"
        assert seen.headers["content-type"] == "application/json"
        assert seen.headers["accept-encoding"] == "identity"

    play(make, act, answers("Hello"))


def test_a_large_body_arrives_whole(make: Make) -> None:
    body = json.dumps({"prompt": "x" * 3_000_000}).encode()

    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        reply = await client.post(f"{server.base_url}/x", body, HEADERS, 5.0)
        await reply.read(LIMIT)
        reply.close()
        assert server.log[0].body == body

    play(make, act, answers())


def test_without_a_body_it_is_a_get(make: Make) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        for _ in range(2):  # on a fresh connection, and on a kept one
            reply = await client.post(f"{server.base_url}/token?a=b%2Fc", None, {"metadata": "true"}, 5.0)
            assert await reply.read(LIMIT) == completion("Hello")
            reply.close()
        for seen in server.log:
            assert (seen.method, seen.target, seen.body) == ("GET", "/v1/token?a=b%2Fc", b"")
            assert seen.headers["metadata"] == "true"
        await (await post(client, server)).read(LIMIT)
        assert server.log[-1].method == "POST"

    play(make, act, answers("Hello"))


def test_chunks_arrive_as_they_come(make: Make) -> None:
    more = asyncio.Event()

    async def slowly(wire: Wire) -> None:
        wire.head(content_type="text/event-stream", length=None)
        wire.piece(b"data: 1\n\n")
        await more.wait()
        wire.piece(b"data: 2\n\n")
        wire.end()

    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        reply = await post(client, server)
        assert reply.content_type == "text/event-stream"
        assert await reply.chunk() == b"data: 1\n\n"
        more.set()
        assert await reply.chunk() == b"data: 2\n\n"
        assert await reply.chunk() == b""
        assert await reply.chunk() == b""
        reply.close()

    play(make, act, slowly)


def test_a_body_that_ends_with_the_connection_is_whole(make: Make) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        reply = await post(client, server)
        assert await reply.read(LIMIT) == b"all of it"
        reply.close()

    play(make, act, says(http(b"all of it", "connection: close"), then="close"))


def test_a_content_type_is_bare_and_lower_case(make: Make) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        reply = await post(client, server)
        assert reply.content_type == "text/event-stream"
        reply.close()

    play(make, act, says(http(b"", "content-type: Text/Event-Stream; charset=utf-8", "content-length: 0")))


def test_an_error_status_is_a_reply_like_any_other(make: Make) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        reply = await post(client, server)
        assert reply.status == 429
        assert (reply.head["retry-after"], reply.head["x-ratelimit-reset"]) == ("7", "1s")
        assert b"slow down" in await reply.read(LIMIT)
        reply.close()

    play(make, act, refuses(429, "slow down", "Retry-After: 7", "X-RateLimit-Reset: 1s"))


def test_nobody_asks_for_the_headers_of_an_answer(make: Make) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        reply = await post(client, server)
        assert (reply.status, len(reply.head)) == (200, 0)
        reply.close()

    play(make, act, answers())


def test_a_redirect_is_not_followed(make: Make) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        reply = await post(client, server)
        assert reply.status == 307
        reply.close()
        assert len(server.log) == 1

    play(make, act, says(http(b"", "location: /elsewhere", "content-length: 0", status=307)))


def test_a_finished_connection_is_used_again(make: Make) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        for _ in range(3):
            reply = await post(client, server)
            await reply.read(LIMIT)
            reply.close()
        assert [seen.connection for seen in server.log] == [0, 0, 0]

    play(make, act, answers(), refuses(400), answers())


def test_a_stream_released_at_its_terminator_keeps_its_connection(make: Make) -> None:
    """The last bytes of a chunked body mostly come after the terminator: nobody waits for them, yet they are read."""

    async def ending(wire: Wire) -> None:
        wire.head(content_type="text/event-stream", length=None)
        wire.piece(DONE)
        await asyncio.sleep(0.02)
        wire.end()

    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        reply = await post(client, server)
        assert await reply.chunk() == DONE
        reply.release()
        await asyncio.sleep(0.1)
        reply = await post(client, server)
        reply.close()
        assert [seen.connection for seen in server.log] == [0, 0]

    play(make, act, ending)


def test_a_released_stream_that_never_ends_is_closed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gearshift.execution.proxied.LINGER", 0.05)
    monkeypatch.setattr("gearshift.execution.connection.LINGER", 0.05)

    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        reply = await post(client, server)
        await reply.chunk()
        reply.release()
        await gone(server)

    play(make, act, sends(DONE, then="hang"))


def test_an_unfinished_reply_is_closed_at_once(make: Make) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        reply = await post(client, server)
        await reply.chunk()
        reply.close()
        await gone(server)
        second = await post(client, server)
        assert await second.read(LIMIT) == completion("again")
        second.close()
        assert server.log[1].connection == 1

    play(make, act, sends(event({"content": "a"}), then="hang"), answers("again"))


def test_closing_twice_does_nothing(make: Make) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        reply = await post(client, server)
        await reply.read(LIMIT)
        reply.close()
        reply.close()
        reply.release()

    play(make, act, answers())


def test_two_calls_at_once_do_not_share_a_connection(make: Make) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        replies = await asyncio.gather(*(post(client, server) for _ in range(5)))
        bodies = await asyncio.gather(*(reply.read(LIMIT) for reply in replies))
        assert bodies == [completion()] * 5
        for reply in replies:
            reply.close()
        assert len({seen.connection for seen in server.log}) == 5

    play(make, act, answers())


def test_cancelling_a_call_that_waits_for_its_head_closes_the_connection(make: Make) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        call = asyncio.create_task(post(client, server))
        await server.request()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await gone(server)

    play(make, act, says(b""))


def test_cancelling_a_read_leaves_a_reply_that_closes_its_connection(make: Make) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        reply = await post(client, server)
        await reply.chunk()
        read = asyncio.create_task(reply.chunk())
        await asyncio.sleep(0)
        read.cancel()
        with pytest.raises(asyncio.CancelledError):
            await read
        reply.close()
        await gone(server)

    play(make, act, sends(event({"content": "a"}), then="hang"))


def test_a_refused_connection_was_not_sent(make: Make) -> None:
    async def act(client: Upstream, _server: ScriptedUpstream) -> None:
        with pytest.raises(UpstreamUnreachable, match="no connection") as caught:
            await client.post(f"http://127.0.0.1:{closed_port()}/v1", BODY, HEADERS, 5.0)
        assert not caught.value.sent

    play(make, act)


def test_a_name_without_address_was_not_sent(make: Make) -> None:
    async def act(client: Upstream, _server: ScriptedUpstream) -> None:
        with pytest.raises(UpstreamUnreachable, match="no connection") as caught:
            await client.post("http://nowhere.invalid/v1", BODY, HEADERS, 5.0)
        assert not caught.value.sent

    play(make, act)


def test_a_connection_that_is_not_made_in_time_is_a_timeout_of_its_phase(make: Make) -> None:
    async def act(client: Upstream, _server: ScriptedUpstream) -> None:
        with deaf_port() as port, pytest.raises(UpstreamTimeout, match=r"no connection within 0\.1 s") as caught:
            await client.post(f"http://127.0.0.1:{port}/v1", BODY, HEADERS, 0.1)
        assert caught.value.phase == "connect"

    play(make, act)


def test_a_server_that_speaks_no_tls_is_unreachable(make: Make) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        with pytest.raises(UpstreamUnreachable) as caught:
            await client.post(server.base_url.replace("http:", "https:"), BODY, HEADERS, 2.0)
        assert "base_url" in caught.value.message
        assert not caught.value.sent

    play(make, act)


@pytest.mark.parametrize(
    "url", ["not a url", "http://", "ftp://127.0.0.1/x", "http://[::1/x", "http://127.0.0.1:99999/x"]
)
def test_a_url_that_cannot_be_used_is_unreachable(make: Make, url: str) -> None:
    async def act(client: Upstream, _server: ScriptedUpstream) -> None:
        with pytest.raises(UpstreamUnreachable, match="base_url") as caught:
            await client.post(url, BODY, HEADERS, 1.0)
        assert not caught.value.sent

    play(make, act)


def test_a_header_that_holds_a_line_break_is_not_sent(make: Make) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        with pytest.raises(UpstreamUnreachable) as caught:
            await client.post(f"{server.base_url}/x", BODY, {"authorization": "Bearer a\r\nx-evil: 1"}, 1.0)
        assert "evil" not in caught.value.message
        assert server.log == []

    play(make, act)


@pytest.mark.parametrize("then", ["close", "reset"])
def test_a_connection_lost_before_the_head_may_have_been_sent(make: Make, then: str) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        with pytest.raises(UpstreamUnreachable, match="lost before an answer") as caught:
            await post(client, server)
        assert caught.value.sent

    play(make, act, says(b"", then="close" if then == "close" else "reset"))


@pytest.mark.parametrize(
    "head",
    [
        b"<html>not HTTP at all</html>\r\n\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000 + b"\r\n\r\n",
    ],
)
def test_a_head_that_is_not_http_is_invalid(make: Make, head: bytes) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        with pytest.raises(UpstreamError) as caught:
            await post(client, server)
        assert isinstance(caught.value, UpstreamInvalid)
        await gone(server)

    play(make, act, says(head))


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("framing", ["content-length: 500", "transfer-encoding: chunked"])
def test_a_body_that_is_cut_is_broken(make: Make, framing: str, then: str) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        reply = await post(client, server)
        with pytest.raises(StreamBroken, match="cut off"):
            await reply.read(LIMIT)
        reply.close()

    body = b"5\r\nhello\r\n" if "chunked" in framing else b"hello"
    play(make, act, says(http(body, framing), then="close" if then == "close" else "reset"))


def test_what_came_before_a_cut_is_given_first(make: Make) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        reply = await post(client, server)
        assert await reply.chunk() == b"hello"
        with pytest.raises(StreamBroken):
            await all_chunks(reply)
        reply.close()

    async def scene(wire: Wire) -> None:
        wire.head(length=500)
        wire.send(b"hello")
        await asyncio.sleep(0.05)
        await wire.then("close")

    play(make, act, scene)


def test_a_broken_chunk_size_never_ends_a_body_well(make: Make) -> None:
    """An error of ours, or at least the reader's own timer: aiohttp 3.14 tells nobody of it."""

    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        reply = await post(client, server)
        with pytest.raises((UpstreamError, TimeoutError)):
            await asyncio.wait_for(reply.read(LIMIT), 0.3)
        reply.close()
        await gone(server)

    async def scene(wire: Wire) -> None:
        wire.head(length=None)
        wire.piece(b"fine")
        await asyncio.sleep(0.05)
        wire.send(b"not a size\r\n")
        await wire.then("hang")

    play(make, act, scene)


@pytest.mark.parametrize("length", [None, 200_000])
def test_a_body_above_the_limit_is_invalid(make: Make, length: int | None) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        reply = await post(client, server)
        with pytest.raises(UpstreamInvalid, match="longer than 100000 bytes"):
            await reply.read(100_000)
        reply.close()
        await gone(server)

    async def scene(wire: Wire) -> None:
        wire.head(length=length)
        wire.piece(b"x" * 100_001)
        await wire.then("hang")

    play(make, act, scene)


def test_a_reader_that_pauses_holds_the_upstream_back(make: Make) -> None:
    """Bytes that nobody reads are not collected without bound."""
    whole = 64 << 20

    async def flood(wire: Wire) -> None:
        wire.head(length=whole)
        wire.send(b"x" * whole)
        await wire.gone.wait()

    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        reply = await post(client, server)
        await asyncio.sleep(0.3)
        assert server.connections[0].unsent > whole // 2
        assert len(await reply.read(whole)) == whole
        reply.close()

    play(make, act, flood)


def test_bytes_beyond_the_length_are_no_answer_to_the_next_request(make: Make) -> None:
    """A second answer smuggled behind the first must not be taken for that to the next request."""
    evil = http(b"evil", "content-length: 4")

    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        first = await post(client, server)
        assert await first.read(LIMIT) == b"good"
        first.close()
        await asyncio.sleep(0.05)
        second = await post(client, server)
        assert await second.read(LIMIT) == completion("second")
        second.close()

    play(make, act, says(http(b"good", "content-length: 4") + evil, then="hang"), answers("second"))


def test_a_kept_connection_that_the_upstream_closed_is_not_used_again(make: Make) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        first = await post(client, server)
        await first.read(LIMIT)
        first.close()
        await gone(server)
        second = await post(client, server)
        assert await second.read(LIMIT) == completion("second")
        second.close()

    async def once(wire: Wire) -> None:
        await answers("first")(wire)
        await asyncio.sleep(0.01)
        await wire.then("close")

    play(make, act, once, answers("second"))


def test_a_request_on_a_connection_that_was_just_closed_is_sent_again(make: Make) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        for _ in range(2):
            reply = await post(client, server)
            assert await reply.read(LIMIT) == completion()
            reply.close()
        assert [seen.connection for seen in server.log] == [0, 0, 1]
        assert [seen.body for seen in server.log] == [BODY] * 3

    play(make, act, answers(), says(b"", "close"), answers())


def test_a_request_on_a_connection_that_was_just_reset_is_sent_again(make: Make) -> None:
    body = b"x" * 3_000_000

    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        for _ in range(2):
            reply = await client.post(f"{server.base_url}/x", body, HEADERS, 5.0)
            assert await reply.read(LIMIT) == completion()
            reply.close()
        assert server.log[-1].body == body

    play(make, act, answers(), says(b"", "reset"), answers())


def test_a_fresh_connection_that_is_closed_is_not_tried_again(make: Make) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        with pytest.raises(UpstreamUnreachable) as caught:
            await post(client, server)
        assert caught.value.sent
        assert len(server.log) == 1

    play(make, act, says(b"", "close"))


def test_it_is_sent_again_once_not_for_ever(make: Make) -> None:
    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        reply = await post(client, server)
        await reply.read(LIMIT)
        reply.close()
        with pytest.raises(UpstreamUnreachable):
            await post(client, server)
        assert len(server.log) == 3

    play(make, act, answers(), says(b"", "close"))


def test_a_connection_that_dies_while_the_upstream_works_is_not_tried_again(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been processed, and billed."""
    for module in (http1, proxied):
        monkeypatch.setattr(module, "STALE_SECONDS", 0.05)

    async def late(wire: Wire) -> None:
        await asyncio.sleep(0.1)
        await wire.then("close")

    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        reply = await post(client, server)
        await reply.read(LIMIT)
        reply.close()
        with pytest.raises(UpstreamUnreachable) as caught:
            await post(client, server)
        assert caught.value.sent
        assert len(server.log) == 2

    play(make, act, answers(), late)


def test_closing_the_client_closes_its_connections(make: Make) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(answers()) as server:
            client = make()
            reply = await post(client, server)
            await reply.read(LIMIT)
            reply.close()
            await client.close()
            await gone(server)

    asyncio.run(scene())


def test_a_client_may_be_closed_before_its_first_call(make: Make) -> None:
    asyncio.run(make().close())


def test_errors_never_hold_the_secret_or_the_url(make: Make) -> None:
    async def act(client: Upstream, _server: ScriptedUpstream) -> None:
        with pytest.raises(UpstreamError) as caught:
            await client.post(f"http://127.0.0.1:{closed_port()}/v1?key=sk-secret", BODY, HEADERS, 1.0)
        assert "sk-secret" not in caught.value.message
        assert "127.0.0.1" not in caught.value.message

    play(make, act)


def test_a_request_that_leaves_is_told_of_once_and_one_that_never_connects_not_at_all(make: Make) -> None:
    told: list[str] = []

    async def act(client: Upstream, server: ScriptedUpstream) -> None:
        for _ in range(2):
            url = f"{server.base_url}/x"
            (await client.post(url, BODY, HEADERS, 5.0, lambda: told.append("sent"))).close()
        assert told == ["sent"] * 2
        with deaf_port() as port:
            call = client.post(f"http://127.0.0.1:{port}/v1", BODY, HEADERS, 5.0, lambda: told.append("never"))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(call, 0.1)
        assert told == ["sent"] * 2

    play(make, act, answers())
