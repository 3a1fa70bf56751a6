"""Own one attempt: an upstream call from its first byte to its record.

    send    ask (`inquiry`) until the first content, or the whole answer, is here
    commit  pass the held bytes and all that follows on to the caller; meter; end, or say how it broke

Invariants: the upstream is let go of on every way out, cancellation included (but see `draining`), and never waits for
a slow caller once its answer is complete; a stream that breaks is never given a terminator; every call that was made
leaves exactly one `Attempt`.
"""

from __future__ import annotations

import asyncio
from typing import Final

from gearshift.errors import (
    CallerLeft,
    CannotCarry,
    GearshiftError,
    InternalError,
    InvalidRequest,
    NoRoom,
    Outrun,
    OverLimit,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRefused,
)
from gearshift.execution import acceptance
from gearshift.execution.books import begun, ended
from gearshift.execution.bounds import Limits
from gearshift.execution.commands import Ended, Failed, Ready, Send, Signal
from gearshift.execution.draining import LONGEST
from gearshift.execution.fetching import Files
from gearshift.execution.inquiry import Inquiry
from gearshift.execution.means import Means
from gearshift.execution.metering import Meter, whole
from gearshift.execution.order import Order
from gearshift.execution.outlet import FAREWELL, Outlet, taken
from gearshift.execution.passage import Passage
from gearshift.execution.refusal import late_refusal
from gearshift.execution.transcript import said, spoken, written
from gearshift.execution.watchdog import Watchdog
from gearshift.protocols.resuming import Told
from gearshift.types.catalog import Seconds
from gearshift.types.record import Attempt

_UNBELIEVED: Final = 401


