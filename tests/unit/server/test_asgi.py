from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from gearshift.errors import BodyTooLarge, CallerLeft, InvalidRequest, RequestTooSlow
from gearshift.server import asgi
from gearshift.server.asgi import (
    LEFT,
    ASGIOutlet,
    CallerWatch,
    Departure,
    Message,
    Receive,
    Scope,
    header,
    read_body,
    respond,
    sole_headers,
)


def scope(**headers: str) -> Scope:
    return {"headers": [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]}


def part(body: bytes, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


GONE: Message = {"type": "http.disconnect"}


def receiving(*messages: Message) -> Receive:
    """Give messages one by one, then wait forever."""
    left = list(messages)

    async def receive() -> Message:
        if not left:
            await asyncio.get_running_loop().create_future()
        return left.pop(0)

    return receive


def read(messages: Sequence[Message], limit: int = 10, **headers: str) -> bytes:
    return asyncio.run(read_body(scope(**headers), receiving(*messages), limit))


# Headers and bodies


def test_the_first_header_of_a_name_is_given() -> None:
    found: Scope = {"headers": [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]}
    assert (header(found, b"a"), header(found, b"c")) == ("1", None)


def test_some_headers_are_given_by_name() -> None:
    found: Scope = {"headers": [(b"a", b"1"), (b"b", b"\xff"), (b"a", b"1"), (b"c", b"4")]}
    assert sole_headers(found, {b"a", b"b", b"d"}) == {"a": "1", "b": "\xff"}


def test_a_header_that_says_two_things_is_refused() -> None:
    found: Scope = {"headers": [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]}
    assert sole_headers(found, {b"b"}) == {"b": "2"}
    with pytest.raises(InvalidRequest, match="header a: found two different values, expected one"):
        sole_headers(found, {b"a"})


def test_a_body_is_joined_from_its_parts() -> None:
    assert read([part(b"ab"), part(b""), part(b"cd", more=False)]) == b"abcd"
    assert read([{"type": "http.request"}]) == b""


def test_a_body_at_the_limit_is_taken_and_one_beyond_is_not() -> None:
    assert read([part(b"x" * 10, more=False)], content_length="10") == b"x" * 10
    with pytest.raises(BodyTooLarge, match="11 bytes"):
        read([], content_length="11")
    with pytest.raises(BodyTooLarge, match="more than 10 bytes"):
        read([part(b"x" * 6), part(b"x" * 5)])


@pytest.mark.parametrize("lie", ["5", "ten", "-1", "\xb2", ""])
def test_a_length_that_lies_changes_nothing(lie: str) -> None:
    assert read([part(b"x" * 10, more=False)], content_length=lie) == b"x" * 10
    with pytest.raises(BodyTooLarge):
        read([part(b"x" * 11)], content_length=lie)


def test_a_caller_who_leaves_has_no_body() -> None:
    with pytest.raises(CallerLeft):
        read([part(b"ab"), GONE])


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip"])
def test_a_compressed_body_is_refused_unread(encoding: str) -> None:
    with pytest.raises(InvalidRequest, match="uncompressed"):
        read([], content_encoding=encoding)


@pytest.mark.parametrize("encoding", ["identity", ""])
def test_no_compression_may_be_said(encoding: str) -> None:
    assert read([part(b"x", more=False)], content_encoding=encoding) == b"x"


# The caller who leaves


def watch(work: Callable[[], Awaitable[None]], after: float | None = None) -> tuple[str, int]:
    """Do `work` under watch; give how it ended and how often its task is still marked as cancelled.

    The caller leaves `after` so many seconds, at once for 0; None: it stays.
    """

    async def scene() -> tuple[str, int]:
        end, news = "left", Departure()
        if after == 0:
            news.happen()
        elif after is not None:
            asyncio.get_running_loop().call_later(after, news.happen)
        with CallerWatch(told(news), outlet()):
            await work()
            end = "done"
        news.happen()
        task = asyncio.current_task()
        assert task is not None
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1
        return end, task.cancelling()

    return asyncio.run(scene())


def told(news: Departure) -> Scope:
    return {"extensions": {LEFT: {"news": news}}}


def outlet() -> ASGIOutlet:
    async def send(_message: Message) -> None:
        raise NotImplementedError

    return ASGIOutlet(send)


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


def test_a_caller_who_leaves_ends_the_work_quietly() -> None:
    assert watch(forever, 0.01) == ("left", 0)


def test_a_caller_who_left_before_the_watch_began_is_noticed() -> None:
    assert watch(forever, 0) == ("left", 0)


def test_the_news_is_told_once() -> None:
    news, heard = Departure(), list[str]()
    news.then(lambda: heard.append("yes"))
    news.happen()
    news.happen()
    assert heard == ["yes"]


def test_where_no_connection_tells_of_it_nobody_is_cancelled() -> None:
    async def scene() -> str:
        with CallerWatch({}, outlet()):
            await asyncio.sleep(0)
        return "done"

    assert asyncio.run(scene()) == "done"


def test_work_that_ends_first_is_done_and_the_watch_is_over() -> None:
    async def work() -> None:
        await asyncio.sleep(0.01)

    assert watch(work) == ("done", 0)


def test_an_error_of_the_work_passes() -> None:
    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        watch(work)


def test_a_cancellation_from_outside_passes() -> None:
    async def scene() -> None:
        async def work() -> None:
            with CallerWatch(told(Departure()), outlet()):
                await forever()

        task = asyncio.create_task(work())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scene())


