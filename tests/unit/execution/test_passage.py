from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from gearshift.errors import StreamBroken, UpstreamInvalid, UpstreamTimeout
from gearshift.execution import passage
from gearshift.execution.outlet import Headers
from gearshift.execution.passage import Bounds, Passage
from gearshift.execution.watchdog import Watchdog
from gearshift.protocols.openai_chat import codec
from tests.fakes.upstream import event, stream_events

BOUNDS = Bounds(stall=5.0, content=10.0, usage=True)
PING = b": ping\n\n"


class Pieces:
    """Be the reply of an upstream that says these pieces."""

    status = 200
    content_type = "text/event-stream"

    def __init__(self, *pieces: bytes, tick: Callable[[], None] = lambda: None) -> None:
        self._pieces = list(pieces)
        self._tick = tick
        self.head: Mapping[str, str] = {}
        self.received = 0

    async def chunk(self) -> bytes:
        self._tick()
        return self._pieces.pop(0) if self._pieces else b""

    async def read(self, limit: int) -> bytes:
        return b"".join(self._pieces)[:limit]

    def close(self) -> None:
        self._pieces = []

    def release(self) -> None:
        self._pieces = []


class Ear:
    """Be a caller who hears everything."""

    started = True
    left = False

    def __init__(self) -> None:
        self.heard = b""

    async def start(self, status: int, headers: Headers) -> None:
        raise AssertionError((status, headers))

    async def write(self, data: bytes) -> None:
        self.heard += data

    async def finish(self, data: bytes) -> None:
        raise AssertionError(data)

    def abort(self) -> None:
        raise AssertionError


def passed(*pieces: bytes, seconds_a_piece: float = 0.0) -> tuple[Passage, Ear]:
    """Pass these pieces on."""
    now = [0.0]

    def tick() -> None:
        now[0] += seconds_a_piece

    async def scene() -> tuple[Passage, Ear]:
        ear, watch = Ear(), Watchdog(60.0)
        stream = Passage(Pieces(*pieces, tick=tick), codec.relay("m"), watch, BOUNDS, lambda: now[0])
        try:
            await stream.begin()
            assert not ear.heard
            await stream.pass_on(ear)
        finally:
            watch.stop()
        return stream, ear

    return asyncio.run(scene())


def test_a_stream_is_passed_on_and_remembered() -> None:
    stream, ear = passed(*stream_events("Hello", " there"))
    assert stream.relay.ended
    assert b"Hello" in ear.heard
    assert b" there" in ear.heard
    assert b"[DONE]" not in ear.heard
    assert b"".join(stream.sent.pieces) == ear.heard


def test_what_breaks_it_before_any_content_is_raised_at_once() -> None:
    with pytest.raises(StreamBroken):
        passed(*stream_events("Hello")[:1])


def test_what_breaks_it_later_is_raised_behind_what_came_before() -> None:
    with pytest.raises(StreamBroken):
        passed(*stream_events("Hello", done=False)[:2])


def test_a_stream_of_nothing_is_bounded() -> None:
    large = event({"role": "assistant", "content": ""}, padding="x" * passage.MAX_HELD_BYTES)
    with pytest.raises(UpstreamInvalid, match="without any content"):
        passed(large, *stream_events("Hello"))


def test_signs_of_life_are_no_content() -> None:
    hello = stream_events("Hello")[:2]
    with pytest.raises(UpstreamTimeout, match="nothing but signs of life for 10 s") as caught:
        passed(*hello, *[PING] * 20, seconds_a_piece=1.0)
    assert caught.value.phase == "content"


def test_content_from_time_to_time_is_enough() -> None:
    pieces = stream_events("Hello", " there")
    stream, _ = passed(*pieces[:2], *[PING] * 8, pieces[2], *[PING] * 8, *pieces[3:], seconds_a_piece=1.0)
    assert stream.relay.ended


def drained(*pieces: bytes) -> Passage:
    """Read a stream on to nobody."""
    made: list[Passage] = []

    async def scene() -> None:
        made.append(Passage(Pieces(*pieces), codec.relay("m"), Watchdog(60.0), BOUNDS, lambda: 0.0))
        await made[0].drain()

    asyncio.run(scene())
    return made[0]


def test_what_nobody_waits_for_is_read_until_nothing_more_is_owed() -> None:
    events = stream_events("Hello")
    for stream in (events, events[:-1]):  # the usage is all that is wanted
        found = drained(*stream, event({"content": "never read"}))
        assert found.relay.usage is not None
        assert found.relay.answer_bytes == 5
        assert found.sent.pieces == []


def test_what_breaks_while_it_is_read_on_is_raised() -> None:
    with pytest.raises(StreamBroken):
        drained(*stream_events("Hello", done=False)[:2])


def test_what_is_read_on_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage, "MAX_BYTES", 10)
    assert drained(*stream_events("Hello")).relay.usage is None