class Call:
    """Make one upstream call."""

    def __init__(self, means: Means, order: Order, command: Send, limits: Limits, before: Call | None = None) -> None:
        """Prepare the call that `command` asks for; `before` is the last one of the exchange."""
        self._means = means
        self._order = order
        self._limits = limits
        self.files: Files = Files(means.fetcher) if before is None else before.files
        """What was fetched for the exchange."""
        self.deployment = command.deployment
        self.attempt_id = command.attempt_id
        self._buffered = command.buffered
        self._watch = Watchdog(command.remaining)
        self._meter = Meter(command.attempt_id, command.deployment, self._now())
        self._inquiry = Inquiry(means, order, limits, self._watch, self._meter)
        self.told: Told | None = before.told if command.purpose == "resume" and before is not None else None
        """What the caller has of a stream that broke, where somebody else can go on with it."""
        self.verdict = ""
        """What a judge said of its answer."""
        self._resumes = self.told is not None
        if self.told is not None:
            self._inquiry.interpreter.resume(self.told, prefill=command.prefill)
        self._meter.purpose = command.purpose
        self.outrun = False
        """Another attempt for the same answer was sooner."""
        self._recorded = False
        self._drained = False  # the rest is read aside, and the record is made there

    async def send(self) -> Ready | Failed:
        """Call the upstream and wait until the first content, or the whole answer, is here."""
        try:
            with self._watch:
                await self._inquiry.ask(self.files, buffered=self._buffered)
        except InvalidRequest as error:
            return self._fail(CannotCarry(error))
        except OverLimit as error:
            return self._fail(NoRoom(error))
        except UpstreamError as error:
            return self._fail(self._understood(error))
        except BaseException as error:
            self._abandon(error)
            raise
        self._meter.first_token = self._now()
        return Ready(at=self._meter.first_token)

    def _understood(self, error: UpstreamError) -> UpstreamError:
        """Give what an error means that came before any content; who did not believe us may believe another proof."""
        stream = self._inquiry.stream
        said = error if stream is not None and stream.relay.answer_bytes else late_refusal(error, self.deployment)
        if isinstance(said, UpstreamRefused) and said.upstream_status == _UNBELIEVED:
            said.renewable = self._means.credentials.refused(self.deployment.provider)
        return said

    def _fail(self, error: UpstreamError) -> Failed:
        self._record(error)
        self._close()
        return Failed(at=self._now(), error=error)

    @property
    def answer(self) -> str:
        """Give the answer as a judge is shown it, where all of it is here."""
        codec = self._means.codecs[self._order.codec.name]
        stream, whole_answer = self._inquiry.stream, self._inquiry.held
        return acceptance.shown(said(codec, whole_answer if stream is None else stream.held))

    def take(self) -> None:
        """Let go of an answer that we keep for ourselves."""
        self.let_go(None)

    def drop(self) -> None:
        """Let go of a call that was outrun, whether it has content or not; what is paid for whole is read on."""
        error = Outrun("another attempt had content sooner")
        if self._drained or self._recorded or not self._read_on(error):
            self.let_go(error)

    def let_go(self, error: GearshiftError | None) -> None:
        """Close the books on a call whose answer nobody gets, because of `error`."""
        if self._drained:
            return
        if self._inquiry.called and not self._recorded:
            self._record(error)
        self._close()

    async def commit(self, outlet: Outlet) -> Signal:
        """Pass the answer on to the caller, to its end."""
        try:
            if self._inquiry.stream is None:
                await self._pass_whole(outlet)
                error = None
            else:
                error = await self._pass_stream(outlet, self._inquiry.stream)
        except BaseException as failure:
            self._abandon(failure)
            if isinstance(failure, CallerLeft):
                outlet.abort()
            raise
        finally:
            if self._inquiry.stream is not None:
                self._order.spoken = self._inquiry.stream.relay.number
        return Ended(at=self._now(), error=error, resumable=self.told is not None and not self._resumes)

    async def _pass_whole(self, outlet: Outlet) -> None:
        self._close()
        attempt = self._record(None)
        body = self._order.codec.patch_response(self._inquiry.held, self._order.edits(attempt))
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
            with self._watch:
                self._watch.pause()
                if not self._resumes:
                    await outlet.start(200, self._order.head(self._meter))
                await stream.pass_on(outlet)
        except UpstreamError as error:
            # Once all answers are complete nothing more is owed, and we make the end ourselves.
            broken = None if stream.relay.complete and not isinstance(error, UpstreamInvalid) else error
        attempt = self._record(broken)
        self._close()
        if broken is None:
            send_usage = self._order.request.include_usage is not False
            end = stream.relay.end(
                self._order.edits(whole(attempt, self._inquiry.interpreter.given)), send_usage=send_usage
            )
            await taken(outlet.finish(end), max(self._watch.remaining, FAREWELL))
            return None
        if self._limits.rescue and not self._resumes and stream.sent.whole:
            self.told = self._inquiry.interpreter.told(stream.sent.pieces)
        return broken

    def _record(self, error: GearshiftError | None) -> Attempt:
        """Close the books on this call, with all that its stream has told."""
        if self._inquiry.stream is not None:
            self._meter.learn(self._inquiry.stream.relay)
        elif error is not None and self._inquiry.reply is not None:
            self._meter.answer_bytes = self._inquiry.reply.received
        if self._inquiry.called and (error is not None or self._meter.usage is None):
            self._meter.sample = self._sample()
        self._meter.losses = self._inquiry.interpreter.losses
        if error is not None:
            error.message = self._means.credentials.redact(self.deployment.provider, error.message)
        attempt = self._meter.attempt(self._order.request, self._now(), error)
        entry = self._inquiry.entry or begun(self._order, self._meter, self._means.wall_clock())
        done = ended(entry, attempt)
        self._means.books.finished(done)
        self._means.allowance.settle(done)
        self._order.attempts.append(attempt)
        self._recorded = True
        return attempt

    def _sample(self) -> str:
        """Give a beginning of the answer's text, as far as there is one."""
        codec = self._means.codecs.get(self._order.codec.name)
        if codec is None:  # vectors are no text
            return ""
        if self._inquiry.stream is None:
            return written(codec, self._inquiry.held)
        told = self.told.text if self._resumes and self.told is not None else ""
        return told or spoken(codec, self._inquiry.stream.beginning())

    def _abandon(self, error: BaseException) -> None:
        """Record and close a call that was cancelled, whose caller has left, or that failed in our own code."""
        if self._inquiry.called and not self._recorded:
            match error:
                case asyncio.CancelledError() if self.outrun:
                    return  # `drop` follows
                case asyncio.CancelledError() | CallerLeft():
                    why = error if isinstance(error, CallerLeft) else self._order.cancelled()
                    if isinstance(why, CallerLeft) and self._read_on(why):
                        return
                    self._record(why)
                case _:
                    self._record(InternalError.of(error))
        self._close()

    def _read_on(self, why: CallerLeft | Outrun) -> bool:
        """Read the rest aside where it is paid for in any case; say whether that is done."""
        if not self._inquiry.is_paid_whole or not self._meter.sent:
            return False
        self._watch.stop()
        task = self._means.drains.begin(lambda: self._drain(why))
        if task is not None:
            self._order.draining.append(task)
        self._drained = task is not None
        return self._drained

    async def _drain(self, why: CallerLeft | Outrun) -> None:
        """Read the rest to nobody, as far as that goes, and record what has become known of it."""
        outcome: GearshiftError = why
        try:
            async with asyncio.timeout(LONGEST):
                await self._inquiry.rest()
        except UpstreamRefused as refused:
            outcome = refused
        except (TimeoutError, UpstreamError):
            pass  # what came is known, the rest is estimated
        finally:
            self._record(outcome)
            self._close()

    def _close(self) -> None:
        self._watch.stop()
        self._inquiry.close()

    def _now(self) -> Seconds:
        return self._means.clock() - self._order.began
