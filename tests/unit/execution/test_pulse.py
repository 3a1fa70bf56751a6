from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from gearshift.errors import CallerLeft
from gearshift.execution.outlet import Headers
from gearshift.execution.pulse import COURTESY, Pulse

HEAD: Headers = [(b"a", b"early")]
BEAT = b": beat\n\n"
EVERY = 0.01


class Caller:
    """Take what is said; `slow` holds a write up, `gone` refuses it."""

    def __init__(self) -> None:
        self.said: list[bytes | Headers] = []
        self.news = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.gone = False
        self.started = False
        self.left = False

    async def start(self, status: int, headers: Headers) -> None:
        assert status == 200
        self.started = True
        self.news.set()
        self.said.append(headers)

    async def write(self, data: bytes) -> None:
        await self.open.wait()
        if self.gone:
            message = "gone"
            raise CallerLeft(message)
        self.said.append(data)
        self.news.set()

    async def finish(self, data: bytes) -> None:
        self.said.append(data)

    def abort(self) -> None:
        self.left = True

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not true():
                self.news.clear()
                await self.news.wait()


def pulse(caller: Caller, every: float = EVERY) -> Pulse:
    return Pulse(caller, BEAT, every, lambda: HEAD)


def test_a_quiet_stream_is_begun_and_kept_alive() -> None:
    async def scene() -> None:
        caller = Caller()
        async with pulse(caller) as made:
            await caller.until(lambda: len(caller.said) > 2)
            assert caller.said[:3] == [HEAD, BEAT, BEAT]
            assert made.started
            await made.start(200, [(b"a", b"late")])
            await made.write(b"content")
            await made.finish(b"end")
        assert [each for each in caller.said if each != BEAT] == [HEAD, b"content", b"end"]

    asyncio.run(scene())


def test_the_first_beat_leaves_an_attempt_of_the_same_length_time_to_fail() -> None:
    async def scene() -> None:
        loop, caller = asyncio.get_running_loop(), Caller()
        began = loop.time()
        async with pulse(caller):
            await caller.until(lambda: BEAT in caller.said)
        assert loop.time() - began >= COURTESY + EVERY

    asyncio.run(scene())


def test_what_is_said_puts_the_next_beat_off() -> None:
    async def scene() -> None:
        caller = Caller()
        async with pulse(caller, every=3600.0) as made:
            await made.start(200, [(b"a", b"own")])
            await made.write(b"content")
        assert caller.said == [[(b"a", b"own")], b"content"]

    asyncio.run(scene())


def test_no_beat_waits_behind_a_slow_caller_and_none_stands_inside_an_event() -> None:
    async def scene() -> None:
        caller = Caller()
        async with pulse(caller) as made:
            await caller.until(lambda: BEAT in caller.said)
            caller.open.clear()
            writing = asyncio.create_task(made.write(b"content"))
            await asyncio.sleep(EVERY * 20)  # many beats are due meanwhile
            before = caller.said.count(BEAT)
            caller.open.set()
            await writing
            assert caller.said.count(BEAT) - before <= 1

    asyncio.run(scene())


def test_a_beat_under_way_ends_with_the_stream_and_a_caller_who_left_is_no_fault_of_it() -> None:
    async def scene() -> None:
        caller = Caller()
        caller.open.clear()
        async with pulse(caller):
            await caller.until(lambda: caller.started)
        assert caller.said == [HEAD]
        caller = Caller()
        caller.gone = True
        async with pulse(caller) as made:
            await caller.until(lambda: caller.started)
            made.abort()
        assert caller.left

    asyncio.run(scene())


def test_nothing_waits_once_the_end_is_said() -> None:
    async def scene() -> None:
        caller = Caller()
        caller.open.clear()
        async with pulse(caller) as beating:
            await beating.start(200, HEAD)
            writing = asyncio.create_task(beating.write(b"a"))
            await asyncio.sleep(0)  # it holds the turn, and the beat has none
            beating._beating = late = asyncio.create_task(beating._say())  # noqa: SLF001 - as the timer does
            await asyncio.sleep(0)
            ending = asyncio.create_task(beating.finish(b"b"))
            caller.open.set()
            await asyncio.gather(writing, ending)
            left = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - left < EVERY
        await asyncio.wait([late])
        assert caller.said[0] == HEAD
        assert caller.said[-1] == b"b"

    asyncio.run(scene())


def test_a_fault_of_our_own_is_not_hidden() -> None:
    def broken() -> Headers:
        raise ZeroDivisionError

    async def scene() -> None:
        made = Pulse(Caller(), BEAT, EVERY, broken)
        with pytest.raises(ZeroDivisionError):
            async with made:
                await asyncio.sleep(COURTESY + EVERY * 5)

    asyncio.run(scene())
