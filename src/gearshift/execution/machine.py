"""Own the plan: which attempt comes next, told as a pure generator of commands.

The driver performs each command and sends back a signal. One exchange is one walk over the decision's candidates:

    Send ──> Ready                the first content (stream) or the whole answer is there
               Judge ──> Judged   in a step of a cascade: good enough, or on to the next step
               Commit ──> Ended   end: answered; or broken in the caller's sight, and then, once, where another can
                                  go on with the answer: Send (resume) ──> Ready, Commit ──> Ended
         ──> Failed               `retry.after` says: the same target again (Sleep ──> Slept), another one, or none

An answer that was turned down is kept, and given after all where no later step has one.

A candidate that is cooling (`health`) is passed over; when all are, the walk waits for the first that is back, or says
when that will be. A retry never takes the place of a candidate that has not been tried.

Invariants: no content reaches the caller before Commit, none of a step with acceptance before it was judged; after
Commit another candidate is only asked to go on with the very same text. At most `max_attempts` are made, but one for
each step, and none after the deadline. Every Send carries its own attempt id, `<exchange id>-<number>`.
"""

from __future__ import annotations

from collections.abc import Generator
from itertools import count
from math import ceil
from typing import Final

from msgspec.structs import replace

from gearshift.errors import (
    DeadlineExceeded,
    GearshiftError,
    NoHealthyDeployment,
    NotAccepted,
    StreamBroken,
    UpstreamError,
    UpstreamTimeout,
)
from gearshift.execution.bounds import Limits
from gearshift.execution.commands import (
    Command,
    Judge,
    Judged,
    Send,
    Signal,
    Sleep,
    Verdict,
)
from gearshift.execution.guards import Guards
from gearshift.execution.health import CALLERS_KINDS, Cooling, Pass
from gearshift.execution.retry import MAX_INLINE_WAIT, Again, Elsewhere, after, takes_no_beginning
from gearshift.execution.trials import NOBODY, Trials
from gearshift.types.catalog import Deployment, Seconds
from gearshift.types.decision import Accept, Decision

_TURNED_DOWN: Final = NotAccepted("the answer was not good enough")


def execute(
    decision: Decision, exchange_id: str, limits: Limits, guards: Guards, began: Seconds
) -> Generator[Command, Signal, Verdict]:
    """Walk the plan of `decision`; yield commands, take signals, return the verdict.

    `began` is when the exchange did, on the clock that `guards` go by.
    """
    return (yield from _Walk(decision, exchange_id, limits, guards, began).walk())


