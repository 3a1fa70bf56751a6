"""Own the plan: which attempt comes next, told as a pure generator of commands.

The driver performs each command and sends back a signal. One exchange is one walk over the decision's candidates:

    Send ──> Ready                the first content (stream) or the whole answer is there
               Commit ──> Ended   end: answered; or broken in the caller's sight, and then, once, where another can
                                  go on with the answer: Send (resume) ──> Ready, Commit ──> Ended
         ──> Failed               `retry.after` says: the same target again (Sleep ──> Slept), another one, or none

A candidate that is cooling (`health`) is passed over; when all are, the walk waits for the first that is back, or says
when that will be. A retry never takes the place of a candidate that has not been tried.

Invariants: no content reaches the caller before Commit; after Commit another candidate is only asked to go on with the
very same text. At most `max_attempts` are made, none after the deadline. Every Send carries its own attempt id,
`<exchange id>-<number>`.
"""

from __future__ import annotations

from collections.abc import Generator
from math import ceil

from msgspec import Struct
from msgspec.structs import replace

from gearshift.errors import DeadlineExceeded, NoHealthyDeployment, UpstreamError, UpstreamTimeout
from gearshift.execution.commands import Command, Commit, Ended, Failed, Ready, Send, Signal, Sleep, Verdict
from gearshift.execution.guards import Guards
from gearshift.execution.health import Cooling, Pass
from gearshift.execution.retry import MAX_INLINE_WAIT, Again, Elsewhere, after
from gearshift.types.catalog import Deployment, Seconds
from gearshift.types.decision import Decision
from gearshift.types.record import Purpose


class Limits(Struct, frozen=True, kw_only=True):
    """Hold the bounds of one exchange, in seconds but for `max_attempts` and `retries`, those of one target.

    `first_token_timeout`, `stall_timeout` (nothing comes) and `content_timeout` (nothing but signs of life) bound a
    stream; an answer that is not streamed comes all at once, and has `answer_timeout` for it. `reasoning_timeout` takes
    the place of a shorter one where the model thinks. `first_content` is the caller's own bound for each attempt to
    begin to answer. `deadline` bounds all attempts together. `keep_alive` is how long a stream may be quiet before its
    caller gets a sign of life; 0: for ever. `rescue`: another may go on with a stream that broke. A stream without
    content after `hedge_after` is asked of a second deployment too; None: never.
    """

    max_attempts: int = 3
    retries: int = 1
    deadline: Seconds = 600.0
    connect_timeout: Seconds = 5.0
    first_token_timeout: Seconds = 10.0
    answer_timeout: Seconds = 300.0
    stall_timeout: Seconds = 30.0
    content_timeout: Seconds = 60.0
    reasoning_timeout: Seconds = 120.0
    first_content: Seconds | None = None
    keep_alive: Seconds = 10.0
    rescue: bool = True
    hedge_after: Seconds | None = None
    allow_fallbacks: bool = True


def execute(
    decision: Decision, exchange_id: str, limits: Limits, guards: Guards, began: Seconds
) -> Generator[Command, Signal, Verdict]:
    """Walk the plan of `decision`; yield commands, take signals, return the verdict.

    `began` is when the exchange did, on the clock that `guards` go by.
    """
    return (yield from _Walk(decision, exchange_id, limits, guards, began).walk())


