"""Own one attempt: an upstream call from its first byte to its record.

    send    connect ─> head ─> (stream) bytes until the first content, held back
                            ─> (whole)  the body, checked
    commit  pass the held bytes and all that follows on to the caller; meter; end, or say how it broke

Invariants: the upstream is let go of on every way out, cancellation included, and never waits for a slow caller once
its answer is complete; a stream that breaks is never given a terminator; every call that was made leaves exactly one
`Attempt`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from msgspec import Struct

from gearshift.errors import (
    CallerLeft,
    CannotCarry,
    GearshiftError,
    InternalError,
    InvalidRequest,
    Outrun,
    UpstreamError,
    UpstreamInvalid,
)
from gearshift.execution import acceptance
from gearshift.execution.aside import aside
from gearshift.execution.bounds import Limits
from gearshift.execution.commands import Ended, Failed, Ready, Send, Signal
from gearshift.execution.credentials import Credentials
from gearshift.execution.embedding import EmbeddingInterpreter
from gearshift.execution.fetching import Fetcher, Files
from gearshift.execution.interpreter import Interpreter
from gearshift.execution.metering import Meter
from gearshift.execution.order import Order
from gearshift.execution.outlet import FAREWELL, Outlet, taken
from gearshift.execution.passage import Bounds, Passage
from gearshift.execution.patience import between_content, first_content
from gearshift.execution.proof import Outgoing
from gearshift.execution.refusal import late_refusal, no_stream, refusal
from gearshift.execution.transcript import said, spoken, written
from gearshift.execution.upstream import Reply, Upstream
from gearshift.execution.watchdog import Watchdog
from gearshift.protocols.codec import Codec
from gearshift.protocols.crossing import Stamp
from gearshift.protocols.namespaces import Namespaces
from gearshift.protocols.resuming import Told
from gearshift.types.catalog import Deployment, Seconds
from gearshift.types.embedding import EmbeddingRequest
from gearshift.types.record import Attempt

MAX_ANSWER_BYTES = 64 * 1024 * 1024
_UNBELIEVED = 401


class Means(Struct, frozen=True, kw_only=True):
    """Hold what every call needs; `clock` is monotonic, in seconds, `wall_clock` in seconds since the epoch.

    `fetcher` is None where what callers name by URL is never fetched.
    """

    upstream: Upstream
    codecs: Mapping[str, Codec]
    credentials: Credentials
    fetcher: Fetcher | None = None
    clock: Callable[[], float]
    wall_clock: Callable[[], float]


def _interpreter(order: Order, deployment: Deployment, means: Means) -> Interpreter | EmbeddingInterpreter:
    match order.request:
        case EmbeddingRequest() as request:
            return EmbeddingInterpreter(order, request, deployment)
        case request:
            stamp = Stamp(order.exchange_id, int(means.wall_clock()), Namespaces(request.tools))
            return Interpreter(order, request, deployment, means.codecs, stamp)


class Call:
    """Make one upstream call."""

    def __init__(self, means: Means, order: Order, command: Send, limits: Limits, before: Call | None = None) -> None:
        """Prepare the call that `command` asks for; `before` is the last one of the exchange."""
        self._means = means
        self._order = order
        self._limits = limits
        self.files: Files = Files(means.fetcher) if before is None else before.files
        """What was fetched for the exchange."""
        self._deployment = self.deployment = command.deployment
        self.attempt_id = command.attempt_id
        self._buffered = command.buffered
        self._interpreter = _interpreter(order, command.deployment, means)
        self._watch = Watchdog(command.remaining)
        self._meter = Meter(command.attempt_id, command.deployment, self._now())
        self._resumes = before.told if command.purpose == "resume" and before is not None else None
        self._meter.purpose = command.purpose
        self._reply: Reply | None = None
        self._stream: Passage | None = None
        self._held = b""
        self.told: Told | None = None
        """What the caller has of a stream that broke, where somebody else can go on with it."""
        self.verdict = ""
        """What a judge said of its answer."""
        self.outrun = False
        """Another attempt for the same answer was sooner."""
        self._called = False
        self._recorded = False

    async def send(self) -> Signal:
        """Call the upstream and wait until the first content, or the whole answer, is here."""
        try:
            with self._watch.guard():
                reply = await self._open()
                await (self._first_content(reply) if self._order.request.stream else self._whole_answer(reply))
        except InvalidRequest as error:
            return self._fail(CannotCarry(error))
        except UpstreamError as error:
            begun = self._stream is not None and self._stream.relay.answer_bytes > 0
            return self._fail(error if begun else late_refusal(error, self._deployment))
        except BaseException as error:
            self._abandon(error)
            raise
        self._meter.first_token = self._now()
        return Ready(at=self._meter.first_token)

    def _fail(self, error: UpstreamError) -> Failed:
        self._record(error)
        self._close()
        return Failed(at=self._now(), error=error)

    @property
    def answer(self) -> str:
        """Give the answer as a judge is shown it, where all of it is here."""
        codec = self._means.codecs[self._order.codec.name]
        return acceptance.shown(said(codec, self._held if self._stream is None else self._stream.held))

    def take(self) -> None:
        """Let go of an answer that we keep for ourselves."""
        self.let_go(None)

    def drop(self) -> None:
        """Let go of a call that was outrun, whether it has content or not."""
        self.let_go(Outrun("another attempt had content sooner"))

    def let_go(self, error: GearshiftError | None) -> None:
        """Close the books on a call whose answer nobody gets, because of `error`."""
        if self._called and not self._recorded:
            self._record(error)
        self._close()

    async def commit(self, outlet: Outlet) -> Signal:
        """Pass the answer on to the caller, to its end."""
        try:
            if self._stream is None:
                await self._pass_whole(outlet)
                error = None
            else:
                error = await self._pass_stream(outlet, self._stream)
        except BaseException as failure:
            self._abandon(failure)
            if isinstance(failure, CallerLeft):
                outlet.abort()
            raise
        finally:
            if self._stream is not None:
                self._order.spoken = self._stream.relay.number
        return Ended(at=self._now(), error=error, resumable=self.told is not None)

    async def _open(self) -> Reply:
        """Fetch what is said as bytes, send the request and read the head; raise UpstreamRefused on an error status."""
        order, provider, limits = self._order, self._deployment.provider, self._limits
        if wants := self._interpreter.wants:
            self._watch.arm("total", self._watch.remaining)
            self._interpreter.take(await self.files.get(wants, provider.id))
        body = await aside(len(order.body), self._interpreter.request)
        call = Outgoing(self._interpreter.url, self._interpreter.headers, body)
        proven = await self._means.credentials.prove(provider, call, self._means.upstream)
        patience = first_content(limits, self._deployment, order.request)
        self._watch.arm("first_token" if order.request.stream else "answer", patience)
        self._called = True
        self._reply = reply = await self._means.upstream.post(
            proven.url, proven.body, proven.headers, limits.connect_timeout, self._meter.begin
        )
        self._meter.status = reply.status
        if reply.status != 200:  # noqa: PLR2004
            renewable = reply.status == _UNBELIEVED and self._means.credentials.refused(provider)
            self._watch.arm("answer", limits.answer_timeout)  # the status decides, not the timer of a first token
            error = await refusal(reply, self._deployment, self._means.wall_clock())
            error.renewable = renewable
            raise error
        return reply

    async def _whole_answer(self, reply: Reply) -> None:
        """Read and check an answer that is not streamed."""
        facts, self._held = self._interpreter.answer(await reply.read(MAX_ANSWER_BYTES))
        self._meter.learn(facts)

    async def _first_content(self, reply: Reply) -> None:
        """Read a stream until its first content."""
        order, deployment, limits = self._order, self._deployment, self._limits
        expected = self._interpreter.stream_type
        if reply.content_type != expected:
            raise await no_stream(reply, deployment, expected)
        bounds = Bounds(
            stall=limits.stall_timeout,
            content=between_content(limits, deployment, order.request),
            usage=deployment.provider.quirks.stream_usage,
        )
        self._stream = Passage(reply, self._interpreter.relay(self._resumes), self._watch, bounds, self._now)
        await (self._stream.whole() if self._buffered else self._stream.begin())

    async def _pass_whole(self, outlet: Outlet) -> None:
        self._close()
        attempt = self._record(None)
        body = self._order.codec.patch_response(self._held, self._order.edits(attempt))
        headers = self._order.head(attempt)
        headers.append((b"content-length", str(len(body)).encode()))

        async def give() -> None:
            await outlet.start(200, headers)
            await outlet.finish(body)

        await taken(give(), max(self._watch.remaining, FAREWELL))

    async def _pass_stream(self, outlet: Outlet, stream: Passage) -> UpstreamError | None:
        """Pass a stream on; give the error that broke it, of which the caller does not know yet."""
        broken: UpstreamError | None = None
        try:
            with self._watch.guard():
                self._watch.pause()
                if self._resumes is None:
                    await outlet.start(200, self._order.head(self._meter))
                await stream.pass_on(outlet)
        except UpstreamError as error:
            # Once all answers are complete nothing more is owed, and we make the end ourselves.
            broken = None if stream.relay.complete and not isinstance(error, UpstreamInvalid) else error
        attempt = self._record(broken)
        self._close()
        if broken is None:
            send_usage = self._order.request.include_usage is not False
            end = stream.relay.end(self._order.edits(attempt), send_usage=send_usage)
            await taken(outlet.finish(end), max(self._watch.remaining, FAREWELL))
            return None
        if self._limits.rescue and self._resumes is None and stream.sent.whole:
            self.told = self._interpreter.told(stream.sent.pieces)
        return broken

    def _record(self, error: GearshiftError | None) -> Attempt:
        """Close the books on this call, with all that its stream has told."""
        if self._stream is not None:
            self._meter.learn(self._stream.relay)
        elif error is not None and self._reply is not None:
            self._meter.answer_bytes = self._reply.received
        if self._called and (error is not None or self._meter.usage is None):
            self._meter.sample = self._sample()
        self._meter.losses = self._interpreter.losses
        if error is not None:
            error.message = self._means.credentials.redact(self._deployment.provider, error.message)
        attempt = self._meter.attempt(self._order.request, self._now(), error)
        self._order.attempts.append(attempt)
        self._recorded = True
        return attempt

    def _sample(self) -> str:
        """Give a beginning of the answer's text, as far as there is one."""
        codec = self._means.codecs.get(self._order.codec.name)
        if codec is None:  # vectors are no text
            return ""
        if self._stream is None:
            return written(codec, self._held)
        return (self._resumes.text if self._resumes is not None else "") or spoken(codec, self._stream.beginning())

    def _abandon(self, error: BaseException) -> None:
        """Record and close a call that was cancelled, whose caller has left, or that failed in our own code."""
        if self._called and not self._recorded:
            match error:
                case asyncio.CancelledError() if self.outrun:
                    pass  # `drop` follows
                case asyncio.CancelledError():
                    self._record(self._order.cancelled())
                case CallerLeft():
                    self._record(error)
                case _:
                    self._record(InternalError.of(error))
        self._close()

    def _close(self) -> None:
        self._watch.stop()
        if self._reply is None:
            return
        if self._stream is not None and self._stream.relay.ended:
            self._reply.release()
        else:
            self._reply.close()

    def _now(self) -> Seconds:
        return self._means.clock() - self._order.began
