"""Own one attempt: an upstream call from its first byte to its record.

    send    connect ─> head ─> (stream) bytes until the first content, held back
                            ─> (whole)  the body, checked
    commit  pass the held bytes and all that follows on to the caller; meter; end

Invariants: the upstream is let go of on every way out, cancellation included, and never waits for a slow caller once
its answer is complete; a stream that breaks after `commit` ends in an in-band error, never in a terminator; every call
that was made leaves exactly one `Attempt`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple

from msgspec import Struct

from gearshift.errors import (
    CallerLeft,
    CannotCarry,
    GearshiftError,
    InternalError,
    InvalidRequest,
    UpstreamError,
    UpstreamInvalid,
)
from gearshift.execution.credentials import Credentials
from gearshift.execution.embedding import EmbeddingInterpreter
from gearshift.execution.interpreter import Interpreter
from gearshift.execution.machine import Ended, Failed, Limits, Ready, Send, Signal
from gearshift.execution.metering import Meter
from gearshift.execution.order import Order
from gearshift.execution.outlet import FAREWELL, Outlet, farewell, taken
from gearshift.execution.proof import Outgoing
from gearshift.execution.refusal import late_refusal, no_stream, refusal
from gearshift.execution.upstream import Reply, Upstream
from gearshift.execution.watchdog import Phase, Watchdog
from gearshift.protocols.codec import Codec, StreamRelay
from gearshift.protocols.crossing import Stamp
from gearshift.protocols.namespaces import Namespaces
from gearshift.types.catalog import Deployment, Seconds
from gearshift.types.embedding import EmbeddingRequest
from gearshift.types.record import Attempt

MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_HELD_BYTES = 1024 * 1024
"""Bytes of a stream that may come before its first content."""
TERMINATOR_GRACE: Seconds = 1.0
"""How long a stream that owes nothing more may still take to send its terminator."""
USAGE_GRACE: Seconds = 10.0
"""How long a stream whose answers are complete may still take to send the usage that it was asked for."""
_UNBELIEVED = 401


class Means(Struct, frozen=True, kw_only=True):
    """Hold what every call needs; `clock` is monotonic, in seconds, `wall_clock` in seconds since the epoch."""

    upstream: Upstream
    codecs: Mapping[str, Codec]
    credentials: Credentials
    clock: Callable[[], float]
    wall_clock: Callable[[], float]


class _Stream(NamedTuple):
    """Hold a stream under way: where its bytes come from, and what patches them."""

    reply: Reply
    relay: StreamRelay


def _interpreter(order: Order, deployment: Deployment, means: Means) -> Interpreter | EmbeddingInterpreter:
    match order.request:
        case EmbeddingRequest() as request:
            return EmbeddingInterpreter(order, request, deployment)
        case request:
            stamp = Stamp(order.exchange_id, int(means.wall_clock()), Namespaces(request.tools))
            return Interpreter(order, request, deployment, means.codecs, stamp)


class Call:
    """Make one upstream call."""

    def __init__(self, means: Means, order: Order, command: Send, limits: Limits) -> None:
        """Prepare the call that `command` asks for, for the running task."""
        self._means = means
        self._order = order
        self._limits = limits
        self._deployment = command.deployment
        self._interpreter = _interpreter(order, command.deployment, means)
        self._watch = Watchdog(command.remaining)
        self._meter = Meter(command.attempt_id, command.deployment, self._now())
        self._reply: Reply | None = None
        self._stream: _Stream | None = None
        self._held = b""
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
            begun = self._stream is not None and self._stream.relay.content_seen
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
        return Ended(at=self._now(), error=error)

    async def _open(self) -> Reply:
        """Connect, send the request and read the head; raise UpstreamRefused on an error status."""
        order, provider, limits = self._order, self._deployment.provider, self._limits
        stream = order.request.stream
        body = self._interpreter.request()
        call = Outgoing(self._interpreter.url, self._interpreter.headers, body)
        proven = await self._means.credentials.prove(provider, call, self._means.upstream)
        first, whole = limits.first_token_timeout, limits.answer_timeout
        self._watch.arm(*(("first_token", first) if stream else ("answer", whole)))
        self._called = True
        self._reply = reply = await self._means.upstream.post(
            proven.url, proven.body, proven.headers, limits.connect_timeout, self._meter.begin
        )
        self._meter.status = reply.status
        if reply.status != 200:  # noqa: PLR2004
            if reply.status == _UNBELIEVED:
                self._means.credentials.refused(provider)
            self._watch.arm("answer", whole)  # the status decides, not the timer of a first token
            raise await refusal(reply, self._deployment, self._means.wall_clock())
        return reply

    async def _whole_answer(self, reply: Reply) -> None:
        """Read and check an answer that is not streamed."""
        facts, self._held = self._interpreter.answer(await reply.read(MAX_ANSWER_BYTES))
        self._meter.learn(facts)

    async def _first_content(self, reply: Reply) -> None:
        """Read a stream until its first content; what comes before it is held back."""
        expected = self._interpreter.stream_type
        if reply.content_type != expected:
            raise await no_stream(reply, self._deployment, expected)
        relay = self._interpreter.relay()
        self._stream = _Stream(reply, relay)
        held: list[bytes] = []
        size = 0
        while relay.failure is None and not (relay.content_seen or relay.complete):
            data = await reply.chunk()
            if not data:
                relay.close()
                break
            out = relay.feed(data)
            held.append(out)
            size += len(out)
            if size > MAX_HELD_BYTES and not relay.content_seen:
                message = f"{self._deployment.id}: {size} bytes of stream without any content"
                raise UpstreamInvalid(message, upstream_status=reply.status)
        if relay.failure is not None:  # nothing was passed on yet: better another's whole answer than a piece of this
            raise relay.failure
        self._held = b"".join(held)

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

    async def _pass_stream(self, outlet: Outlet, stream: _Stream) -> UpstreamError | None:
        """Pass a stream on; give the error that broke it, after the caller was told in band."""
        broken: UpstreamError | None = None
        try:
            with self._watch.guard():
                await self._relay_all(outlet, stream)
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
        await farewell(outlet.finish(self._order.codec.encode_stream_error(broken)), outlet)
        return broken

    async def _relay_all(self, outlet: Outlet, stream: _Stream) -> None:
        """Relay the head, what was held back and what follows, until the end or a moment after nothing more is owed."""
        (reply, relay), watch, stall = stream, self._watch, self._limits.stall_timeout
        graces = {"stall": stall, "usage": min(stall, USAGE_GRACE), "terminator": TERMINATOR_GRACE}
        watch.pause()
        await outlet.start(200, self._order.head(self._meter))
        await outlet.write(self._held)
        present: Phase | None = None
        while not relay.ended:
            due = self._due(relay) if relay.complete else "stall"
            if due != present:
                present = due
                watch.arm(due, graces[due])
            data = await reply.chunk()
            if not data:
                return relay.close()
            if out := relay.feed(data):
                watch.pause()
                await outlet.write(out)
            if relay.failure is not None:
                raise relay.failure
            if out or present == "stall":
                watch.touch()
        return None

    def _due(self, relay: StreamRelay) -> Phase:
        """Say what a stream whose answers are complete still has to send."""
        asked = self._deployment.provider.quirks.stream_usage
        return "usage" if asked and relay.usage is None else "terminator"

    def _record(self, error: GearshiftError | None) -> Attempt:
        """Close the books on this call, with all that its stream has told."""
        if self._stream is not None:
            self._meter.learn(self._stream.relay)
        self._meter.losses = self._interpreter.losses
        if error is not None:
            error.message = self._means.credentials.redact(self._deployment.provider, error.message)
        attempt = self._meter.attempt(self._order.request, self._now(), error)
        self._order.attempts.append(attempt)
        self._recorded = True
        return attempt

    def _abandon(self, error: BaseException) -> None:
        """Record and close a call that was cancelled, whose caller has left, or that failed in our own code."""
        if self._called and not self._recorded:
            match error:
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