class _Walk(Trials):
    """Be one walk; `now` is seconds since the exchange began, when its request arrived."""

    def __init__(self, decision: Decision, exchange_id: str, limits: Limits, guards: Guards, began: Seconds) -> None:
        stages = _stages(decision, limits)
        super().__init__(exchange_id, limits, guards, began, most=max(limits.max_attempts, len(stages)))
        self._stages = stages
        self.error: UpstreamError | None = None
        self.spare: Send | None = None
        self.later = 0

    def walk(self) -> Generator[Command, Signal, Verdict]:
        """Take one step after the other."""
        if self.now >= self._limits.deadline:
            return Verdict(committed=False, error=_too_late(self._limits, "it passed before anybody was asked"))
        self._guards.retries.earn(self._began)
        last: GearshiftError = _TURNED_DOWN
        for number, (accept, candidates) in enumerate(self._stages, start=1):
            self.later = len(self._stages) - number
            self.accept, self.untried, self.error = accept, list(candidates), None
            verdict = yield from self._step()
            if verdict.committed:
                return verdict
            last = verdict.error or last
            if verdict.error is not None and _is_final(verdict.error):
                break
        if self.spare is not None:
            self.serving = self.spare
            return (yield from self._answer())
        return Verdict(committed=False, error=last)

    def _step(self) -> Generator[Command, Signal, Verdict]:
        """Try one candidate after the other."""
        cooling: list[tuple[Seconds, Deployment, str]] = []
        while self.untried and self._left > 0 and self.now < self._limits.deadline:
            deployment = self.untried.pop(0)
            if not self.helps(deployment):
                continue
            admitted = self.admit(deployment)
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
        for tries in count(1):
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
            again = self.admit(deployment)
            if isinstance(again, Cooling):
                return None
            admitted = again
        return None

    def _attempt(self, deployment: Deployment, admitted: Pass) -> Generator[Command, Signal, Verdict | None]:
        """Make one attempt; None: it failed, and `error` says how."""
        error = self.error = yield from self.race(deployment, admitted)
        if error is None and (self.accept is None or (yield from self._accepted(self.accept))):
            return (yield from self._answer())
        if error is None:
            return Verdict(committed=False, error=_TURNED_DOWN)
        late = isinstance(error, UpstreamTimeout) and error.phase == "total"
        if late or self.now >= self._limits.deadline:
            said = f"the last attempt said: {error.message}"
            return Verdict(committed=False, error=_too_late(self._limits, said))
        return None

    def _accepted(self, accept: Accept) -> Generator[Command, Signal, bool]:
        """Find out whether the answer is good enough; one that is not is kept."""
        serving, remaining = self.serving, self._limits.deadline - self.now
        if serving is None:
            raise RuntimeError(NOBODY)
        signal = yield Judge(
            attempt_id=serving.attempt_id,
            accept=accept,
            number=self.made + self.judged + 1,
            at=self.now,
            remaining=remaining,
        )
        self.now = signal.at
        if not isinstance(signal, Judged):
            message = f"found {signal!r}, expected a judgement"
            raise TypeError(message)
        self.judged += signal.made
        self.spare = self.spare if signal.accepted else serving
        return signal.accepted

    def _answer(self) -> Generator[Command, Signal, Verdict]:
        """Pass the answer on; where it breaks and another can go on with it, let that one."""
        broke, error, resumable = yield from self.commit()
        heir = self._heir(broke, error) if error is not None and resumable else None
        if heir is not None and (yield from self._resume(*heir)):
            _, error, _ = yield from self.commit()
        return Verdict(committed=True, error=error)

    def _resume(self, deployment: Deployment, admitted: Pass) -> Generator[Command, Signal, bool]:
        """Let `deployment` go on: from what was told, or, where it does not take that, by saying all again."""
        prefill = deployment.prefill != "none"
        self.serving = replace(self.call(deployment, "resume"), prefill=prefill)
        error = (yield from self.send(self.serving, deployment, admitted)).error
        if prefill and takes_no_beginning(error) and self.made < self._most and self.now < self._limits.deadline:
            again = self.admit(deployment)
            if isinstance(again, Pass):
                self.serving = self.call(deployment, "resume")
                error = (yield from self.send(self.serving, deployment, again)).error
        return error is None

    def _heir(self, deployment: Deployment, error: UpstreamError) -> tuple[Deployment, Pass] | None:
        """Give who is to go on with an answer that `deployment` broke off: another one, or, if it was cut, itself.

        Who can be given the beginning is asked first: it need not say the same again by chance.
        """
        late = isinstance(error, UpstreamTimeout) and error.phase == "total"
        refused = isinstance(error, StreamBroken) and error.kind in CALLERS_KINDS  # it would be routed around
        if late or refused or self.made >= self._most or self.now >= self._limits.deadline:
            return None
        again = [] if isinstance(error, UpstreamTimeout) else [deployment]
        return self.first_admitted(sorted([*self.untried, *again], key=lambda each: each.prefill == "none"))

    def _wait_for(self, until: Seconds, deployment: Deployment, why: str) -> Generator[Command, Signal, Verdict]:
        """Wait for the first of those that are cooling, or say when it will be back."""
        patience = min(self.now + MAX_INLINE_WAIT, self._limits.deadline)
        while until <= patience and until < self._limits.deadline:
            self.now = (yield Sleep(seconds=max(0.0, until - self.now))).at
            admitted = self.admit(deployment)
            if isinstance(admitted, Pass):
                verdict = yield from self._try(deployment, admitted)
                return verdict or Verdict(committed=False, error=self.error)
            until, why = admitted.until - self._began, admitted.why
        wait = until - self.now
        message = (
            f"every model that fits rests after failures; {deployment.id}, which failed with {why}, is the first to be "
            f"asked again, in {max(0.0, wait):.1f} s: try again then, or add a fallback"
        )
        return Verdict(committed=False, error=NoHealthyDeployment(message, retry_after=max(1, ceil(wait))))

    @property
    def _left(self) -> int:
        """Give how many attempts this step may still make: each later step has one of its own."""
        return self._most - self.made - self.later

    def _may_retry(self, move: Again) -> bool:
        """Say whether the same target may be tried again: in time, within the budget, and in nobody's place."""
        left = self._left
        others = sum(1 for each in self.untried if self.helps(each))
        if left <= others or left <= 0 or self.now + move.wait >= self._limits.deadline:
            return False
        return self._guards.retries.spend(self._began + self.now)


def _stages(decision: Decision, limits: Limits) -> list[tuple[Accept | None, list[Deployment]]]:
    """Give the candidates of each step; steps that accept whatever comes are one with those behind them."""
    stages: list[tuple[Accept | None, list[Deployment]]] = []
    for step in decision.plan:
        candidates = [each.deployment for each in step.candidates]
        if stages and stages[-1][0] is None and step.accept is None:
            stages[-1][1].extend(candidates)
        else:
            stages.append((step.accept, candidates))
    return stages if limits.allow_fallbacks else [(accept, candidates[:1]) for accept, candidates in stages]


def _is_final(error: GearshiftError) -> bool:
    """Say whether no later step could do better: the request itself is at fault, or time is out."""
    return isinstance(error, DeadlineExceeded) or (isinstance(error, UpstreamError) and not error.retryable)


def _too_late(limits: Limits, said: str) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"no answer within the deadline of {limits.deadline:g} s; {said}; "
        "raise reliability.deadline (or x-gearshift-timeout-ms), or lower the timeouts of an attempt"
    )
