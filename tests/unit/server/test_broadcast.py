from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from gearshift.errors import CallerLeft
from gearshift.execution.outlet import Headers, Outlet
from gearshift.idempotency import Bounds, Recording, Register
from gearshift.server.broadcast import AHEAD, REPLAYED, Broadcast, replay
from gearshift.types.record import Exchange
from tests.fakes.nouns import exchange

HEAD: Headers = [(b"content-type", b"text/plain")]
NAME = ("caller", "k-1")
Script = Callable[[Outlet], Awaitable[None]]


class Caller:
    """Be a caller's end: takes while `reading`."""

    def __init__(self) -> None:
        self.reading = asyncio.Event()
        self.reading.set()
        self.head: tuple[int, Headers] | None = None
        self.body = b""
        self.complete = self.left = self.aborted = self.gone = False
        self._news = asyncio.Event()

    @property
    def started(self) -> bool:
        return self.head is not None

    async def start(self, status: int, headers: Headers) -> None:
        await self.reading.wait()
        assert self.head is None
        self.head = (status, headers)

    async def write(self, data: bytes) -> None:
        await self.reading.wait()
        if self.gone:
            raise CallerLeft("gone")
        assert not self.complete
        self.body += data
        self._news.set()

    async def finish(self, data: bytes) -> None:
        await self.write(data)
        self.complete = True

    def abort(self) -> None:
        self.left = self.aborted = True
        self.reading.set()

    async def has(self, size: int) -> None:
        async with asyncio.timeout(5):
            while len(self.body) < size:
                self._news.clear()
                await self._news.wait()


class Scene:
    """Hold an exchange that plays a script, and who listens to it."""

    def __init__(self, script: Script, bounds: Bounds | None = None) -> None:
        self.register = Register(bounds)
        self.recording, _ = self.register.claim(NAME, b"print", 0.0)
        self.settled: list[Exchange | None] = []
        self.broadcast = Broadcast(self.register, self.recording, self._run, self.settled.append)
        self.cancelled = False
        self._script = script

    async def _run(self, outlet: Outlet) -> Exchange:
        try:
            await self._script(outlet)
        except asyncio.CancelledError:
            self.cancelled = True
            if not outlet.left:
                await outlet.finish(b"stopped")
            raise
        except CallerLeft:
            outlet.abort()
        return exchange("gx-1")

    def listen(self, caller: Caller) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(self.broadcast.listen(caller))