def test_work_may_clean_up_when_its_caller_leaves() -> None:
    cleaned: list[str] = []

    async def work() -> None:
        try:
            await forever()
        finally:
            cleaned.append("yes")

    assert watch(work, 0.01) == ("left", 0)
    assert cleaned == ["yes"]


# Answers


def test_a_whole_answer_has_its_length_and_is_json_unless_said() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(respond(send, 200, b"{}"))
    asyncio.run(respond(send, 405, b"x", (b"content-type", b"text/plain"), (b"allow", b"GET")))
    assert sent[0]["headers"] == [(b"content-type", b"application/json"), (b"content-length", b"2")]
    assert sent[1] == {"type": "http.response.body", "body": b"{}", "more_body": False}
    assert sent[2]["status"] == 405
    assert dict(sent[2]["headers"])[b"allow"] == b"GET"
    assert [value for name, value in sent[2]["headers"] if name == b"content-type"] == [b"text/plain"]


def test_an_outlet_has_started_only_once_its_head_was_taken() -> None:
    async def send(_message: Message) -> None:
        raise RuntimeError("Invalid HTTP header value.")

    made = ASGIOutlet(send)
    with pytest.raises(RuntimeError):
        asyncio.run(made.start(200, [(b"a", b"\n")]))
    assert not made.started
    assert not made.left


def test_a_transport_that_was_closed_is_a_caller_who_left() -> None:
    async def send(_message: Message) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

    made = ASGIOutlet(send)
    with pytest.raises(CallerLeft):
        asyncio.run(made.write(b"x"))
    assert made.left


def test_an_outlet_breaks_the_connection_where_the_server_can() -> None:
    async def send(_message: Message) -> None:
        raise NotImplementedError

    broken: list[str] = []
    ASGIOutlet(send, lambda: broken.append("yes")).abort()
    ASGIOutlet(send).abort()
    assert broken == ["yes"]


def trickling(body: bytes, pause: float) -> Receive:
    """Give a body byte by byte."""
    left = [body[at : at + 1] for at in range(len(body))]

    async def receive() -> Message:
        await asyncio.sleep(pause)
        return part(left.pop(0), more=bool(left))

    return receive


def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "BODY_PERIOD", 0.02)
    with pytest.raises(RequestTooSlow, match=r"trickles, expected 32768 bytes of it every 0\.02 s"):
        asyncio.run(read_body(scope(), receiving(part(b"{")), 100))


def test_a_body_that_trickles_is_given_up_however_steadily(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "BODY_PERIOD", 0.05)
    with pytest.raises(RequestTooSlow):
        asyncio.run(read_body(scope(), trickling(b"x" * 1000, 0.001), 1000))


def test_a_body_that_keeps_the_pace_may_take_longer_than_a_period(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "BODY_PERIOD", 0.5)
    monkeypatch.setattr(asgi, "BODY_PIECE", 1)
    assert asyncio.run(read_body(scope(), trickling(b"x" * 30, 0.03), 1000)) == b"x" * 30


def test_a_body_that_keeps_the_pace_is_not_awaited_for_ever_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "BODY_PIECE", 1)
    monkeypatch.setattr(asgi, "BODY_TIMEOUT", 0.05)
    with pytest.raises(RequestTooSlow):
        asyncio.run(read_body(scope(), trickling(b"x" * 1000, 0.002), 1000))
