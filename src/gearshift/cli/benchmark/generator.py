"""Own the load generator: closed-loop callers on keep-alive connections, and what they saw.

    a job on stdin -> connect -> one call on each connection (not measured) -> all idle: CPU time read
                   -> calls for `seconds` -> the open ones awaited -> all idle: CPU time read -> a slice on stdout

Invariant: an answer counts only if its status is 200 and its body is complete; every other is an error. Measuring from
idle to idle means that the CPU time belongs to exactly the requests that were counted.
"""

from __future__ import annotations

import asyncio
import sys
from time import perf_counter
from typing import Final, cast

import httptools
import msgspec
import uvloop

from gearshift.cli.benchmark.load import DONE, FIRST_WORD, HOST, THE_END, Job, Load, Slice, percentile, requests
from gearshift.cli.benchmark.process import cpu_seconds
from gearshift.types.catalog import Seconds

DRAIN: Final[Seconds] = 60
"""How long open calls may take once no new ones are made; what is open then is an error."""
_FAULT_CHARACTERS: Final = 200
_OK: Final = 200


class Caller(asyncio.Protocol):
    """Make one call at a time on one connection."""

    def __init__(self, run: Run) -> None:
        """Report to `run`."""
        self._run = run
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._started = 0.0
        self._first: float | None = None
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the server."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one by shape only

    def call(self, request: bytes) -> None:
        """Send a request."""
        self._parts, self._first = [], None
        self.busy = True
        self._started = perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take what the server sent."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._lose(f"not HTTP: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a call that will not be answered any more."""
        self._lose(f"connection lost: {exc or 'closed by the server'}")

    def on_body(self, body: bytes) -> None:
        """Take a piece of the answer's body."""
        if self._first is None and FIRST_WORD in body:
            self._first = perf_counter()
        self._parts.append(body)

    def on_message_complete(self) -> None:
        """Report the answer."""
        ended = perf_counter()
        times = ended - self._started, (self._first or ended) - self._started
        self.busy = False
        self._run.answered(self, self._parser.get_status_code(), b"".join(self._parts), times)

    def _lose(self, fault: str) -> None:
        if self.busy:
            self.busy = False
            self._run.lost(fault)
            self.transport.abort()


class Run:
    """Measure one job."""

    def __init__(self, job: Job) -> None:
        """Take the job; `measure` runs it, once."""
        self._job = job
        self._requests = requests(job.target, "plain")
        self._deadline = 0.0
        self._open = 0
        self._idle = asyncio.Event()
        self._forget(Load(kind="plain", connections=job.load.connections))

    def _forget(self, load: Load) -> None:
        """Start counting from nothing."""
        self._load = load
        self._latencies: list[Seconds] = []
        self._firsts: list[Seconds] = []
        self._events = self._errors = 0
        self._fault: str | None = None

    async def measure(self) -> Slice:
        """Connect, warm up, measure."""
        job = self._job
        loop = asyncio.get_running_loop()
        connecting = (
            loop.create_connection(lambda: Caller(self), HOST, job.target.port) for _ in range(job.load.connections)
        )
        callers = [caller for _, caller in await asyncio.gather(*connecting)]
        try:
            await self._round(callers, 0)
            if self._errors:
                return self._slice(0, None)
            self._forget(job.load)
            self._requests = requests(job.target, job.load.kind)
            before = _cpu(job)
            started = perf_counter()
            await self._round(callers, job.seconds)
            elapsed = perf_counter() - started
            after = _cpu(job)
            return self._slice(elapsed, None if before is None or after is None else after - before)
        finally:
            for caller in callers:
                caller.busy = False
                caller.transport.abort()

    async def _round(self, callers: list[Caller], seconds: Seconds) -> None:
        """Call on all connections until the time is up, at least once on each, and wait for the last answer."""
        self._deadline = perf_counter() + seconds
        self._open = len(callers)
        self._idle.clear()
        for caller in callers:
            caller.call(next(self._requests))
        try:
            async with asyncio.timeout(seconds + DRAIN):
                await self._idle.wait()
        except TimeoutError:
            self._err(f"no answer within {DRAIN} s", self._open)

    def answered(self, caller: Caller, status: int, body: bytes, times: tuple[Seconds, Seconds]) -> None:
        """Judge an answer, then call again while there is time. `times`: to its end, to its first word."""
        if status != _OK:
            self._err(f"status {status}: {body.decode(errors='replace')}")
        elif THE_END not in body or (self._load.streamed and not body.endswith(DONE)):
            self._err(f"incomplete answer: ...{body[-_FAULT_CHARACTERS:].decode(errors='replace')}")
        else:
            self._latencies.append(times[0])
            self._firsts.append(times[1])
            if self._load.streamed:
                self._events += body.count(b"data: ")
        if perf_counter() < self._deadline:
            caller.call(next(self._requests))
        else:
            self._close()

    def lost(self, fault: str) -> None:
        """Count a call without an answer; its connection is gone."""
        self._err(fault)
        self._close()

    def _close(self) -> None:
        self._open -= 1
        if not self._open:
            self._idle.set()

    def _err(self, fault: str, count: int = 1) -> None:
        self._errors += count
        self._fault = self._fault or fault[:_FAULT_CHARACTERS]

    def _slice(self, elapsed: Seconds, cpu: Seconds | None) -> Slice:
        latencies, firsts = sorted(self._latencies), sorted(self._firsts)
        return Slice(
            requests=len(latencies),
            errors=self._errors,
            fault=self._fault,
            elapsed_s=elapsed,
            p50_s=percentile(latencies, 0.50),
            p95_s=percentile(latencies, 0.95),
            p99_s=percentile(latencies, 0.99),
            first_p50_s=percentile(firsts, 0.50),
            events=self._events,
            cpu_s=cpu,
        )


def _cpu(job: Job) -> Seconds | None:
    return None if job.target.pid is None else cpu_seconds(job.target.pid)


async def measure(job: Job) -> Slice:
    """Run one job; a target that does not answer at all is a slice with errors."""
    try:
        return await Run(job).measure()
    except OSError as error:
        return Slice(
            requests=0,
            errors=job.load.connections,
            fault=f"cannot connect: {error}"[:_FAULT_CHARACTERS],
            elapsed_s=0,
            p50_s=None,
            p95_s=None,
            p99_s=None,
            first_p50_s=None,
            events=0,
            cpu_s=None,
        )


def main() -> None:
    """Run the jobs that come on stdin, a line each, until it ends."""
    for line in sys.stdin:
        done = uvloop.run(measure(msgspec.json.decode(line, type=Job)))
        print(msgspec.json.encode(done).decode(), flush=True)  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    main()