class _Walk:
    """Be one walk; `now` is seconds since the exchange began."""

    def __init__(self, decision: Decision, exchange_id: str, limits: Limits, guards: Guards, began: Seconds) -> None:
        self.now: Seconds = 0.0
        self.made = 0
        self.error: UpstreamError | None = None
        self.too_small: int | None = None
        self.serving: Send | None = None
        self._id, self._limits, self._guards, self._began = exchange_id, limits, guards, began
        candidates = [each.deployment for step in decision.plan for each in step.candidates]
        self.untried = candidates if limits.allow_fallbacks else candidates[:1]

    def walk(self) -> Generator[Command, Signal, Verdict]:
        """Try one candidate after the other."""
        self._guards.retries.earn(self._began)
        cooling: list[tuple[Seconds, Deployment, str]] = []
        while self.untried and self.made < self._limits.max_attempts:
            deployment = self.untried.pop(0)
            if not self._helps(deployment):
                continue
            admitted = self._admit(deployment)
            if isinstance(admitted, Cooling):
                cooling.append((admitted.until - self._began, deployment, admitted.why))
                continue
            verdict = yield from self._try(deployment, admitted)
            if verdict is not None:
                return verdict
        if self.error is None and cooling:
            return (yield from self._wait_for(*min(cooling, key=lambda each: each[0])))
        return Verdict(committed=False, error=self.error)

    def _try(self, deployment: Deployment, admitted: Pass) -> Generator[Command, Signal, Verdict | None]:
        """Try `deployment`, again where that makes sense; give the verdict where the walk ends with it."""
        for tries in range(1, self._limits.max_attempts + 1):
            verdict = yield from self._attempt(deployment, admitted)
            if verdict is not None:
                return verdict
            error = self.error
            if error is None:  # for the type checker: an attempt without a verdict has failed
                return None
            move = after(error, tries, self._limits.retries, self._guards.dice.random())
            if isinstance(move, Elsewhere):
                if move.larger:
                    self.too_small = max(self.too_small or 0, deployment.context_window or 0)
                return None
            if not isinstance(move, Again):
                return Verdict(committed=False, error=error)
            if not self._may_retry(move):
                return None
            if move.wait:
                self.now = (yield Sleep(seconds=move.wait)).at
            again = self._admit(deployment)
            if isinstance(again, Cooling):
                return None
            admitted = again
        return None

    def _attempt(self, deployment: Deployment, admitted: Pass) -> Generator[Command, Signal, Verdict | None]:
        """Make one attempt; None: it failed, and `error` says how."""
        error = self.error = yield from self._race(deployment, admitted)
        if error is None:
            return (yield from self._answer())
        late = isinstance(error, UpstreamTimeout) and error.phase == "total"
        if late or self.now >= self._limits.deadline:
            return Verdict(committed=False, error=_too_late(self._limits, error))
        return None

    def _answer(self) -> Generator[Command, Signal, Verdict]:
        """Pass the answer on; where it breaks and another can go on with it, let that one."""
        broke, error, resumable = yield from self._commit()
        heir = self._heir(broke, error) if error is not None and resumable else None
        if heir is not None:
            self.serving = send = self._call(heir[0], "resume")
            if (yield from self._send(send, *heir)).error is None:
                _, error, _ = yield from self._commit()
        return Verdict(committed=True, error=error)

    def _race(self, deployment: Deployment, admitted: Pass) -> Generator[Command, Signal, UpstreamError | None]:
        """Call `deployment`, and a second one where it takes long to begin; give the error where none has content."""
        rival = self._rival()
        self.serving = send = self._call(deployment, "answer")
        if rival is None:
            return (yield from self._send(send, deployment, admitted)).error
        other, pass_of_other = rival
        hedge, after = self._call(other, "hedge", self.made + 2), self._limits.hedge_after or 0.0
        told = False
        try:
            signal = yield from self._send(replace(send, hedge=hedge, hedge_after=after), deployment, admitted)
            told = True
        finally:
            if not told:
                self._guards.health.void(pass_of_other)
        if signal.hedged is None:
            self._guards.health.void(pass_of_other)
            return signal.error if isinstance(signal, Failed) else None
        self.made += 1
        self.untried.remove(other)
        if signal.hedged.won or signal.hedged.error is not None:
            self._note(pass_of_other, other, signal.hedged.error)
        else:
            self._guards.health.void(pass_of_other)
        self.serving = hedge if signal.hedged.won else send
        return signal.error if isinstance(signal, Failed) else None

    def _send(self, send: Send, deployment: Deployment, admitted: Pass) -> Generator[Command, Signal, Ready | Failed]:
        """Make a call, and learn how it went."""
        self.made += 1
        ended = False
        try:
            signal = yield send
            ended = True
        finally:
            if not ended:  # cancelled: its caller has left
                self._guards.health.void(admitted)
        self.now = signal.at
        if not isinstance(signal, Ready | Failed):
            message = f"found {signal!r} in answer to {send!r}"
            raise TypeError(message)
        if signal.error is None and signal.hedged is not None and signal.hedged.won:
            self._guards.health.void(admitted)  # it was outrun, which is no failure
        else:
            self._note(admitted, deployment, signal.error)
        return signal

    def _call(self, deployment: Deployment, purpose: Purpose, number: int | None = None) -> Send:
        attempt_id = f"{self._id}-{self.made + 1 if number is None else number}"
        remaining = self._limits.deadline - self.now
        return Send(attempt_id=attempt_id, deployment=deployment, remaining=remaining, purpose=purpose)

    def _rival(self) -> tuple[Deployment, Pass] | None:
        """Give who is asked too where the answer takes long to begin."""
        if self._limits.hedge_after is None or self.made + 2 > self._limits.max_attempts:
            return None
        return self._first_admitted(self.untried)

    def _commit(self) -> Generator[Command, Signal, tuple[Deployment, UpstreamError | None, bool]]:
        """Pass the answer on; give who gave it, the error that broke it, and whether another can go on with it."""
        serving = self.serving
        if serving is None:
            message = "nobody was called yet"
            raise RuntimeError(message)
        signal = yield Commit(attempt_id=serving.attempt_id)
        self.now = signal.at
        if not isinstance(signal, Ended) or signal.error is None:
            return serving.deployment, None, False
        self._note(Pass(), serving.deployment, signal.error)
        return serving.deployment, signal.error, signal.resumable

    def _heir(self, deployment: Deployment, error: UpstreamError) -> tuple[Deployment, Pass] | None:
        """Give who is to go on with an answer that `deployment` broke off: another one, or, if it was cut, itself."""
        late = isinstance(error, UpstreamTimeout) and error.phase == "total"
        if late or self.made >= self._limits.max_attempts or self.now >= self._limits.deadline:
            return None
        again = [] if isinstance(error, UpstreamTimeout) else [deployment]
        return self._first_admitted([*self.untried, *again])

    def _first_admitted(self, candidates: list[Deployment]) -> tuple[Deployment, Pass] | None:
        for each in filter(self._helps, candidates):
            admitted = self._admit(each)
            if isinstance(admitted, Pass):
                return each, admitted
        return None

    def _wait_for(self, until: Seconds, deployment: Deployment, why: str) -> Generator[Command, Signal, Verdict]:
        """Wait for the first of those that are cooling, or say when it will be back."""
        wait = until - self.now
        if wait <= MAX_INLINE_WAIT and until < self._limits.deadline:
            self.now = (yield Sleep(seconds=max(0.0, wait))).at
            admitted = self._admit(deployment)
            if isinstance(admitted, Pass):
                verdict = yield from self._try(deployment, admitted)
                return verdict or Verdict(committed=False, error=self.error)
            wait, why = admitted.until - self._began - self.now, admitted.why
        message = (
            f"every model that fits rests after failures; {deployment.id}, which failed with {why}, is the first to be "
            f"asked again, in {max(0.0, wait):.1f} s: try again then, or add a fallback"
        )
        return Verdict(committed=False, error=NoHealthyDeployment(message, retry_after=max(1, ceil(wait))))

    def _may_retry(self, move: Again) -> bool:
        """Say whether the same target may be tried again: in time, within the budget, and in nobody's place."""
        left = self._limits.max_attempts - self.made
        others = sum(1 for each in self.untried if self._helps(each))
        if left <= others or left <= 0 or self.now + move.wait >= self._limits.deadline:
            return False
        return self._guards.retries.spend(self._began + self.now)

    def _helps(self, deployment: Deployment) -> bool:
        """Say whether a candidate may do better than those that found the prompt too long."""
        window = deployment.context_window
        return self.too_small is None or (window is not None and window > self.too_small)

    def _admit(self, deployment: Deployment) -> Pass | Cooling:
        return self._guards.health.admit(deployment, self._began + self.now)

    def _note(self, admitted: Pass, deployment: Deployment, error: UpstreamError | None) -> None:
        self._guards.health.ended(admitted, deployment, error, self._began + self.now)


def _too_late(limits: Limits, last: UpstreamError) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"no answer within the deadline of {limits.deadline:g} s; the last attempt said: {last.message}; "
        "raise reliability.deadline (or x-gearshift-timeout-ms), or lower the timeouts of an attempt"
    )
