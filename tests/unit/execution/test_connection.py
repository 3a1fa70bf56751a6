"""One connection, byte by byte; what every client must do is in `tests/contract/test_upstream.py`."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.errors import StreamBroken, UpstreamError, UpstreamInvalid
from gearshift.execution.connection import MAX_BUFFERED_BYTES, MAX_HEAD_BYTES, Connection, Http1Reply, Stale

OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"


class Line(asyncio.Transport):
    """Be the wire: what was written, and whether it is open and read."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.aborted = False
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def abort(self) -> None:
        self.aborted = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


ROOM = 4096


class Scene:
    """Hold a connection, its wire, and how often it was handed back to its pool."""

    def __init__(self) -> None:
        self.pool: list[Connection] = []
        self.line = Line()
        self.connection = Connection(asyncio.get_running_loop(), bytearray(ROOM), self.pool.append)
        self.connection.connection_made(self.line)

    def come(self, data: bytes) -> None:
        """Let bytes arrive, as many at a time as there is room."""
        for at in range(0, len(data), ROOM):
            piece = data[at : at + ROOM]
            self.connection.get_buffer(-1)[: len(piece)] = piece
            self.connection.buffer_updated(len(piece))

    async def exchange(self, *pieces: bytes) -> Http1Reply:
        """Ask, and be answered by these pieces."""
        asked = asyncio.ensure_future(self.connection.exchange(b"POST / HTTP/1.1\r\n\r\n"))
        await asyncio.sleep(0)
        for piece in pieces:
            self.come(piece)
        return await asked


def run(play: Callable[[Scene], Awaitable[None]]) -> None:
    async def scene() -> None:
        await play(Scene())

    asyncio.run(scene())


@pytest.mark.parametrize("answer", [OK, CHUNKED])
def test_an_answer_read_whole_gives_the_connection_back(answer: bytes) -> None:
    async def play(scene: Scene) -> None:
        reply = await scene.exchange(answer)
        assert (reply.status, await reply.read(100)) == (200, b"hello")
        assert scene.line.written == [b"POST / HTTP/1.1\r\n\r\n"]
        reply.close()
        assert scene.pool == [scene.connection]
        assert scene.connection.usable
        reply.close()
        assert len(scene.pool) == 1

    run(play)


@given(cuts=st.lists(st.integers(0, len(CHUNKED)), max_size=6), answer=st.sampled_from([OK, CHUNKED]))
def test_however_an_answer_is_split_it_is_the_same(cuts: list[int], answer: bytes) -> None:
    async def play(scene: Scene) -> None:
        edges = [0, *sorted(min(cut, len(answer)) for cut in cuts), len(answer)]
        pieces = [answer[start:end] for start, end in itertools.pairwise(edges)]
        reply = await scene.exchange(*pieces)
        assert await reply.read(100) == b"hello"
        reply.close()
        assert scene.pool

    run(play)


def test_a_second_exchange_begins_afresh() -> None:
    async def play(scene: Scene) -> None:
        for answer in (OK, CHUNKED, OK):
            reply = await scene.exchange(answer)
            assert await reply.read(100) == b"hello"
            reply.close()
        assert scene.pool == [scene.connection] * 3

    run(play)


def test_a_head_may_be_preceded_by_a_provisional_one() -> None:
    async def play(scene: Scene) -> None:
        reply = await scene.exchange(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n", OK)
        assert (reply.status, await reply.read(100)) == (200, b"hello")

    run(play)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi, and more",
    ],
)
def test_a_connection_that_must_not_be_kept_is_closed(answer: bytes) -> None:
    async def play(scene: Scene) -> None:
        reply = await scene.exchange(answer)
        assert await reply.read(100) == b"hi"
        reply.close()
        assert scene.line.aborted
        assert scene.pool == []

    run(play)


def test_what_arrives_on_an_idle_connection_closes_it() -> None:
    async def play(scene: Scene) -> None:
        reply = await scene.exchange(OK)
        await reply.read(100)
        reply.close()
        scene.come(OK)
        assert scene.line.aborted
        assert not scene.connection.usable
        with pytest.raises(Stale):
            await scene.connection.exchange(b"x")

    run(play)


