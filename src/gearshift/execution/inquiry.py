"""Own what is asked of one upstream, and how its answer is taken in.

    ask     fetch, prove ─> connect ─> head ─> (stream) bytes until the first content, held back
                                            ─> (whole)  the body, checked
    rest    where the caller left: what remains of it, to nobody

Invariants: `close` lets go of all that is open, at any moment; a step that `rest` goes on with outlives the
cancellation of who waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from gearshift.errors import LedgerUnavailable
from gearshift.execution.allowance import need_of
from gearshift.execution.aside import aside
from gearshift.execution.books import begun
from gearshift.execution.bounds import Limits
from gearshift.execution.fetching import Files
from gearshift.execution.means import Means
from gearshift.execution.metering import Meter
from gearshift.execution.order import Order
from gearshift.execution.passage import Bounds, Passage
from gearshift.execution.patience import between_content, first_content
from gearshift.execution.proof import Outgoing
from gearshift.execution.refusal import no_stream, refusal
from gearshift.execution.upstream import OK, Reply
from gearshift.execution.watchdog import Watchdog
from gearshift.types.catalog import Seconds
from gearshift.types.ledger import LedgerRow

MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
T = TypeVar("T")


class Inquiry:
    """Ask one upstream."""

    def __init__(self, means: Means, order: Order, limits: Limits, watch: Watchdog, meter: Meter) -> None:
        """Take what is asked, by which means, within which bounds; what is learnt is told to `meter`."""
        self._means = means
        self._order = order
        self._limits = limits
        self._watch = watch
        self._meter = meter
        self._deployment = meter.deployment
        self.interpreter = means.interpreter(order, meter.deployment)
        self.reply: Reply | None = None
        self.stream: Passage | None = None
        self.held = b""
        """A whole answer, as the caller's protocol has it."""
        self.called = False
        self.entry: LedgerRow | None = None
        """What the ledger was told before the call."""
        self._step: asyncio.Task[Any] | None = None

    @property
    def is_paid_whole(self) -> bool:
        """Say whether the upstream charges for the whole answer, though its caller leaves."""
        return self._deployment.provider.quirks.on_cancel == "drain"

    async def ask(self, files: Files, *, buffered: bool = False) -> None:
        """Ask, and wait until the first content, or the whole answer, is here; `files` fetch what is said as bytes.

        `buffered`: of a stream too, the whole is waited for.
        """
        reply = await self._open(files)
        if self._order.request.stream:
            stream = await self._begun(reply)
            await (stream.whole() if buffered else stream.begin())
        else:
            await self._lasting(self._whole(reply))

    async def rest(self) -> None:
        """Go on where the caller left, to nobody."""
        if self._step is not None:
            await self._step
        reply = self.reply
        if reply is None:
            return
        await self._check(reply)
        if self._order.request.stream:
            await (self.stream or await self._begun(reply)).drain()
        elif not self.held:
            await self._whole(reply)

    def close(self) -> None:
        """Let go of the upstream."""
        if self._step is not None and not self._step.done():
            self._step.cancel()
        if self.reply is None:
            return
        if self.stream is not None and self.stream.relay.ended:
            self.reply.release()
        else:
            self.reply.close()

    async def _open(self, files: Files) -> Reply:
        """Fetch what is said as bytes, send the request and read the head; raise UpstreamRefused on an error status."""
        order, provider = self._order, self._deployment.provider
        if wants := self.interpreter.wants:
            self._watch.arm("total", self._watch.remaining)
            self.interpreter.take(await files.get(wants, provider.id))
        body = await aside(len(order.body), self.interpreter.request)
        call = Outgoing(self.interpreter.url, self.interpreter.headers, body)
        proven = await self._means.credentials.prove(provider, call, self._means.upstream)
        patience = first_content(self._limits, self._deployment, order.request)
        self._watch.arm("first_token" if order.request.stream else "answer", patience)
        self.entry = begun(order, self._meter, self._means.wall_clock())
        await self._written_down(self.entry)
        self.called = True
        reply = await self._lasting(self._post(proven))
        await self._check(reply)
        return reply

    async def _written_down(self, entry: LedgerRow) -> None:
        """Hold what the call needs, and write down that it is made; raise OverLimit or LedgerUnavailable."""
        allowance = self._means.allowance
        if not allowance.idle:
            await allowance.reserve(entry, self._order, need_of(self._order, self._deployment, entry.bound))
        try:
            self._means.books.started(entry)
        except LedgerUnavailable:
            allowance.settle(replace(entry, billing="not_sent"))
            raise

    async def _post(self, call: Outgoing) -> Reply:
        """Send the request and wait for the head of its answer."""
        patience = self._limits.connect_timeout
        self.reply = reply = await self._means.upstream.post(
            call.url, call.body, call.headers, patience, self._meter.begin
        )
        self._meter.status = reply.status
        return reply

    async def _check(self, reply: Reply) -> None:
        """Raise UpstreamRefused on an error status."""
        if reply.status == OK:
            return
        self._watch.arm("answer", self._limits.answer_timeout)  # the status decides, not the timer of a first token
        raise await refusal(reply, self._deployment, self._means.wall_clock())

    async def _whole(self, reply: Reply) -> None:
        """Read and check an answer that is not streamed."""
        facts, self.held = self.interpreter.answer(await reply.read(MAX_ANSWER_BYTES))
        self._meter.learn(facts)

    async def _begun(self, reply: Reply) -> Passage:
        """Take the head of a stream."""
        order, deployment, limits = self._order, self._deployment, self._limits
        expected = self.interpreter.stream_type
        if reply.content_type != expected:
            raise await no_stream(reply, deployment, expected)
        bounds = Bounds(
            stall=limits.stall_timeout,
            content=between_content(limits, deployment, order.request),
            usage=deployment.provider.quirks.stream_usage,
        )
        self.stream = Passage(reply, self.interpreter.relay(), self._watch, bounds, self._now)
        return self.stream

    async def _lasting(self, step: Coroutine[Any, Any, T]) -> T:
        """Take a step that goes on though the caller leaves, where the provider charges for the whole answer."""
        if not self.is_paid_whole:
            return await step
        self._step = task = asyncio.ensure_future(step)
        return await asyncio.shield(task)

    def _now(self) -> Seconds:
        return self._means.clock() - self._order.began