def run(scene: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(10):
            await scene()

    asyncio.run(main())


async def left(listening: asyncio.Task[None], caller: Caller) -> None:
    """Go away, as the watch over a caller does it."""
    caller.left = True
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening


def says(*pieces: bytes, gate: asyncio.Event | None = None) -> Script:
    """Say pieces, the last one once the gate is open."""

    async def script(outlet: Outlet) -> None:
        await outlet.start(200, HEAD)
        for piece in pieces[:-1]:
            await outlet.write(piece)
        if gate is not None:
            await gate.wait()
        await outlet.finish(pieces[-1])

    return script


def test_all_who_listen_get_the_same_bytes_from_the_first_one_on() -> None:
    async def scene() -> None:
        gate = asyncio.Event()
        made = Scene(says(b"one", b"two", b"three", gate=gate))
        first, second = Caller(), Caller()
        one = made.listen(first)
        await first.has(6)
        two = made.listen(second)
        await second.has(6)
        assert not first.complete
        gate.set()
        await asyncio.gather(one, two)
        assert first.body == second.body == b"onetwothree"
        assert first.complete
        assert second.complete
        assert first.head == (200, HEAD)
        assert second.head == (200, [*HEAD, REPLAYED])
        assert [each.id for each in made.settled if each] == ["gx-1"]

    run(scene)


def test_an_exchange_goes_on_as_long_as_anybody_listens() -> None:
    async def scene() -> None:
        gate = asyncio.Event()
        made = Scene(says(b"one", b"two", gate=gate))
        first, second = Caller(), Caller()
        one, two = made.listen(first), made.listen(second)
        await second.has(3)
        await left(one, first)
        assert not made.cancelled
        gate.set()
        await two
        assert second.body == b"onetwo"
        assert second.complete

    run(scene)


def test_an_exchange_to_which_nobody_listens_ends_and_is_settled_as_cut_short() -> None:
    async def scene() -> None:
        made = Scene(says(b"one", b"two", gate=asyncio.Event()))
        callers = [Caller(), Caller()]
        listening = [made.listen(caller) for caller in callers]
        await callers[1].has(3)
        for task, caller in zip(listening, callers, strict=True):
            await left(task, caller)
        assert made.cancelled
        assert set(made.settled) == {None}
        assert not made.recording.ended

    run(scene)


def test_a_caller_who_is_found_gone_is_one_who_left() -> None:
    async def scene() -> None:
        gate = asyncio.Event()
        made = Scene(says(b"one", b"two", gate=gate))
        caller = Caller()
        caller.gone = True
        await made.listen(caller)
        assert made.cancelled

    run(scene)


def test_a_slow_caller_holds_up_nobody_and_still_gets_a_short_answer_whole() -> None:
    async def scene() -> None:
        pieces = [b"%03d" % number * 1000 for number in range(100)]
        made = Scene(says(*pieces))
        fast, slow = Caller(), Caller()
        slow.reading.clear()
        quick, late = made.listen(fast), made.listen(slow)
        await quick
        assert fast.complete
        assert slow.body == b""
        slow.reading.set()
        await late
        assert slow.body == fast.body == b"".join(pieces)
        assert slow.complete

    run(scene)


def test_a_caller_who_falls_too_far_behind_is_cut_off() -> None:
    async def scene() -> None:
        bounds = Bounds(each=10_000)
        made = Scene(says(*[b"x" * 1000] * 1000), bounds)
        fast, slow = Caller(), Caller()
        slow.reading.clear()
        quick, late = made.listen(fast), made.listen(slow)
        await quick
        assert made.recording.size <= 10_000 + AHEAD + 1000
        slow.reading.set()
        await late
        assert fast.complete
        assert slow.aborted
        assert not slow.complete

    run(scene)


def test_the_fastest_sets_the_pace() -> None:
    async def scene() -> None:
        made = Scene(says(*[b"x" * 1000] * 1000))
        callers = [Caller(), Caller()]
        for caller in callers:
            caller.reading.clear()
        listening = [made.listen(caller) for caller in callers]
        for _ in range(50):
            await asyncio.sleep(0)
        said = made.recording.count * 1000
        assert AHEAD < said <= AHEAD + 1000
        callers[0].reading.set()
        await listening[0]
        assert made.recording.count == 1000
        callers[1].reading.set()
        await listening[1]
        assert [len(caller.body) for caller in callers] == [1_000_000] * 2

    run(scene)


def test_a_stop_is_told_to_all_who_listen() -> None:
    async def scene() -> None:
        made = Scene(says(b"one", b"two", gate=asyncio.Event()))
        callers = [Caller(), Caller()]
        listening = [made.listen(caller) for caller in callers]
        await callers[1].has(3)
        for task in listening:
            task.cancel()
        for task in listening:
            with pytest.raises(asyncio.CancelledError):
                await task
        assert [caller.body for caller in callers] == [b"onestopped"] * 2
        assert all(caller.complete for caller in callers)
        assert set(made.settled) == {None}

    run(scene)


def test_whoever_leaves_at_the_end_ends_nothing() -> None:
    async def scene() -> None:
        made = Scene(says(b"whole"))
        caller = Caller()
        caller.reading.clear()
        listening = made.listen(caller)
        while not made.recording.ended:  # noqa: ASYNC110 - what is waited for is a plain fact
            await asyncio.sleep(0)
        await left(listening, caller)
        while not made.settled:  # noqa: ASYNC110 - what is waited for is a plain fact
            await asyncio.sleep(0)
        assert not made.cancelled
        assert made.settled[0] is not None

    run(scene)


def test_an_answer_that_is_left_without_its_end_is_left_so_for_all() -> None:
    async def script(outlet: Outlet) -> None:
        await outlet.start(200, HEAD)
        await outlet.write(b"half")

    async def scene() -> None:
        made = Scene(script)
        caller = Caller()
        await made.listen(caller)
        assert (caller.body, caller.complete) == (b"half", False)

    run(scene)


def test_a_connection_that_is_broken_is_broken_for_all() -> None:
    async def script(outlet: Outlet) -> None:
        await outlet.start(200, HEAD)
        await outlet.write(b"half")
        outlet.abort()

    async def scene() -> None:
        made = Scene(script)
        callers = [Caller(), Caller()]
        await asyncio.gather(*[made.listen(caller) for caller in callers])
        assert all(caller.aborted and not caller.complete for caller in callers)

    run(scene)


def test_a_bug_reaches_whoever_listens() -> None:
    async def script(_: Outlet) -> None:
        raise ZeroDivisionError

    async def scene() -> None:
        made = Scene(script)
        with pytest.raises(ZeroDivisionError):
            await made.listen(Caller())
        assert made.settled == [None]

    run(scene)


def test_a_bug_that_nobody_hears_of_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def script(_: Outlet) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ZeroDivisionError

    async def scene() -> None:
        made = Scene(script)
        caller = Caller()
        listening = made.listen(caller)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await left(listening, caller)
        assert set(made.settled) == {None}

    with caplog.at_level(logging.ERROR):
        run(scene)
    assert any(record.exc_info and record.exc_info[0] is ZeroDivisionError for record in caplog.records)


def test_an_answer_is_given_again_piece_by_piece() -> None:
    async def scene() -> None:
        made = Scene(says(b"one", b"two", b"three"))
        await made.listen(Caller())
        again = Caller()
        await replay(made.recording, again)
        assert (again.body, again.complete) == (b"onetwothree", True)
        assert again.head == (200, [*HEAD, REPLAYED])

    run(scene)


def test_pieces_without_a_head_are_a_bug() -> None:
    async def scene() -> None:
        recording = Recording(b"print")
        recording.pieces.append(b"x")
        with pytest.raises(RuntimeError, match="no head"):
            await replay(recording, Caller())

    run(scene)