def test_an_answer_let_go_early_closes_the_connection() -> None:
    async def play(scene: Scene) -> None:
        reply = await scene.exchange(OK[:-2])
        reply.close()
        assert scene.line.aborted
        assert scene.pool == []
        assert await reply.chunk() == b""

    run(play)


def test_the_rest_of_a_released_answer_is_awaited_aside() -> None:
    async def play(scene: Scene) -> None:
        reply = await scene.exchange(CHUNKED[:-5])
        reply.release()
        assert scene.pool == []
        scene.come(CHUNKED[-5:])
        assert scene.pool == [scene.connection]
        assert not scene.line.aborted

    run(play)


def test_a_released_answer_that_never_ends_is_closed_at_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gearshift.execution.connection.LINGER", 0.01)

    async def play(scene: Scene) -> None:
        reply = await scene.exchange(CHUNKED[:-5])
        reply.release()
        await asyncio.sleep(0.05)
        assert scene.line.aborted

    run(play)


def test_a_released_answer_that_goes_on_and_on_is_closed() -> None:
    async def play(scene: Scene) -> None:
        reply = await scene.exchange(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n")
        reply.release()
        for _ in range(6):
            scene.come(b"x" * (MAX_BUFFERED_BYTES // 4))
        assert scene.line.aborted

    run(play)


def test_bytes_that_nobody_reads_pause_the_socket() -> None:
    async def play(scene: Scene) -> None:
        reply = await scene.exchange(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n")
        scene.come(b"x" * (MAX_BUFFERED_BYTES + 1))
        assert not scene.line.reading
        assert len(await reply.chunk()) == MAX_BUFFERED_BYTES + 1
        assert scene.line.reading

    run(play)


def test_what_came_together_is_given_together() -> None:
    async def play(scene: Scene) -> None:
        reply = await scene.exchange(CHUNKED)
        assert await reply.chunk() == b"hello"
        assert await reply.chunk() == b""

    run(play)


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
def test_a_connection_that_dies_before_a_byte_came_is_stale(error: Exception | None) -> None:
    async def play(scene: Scene) -> None:
        asked = asyncio.ensure_future(scene.connection.exchange(b"x"))
        await asyncio.sleep(0)
        scene.connection.connection_lost(error)
        with pytest.raises(Stale):
            await asked

    run(play)


def test_a_connection_that_dies_in_the_head_is_broken() -> None:
    async def play(scene: Scene) -> None:
        asked = asyncio.ensure_future(scene.connection.exchange(b"x"))
        await asyncio.sleep(0)
        scene.come(b"HTTP/1.1 200")
        scene.connection.connection_lost(None)
        with pytest.raises(StreamBroken):
            await asked

    run(play)


def test_a_body_without_a_length_ends_with_the_connection_unless_that_was_reset() -> None:
    async def play(scene: Scene) -> None:
        reply = await scene.exchange(b"HTTP/1.1 200 OK\r\n\r\nall")
        scene.connection.connection_lost(None)
        assert await reply.read(100) == b"all"
        reset = Scene()
        reply = await reset.exchange(b"HTTP/1.1 200 OK\r\n\r\nsome")
        reset.connection.connection_lost(ConnectionResetError())
        with pytest.raises(StreamBroken):
            await reply.read(100)

    run(play)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\nhi",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * (MAX_HEAD_BYTES // 6 + 1),
    ],
)
def test_an_answer_that_is_not_to_be_trusted_is_invalid(answer: bytes) -> None:
    async def play(scene: Scene) -> None:
        with pytest.raises(UpstreamInvalid):
            await (await scene.exchange(answer)).read(100)

    run(play)


@given(answer=st.binary(max_size=300), whole=st.booleans())
def test_whatever_bytes_come_the_errors_are_ours(answer: bytes, whole: bool) -> None:
    async def play(scene: Scene) -> None:
        asked = asyncio.ensure_future(scene.connection.exchange(b"x"))
        await asyncio.sleep(0)
        if answer:
            scene.come(b"HTTP/1.1 200 OK\r\n" + answer if whole else answer)
        scene.connection.connection_lost(None)
        with contextlib.suppress(UpstreamError, Stale):
            await (await asked).read(1000)

    run(play)


def test_cancelling_an_exchange_closes_the_connection() -> None:
    async def play(scene: Scene) -> None:
        asked = asyncio.ensure_future(scene.connection.exchange(b"x"))
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert scene.line.aborted

    run(play)
