"""The load generator and the built-in upstream against each other: all answers are counted, bad ones as errors."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import httptools
import pytest

from gearshift.cli.benchmark.generator import measure
from gearshift.cli.benchmark.load import HOST, Job, Kind, Load, Slice, Target
from gearshift.cli.benchmark.subject import free_port
from gearshift.cli.benchmark.upstream import EVENTS, Connection


def job(port: int, kind: Kind, connections: int, seconds: float, pid: int | None = None) -> Job:
    target = Target(name="target", port=port, pid=pid)
    return Job(target=target, load=Load(kind=kind, connections=connections), seconds=seconds)


def measured(server: Callable[[], asyncio.Protocol], kind: Kind, connections: int, pid: int | None = None) -> Slice:
    async def main() -> Slice:
        listening = await asyncio.get_running_loop().create_server(server, HOST, 0)
        async with listening:
            return await measure(job(listening.sockets[0].getsockname()[1], kind, connections, 0.1, pid))

    return asyncio.run(main())


class Fixed(asyncio.Protocol):
    """Give each request the same bytes, after `good` right answers."""

    def __init__(self, answer: bytes, good: int) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._answer, self._good = answer, good

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        good = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nthe-end"
        self._good -= 1
        self._transport.write(good if self._good >= 0 else self._answer)
        if self._good < 0 and not self._answer:
            self._transport.close()


@pytest.mark.parametrize(("kind", "connections"), [("plain", 1), ("plain", 8), ("burst", 4), ("paced", 16)])
def test_every_answer_is_complete_and_counted(kind: Kind, connections: int) -> None:
    found = measured(Connection, kind, connections)
    assert found.errors == 0
    assert found.fault is None
    assert found.requests >= connections
    assert found.events == (0 if kind == "plain" else found.requests * EVENTS)
    assert found.p50_s is not None
    assert found.p95_s is not None
    assert found.p99_s is not None
    assert found.first_p50_s is not None
    assert 0 < found.first_p50_s <= found.p50_s <= found.p95_s <= found.p99_s
    assert found.elapsed_s >= 0.1
    assert found.cpu_s is None


def test_the_cpu_time_of_the_target_is_taken() -> None:
    found = measured(Connection, "plain", 1, os.getpid())
    assert found.cpu_s is not None
    assert found.cpu_s >= 0


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\noops", "status 500: oops"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhalf", "incomplete answer: ...half"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "incomplete answer: ..."),
        (b"SSH-2.0-x\r\n\r\n", "not HTTP"),
        (b"", "connection lost: closed by the server"),
    ],
)
def test_a_bad_answer_is_an_error_and_not_a_request(answer: bytes, fault: str) -> None:
    found = measured(lambda: Fixed(answer, good=2), "plain", 2)
    assert found.requests == 2  # after one each to warm up
    assert found.errors >= 2
    assert found.fault is not None
    assert found.fault.startswith(fault)


def test_a_stream_without_its_end_is_an_error() -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\ndata: the-end\n\n"
    found = measured(lambda: Fixed(cut, good=1), "burst", 1)
    assert found.requests == 0
    assert found.errors >= 1


def test_a_target_that_fails_from_the_start_is_not_loaded() -> None:
    found = measured(lambda: Fixed(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", good=0), "plain", 3)
    assert (found.requests, found.errors, found.elapsed_s) == (0, 3, 0)
    assert found.p50_s is None


def test_a_target_that_is_not_there_is_a_slice_with_errors() -> None:
    found = asyncio.run(measure(job(free_port(), "plain", 2, 0.1)))
    assert (found.requests, found.errors) == (0, 2)
    assert found.fault is not None
    assert found.fault.startswith("cannot connect")
