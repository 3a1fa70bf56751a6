"""Measure what is left of a gateway that is asked for more than it can do: `make bench-overload`.

Calls are made in open loop: at random moments of a given rate, whatever became of those before (a Poisson process), as
a crowd of callers makes them who do not know of each other. The built-in upstream thinks for `THINK` milliseconds, as
the quickest models do, so that many calls are in flight. First the rate that saturates the gateway is sought; then all
rates take turns in slices, and their ratios within this run are what counts: the machine is the same for all of them.

Invariants: an answer counts as good only if it is complete, as shed only if it is a 503 `overloaded` with
`Retry-After`; every other end of a call is a fault. The first second of a slice is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final, cast

import httptools
import msgspec
import uvloop
from msgspec import Struct

from gearshift.cli.benchmark.children import start_upstream
from gearshift.cli.benchmark.load import HOST, PATH, THE_END, percentile
from gearshift.cli.benchmark.process import on, placement, resident_bytes
from gearshift.cli.benchmark.subject import Started, start_gateway

THINK: Final = 400
LEVELS: Final = (0.5, 1.0, 2.0, 4.0)
"""Offered load, of what saturates."""
SETTLING: Final = 1.0
"""Seconds of a slice that are not counted."""
DRAIN: Final = 5.0
MISSED: Final = 3
_SEARCHES: Final = 5
_CALLERS: Final = 900
"""Calls in flight while the rate is sought that saturates: below `server.max_in_flight`."""


class Slice(Struct):
    """Hold what one slice saw, in seconds: latencies, and by how much the calls were made too late."""

    good: list[float] = msgspec.field(default_factory=list)
    shed: list[float] = msgspec.field(default_factory=list)
    faults: list[str] = msgspec.field(default_factory=list)
    late: list[float] = msgspec.field(default_factory=list)
    seconds: float = 0.0


class Caller(asyncio.Protocol):
    """Make one call at a time on one connection."""

    def __init__(self, crowd: Crowd) -> None:
        """Report to `crowd`."""
        self._crowd = crowd
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""
        self._retry_after = False
        self._sent: float | None = None
        self.counted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the server."""
        self.transport = cast("asyncio.Transport", transport)

    def call(self, request: bytes, *, counted: bool) -> None:
        """Send a request."""
        self._body, self._retry_after, self.counted = b"", False, counted
        self._sent = perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take what the server sent."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._end(f"not HTTP: {error}")
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a call that will not be answered any more."""
        self._end(f"connection lost: {exc}")

    def on_header(self, name: bytes, _value: bytes) -> None:
        """Take a header."""
        self._retry_after |= name.lower() == b"retry-after"

    def on_body(self, body: bytes) -> None:
        """Take a piece of the answer's body."""
        self._body += body

    def on_message_complete(self) -> None:
        """Judge the answer."""
        status = self._parser.get_status_code()
        if status == 200 and THE_END in self._body:  # noqa: PLR2004
            self._end(None, good=True)
        elif status == 503 and self._retry_after and b'"overloaded"' in self._body:  # noqa: PLR2004
            self._end(None)
        else:
            self._end(f"status {status}: {self._body[:120]!r}")

    def _end(self, fault: str | None, *, good: bool = False) -> None:
        if self._sent is None:
            return
        took, self._sent = perf_counter() - self._sent, None
        self._crowd.ended(self, took, fault, good=good)


class Crowd:
    """Call a gateway in open or closed loop."""

    def __init__(self, port: int, dice: random.Random) -> None:
        """Take where to call, and the dice of the moments."""
        self._port = port
        self._dice = dice
        self._requests = _requests(port)
        self._idle: list[Caller] = []
        self._open = 0
        self._slice = Slice()
        self._again_until = 0.0
        self._fetching: set[asyncio.Task[None]] = set()

    async def offer(self, rate: float, seconds: float) -> Slice:
        """Make `rate` calls a second for `seconds`; those of the first second are not counted."""
        self._slice = Slice(seconds=seconds - SETTLING)
        began = due = perf_counter()
        while (now := perf_counter()) - began < seconds:
            while due <= now:
                self._slice.late.append(now - due)
                self._call(counted=due - began >= SETTLING)
                due += self._dice.expovariate(rate)
            await asyncio.sleep(max(0.0, due - perf_counter()))
        await self._drain()
        return self._slice

    async def saturate(self, seconds: float) -> float:
        """Give the answers a second that as many callers get who call again as soon as they are answered."""
        self._slice = Slice(seconds=seconds)
        self._again_until = perf_counter() + seconds
        for _ in range(_CALLERS):
            self._call(counted=True)
            await asyncio.sleep(seconds / 4 / _CALLERS)
        await asyncio.sleep(seconds / 4)
        before = len(self._slice.good)
        await asyncio.sleep(seconds / 2)
        rate = (len(self._slice.good) - before) / (seconds / 2)
        self._again_until = 0.0
        await self._drain()
        return rate

    def ended(self, caller: Caller, took: float, fault: str | None, *, good: bool) -> None:
        """Take the end of a call."""
        self._open -= 1
        if caller.counted:
            if fault is not None:
                self._slice.faults.append(fault)
            else:
                (self._slice.good if good else self._slice.shed).append(took)
        if not caller.transport.is_closing():
            self._idle.append(caller)
        if perf_counter() < self._again_until:
            asyncio.get_running_loop().call_later(0 if good else 0.1, self._again)

    def _again(self) -> None:
        if perf_counter() < self._again_until:
            self._call(counted=True)

    def _call(self, *, counted: bool) -> None:
        self._open += 1
        if self._idle:
            self._idle.pop().call(next(self._requests), counted=counted)
        else:
            task = asyncio.ensure_future(self._connect(counted=counted))
            self._fetching.add(task)
            task.add_done_callback(self._fetching.discard)

    async def _connect(self, *, counted: bool) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, caller = await loop.create_connection(lambda: Caller(self), HOST, self._port)
        except OSError as error:
            self._open -= 1
            self._slice.faults.append(f"cannot connect: {error}")
        else:
            caller.call(next(self._requests), counted=counted)

    async def _drain(self) -> None:
        end = perf_counter() + DRAIN
        while self._open and perf_counter() < end:  # noqa: ASYNC110 - every call counts itself out
            await asyncio.sleep(0.02)
        if self._open:
            self._slice.faults.append(f"{self._open} calls without an end")


def _requests(port: int) -> Iterator[bytes]:
    """Give requests without end, no two alike."""
    question = "Explain in two sentences how a suspension bridge carries its load, then give one example. " * 2
    message = {"role": "user", "content": f"[[think={THINK}]] Question 00000000. {question}"}
    before, _, after = msgspec.json.encode({"model": "auto", "messages": [message]}).partition(b"00000000")
    head = f"POST {PATH} HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer sk-bench\r\nContent-Length: {len(before) + len(after) + 8}\r\n\r\n"
    start, serial = head.encode() + before, 0
    while True:
        serial += 1
        yield b"%b%08d%b" % (start, serial, after)


async def measure(gateway: Started, rounds: int, seconds: float) -> dict[float, list[Slice]]:
    """Find what saturates, then offer parts and multiples of it by turns."""
    crowd = Crowd(gateway.port, random.Random(1))  # noqa: S311 - seeded, no secret
    await crowd.saturate(2.0)
    full = await crowd.saturate(3.0)
    for _ in range(_SEARCHES):
        found = await crowd.offer(2 * full, seconds)
        rate = len(found.good) / found.seconds
        if rate < full * 1.1:
            break
        full = rate
    print(f"saturated at {full:,.0f} answers/s")
    slices: dict[float, list[Slice]] = {level: [] for level in LEVELS}
    for _ in range(rounds):
        for level in LEVELS:
            slices[level].append(await crowd.offer(level * full, seconds))
    return slices


def _ms(values: Sequence[float], fraction: float) -> float | None:
    found = percentile(sorted(values), fraction)
    return None if found is None else found * 1000


def report(slices: dict[float, list[Slice]]) -> list[str]:
    """Print the figures, medians of the slices; give which goals are missed."""
    goodput = {level: median(len(each.good) / each.seconds for each in made) for level, made in slices.items()}
    p99 = {level: median(_ms(each.good, 0.99) or 0.0 for each in made) for level, made in slices.items()}
    peak = max(goodput.values())
    late = median(_ms(each.late, 0.99) or 0.0 for each in slices[4.0])
    print(f"the calls themselves are late by {late:.1f} ms (p99 at 400 %)")
    print("offered  goodput/s  of peak  good p50 ms  good p99 ms  shed/s  shed p50 ms  shed p99 ms  faults")
    shed99: dict[float, float] = {}
    for level, made in slices.items():
        shed = median(len(each.shed) / each.seconds for each in made)
        half = median(_ms(each.good, 0.5) or 0.0 for each in made)
        answered = [each.shed for each in made if each.shed]
        s50, shed99[level] = (median(_ms(each, part) or 0.0 for each in answered or [[]]) for part in (0.5, 0.99))
        faults = sum(len(each.faults) for each in made)
        print(
            f"{level:6.0%} {goodput[level]:10,.0f} {goodput[level] / peak:8.2f} {half:12.0f} {p99[level]:12.0f}"
            f" {shed:7,.0f} {s50:12.2f} {shed99[level]:12.2f} {faults:7}"
        )
    missed = [fault for made in slices.values() for each in made for fault in each.faults[:1]]
    goals = (
        ("goodput at 200 %, of peak", goodput[2.0] / peak, 0.90, "at least"),
        ("goodput at 400 %, of peak", goodput[4.0] / peak, 0.85, "at least"),
        ("shed p99 at 200 %, ms", shed99[2.0], 10.0, "at most"),
        ("shed p99 at 400 %, ms", shed99[4.0], 10.0, "at most"),
        ("p99 at 200 %, of that at 100 %", p99[2.0] / (p99[1.0] or 1), 1.5, "at most"),
        ("p99 at 400 %, of that at 100 %", p99[4.0] / (p99[1.0] or 1), 1.5, "at most"),
    )
    for name, found, bar, sense in goals:
        met = found >= bar if sense == "at least" else found <= bar
        print(f"{name}: {found:.2f}, {sense} {bar:g}: {'met' if met else 'MISSED'}")
        missed += [] if met else [name]
    return missed


def main(arguments: Sequence[str]) -> int:
    """Run the bench; 3 when a goal is missed and `--check` was given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="slices of each rate; figures are medians of them")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a slice")
    parser.add_argument("--check", action="store_true", help=f"exit with {MISSED} when a goal is missed")
    options = parser.parse_args(arguments)
    place = placement()
    print(place.note)
    with (
        tempfile.TemporaryDirectory(prefix="gearshift-overload-") as name,
        start_upstream(place.measuring) as upstream,
        start_gateway(upstream, Path(name), place.measured, server={}) as gateway,
        on(place.measuring),
    ):
        missed = report(uvloop.run(measure(gateway, options.rounds, options.seconds)))
        print(f"memory at the end: {(resident_bytes(gateway.pid) or 0) / 2**20:.0f} MiB")
    return MISSED if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
