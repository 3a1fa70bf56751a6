"""Own how a plan tries one target: the call, its hedge, and what is learned of the target's health from both.

Invariant: whoever was admitted is told of again (`ended` or `void`), whatever becomes of the walk.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from msgspec.structs import replace

from gearshift.errors import UpstreamError
from gearshift.execution.bounds import Limits
from gearshift.execution.commands import Command, Commit, Ended, Failed, Ready, Send, Signal
from gearshift.execution.guards import Guards
from gearshift.execution.health import Cooling, Pass
from gearshift.types.catalog import Deployment, Seconds
from gearshift.types.decision import Accept
from gearshift.types.record import Purpose

NOBODY: Final = "nobody was called yet"


class Trials:
    """Make trials; `now` is seconds since the exchange began, `made` the attempts so far, `judged` those of judges.

    `untried` are who is left of the present step, whose answers must be found good by `accept`; `serving` is the last
    who had content.
    """

    def __init__(self, exchange_id: str, limits: Limits, guards: Guards, began: Seconds, *, most: int) -> None:
        """Begin; at most `most` attempts are made."""
        self.now: Seconds = limits.spent
        self.made = 0
        self.judged = 0
        self.too_small: int | None = None
        self.serving: Send | None = None
        self.untried: list[Deployment] = []
        self.accept: Accept | None = None
        self._id, self._limits, self._guards, self._began, self._most = exchange_id, limits, guards, began, most

    def race(self, deployment: Deployment, admitted: Pass) -> Generator[Command, Signal, UpstreamError | None]:
        """Call `deployment`, and a second one where it takes long to begin; give the error where none has content."""
        rival = self.rival()
        self.serving = send = self.call(deployment, "answer")
        if rival is None:
            return (yield from self.send(send, deployment, admitted)).error
        hedge, after = self.call(rival, "hedge", self.made + 2), self._limits.hedge_after or 0.0
        signal = yield from self.send(replace(send, hedge=hedge, hedge_after=after), deployment, admitted)
        if signal.hedged is not None:
            self.made += 1
            self.untried.remove(rival)
            if signal.hedged.won or signal.hedged.error is not None:
                self.note(signal.hedged.admitted, rival, signal.hedged.error)
            else:
                self._guards.health.void(signal.hedged.admitted)
            self.serving = hedge if signal.hedged.won else send
        return signal.error if isinstance(signal, Failed) else None

    def send(self, send: Send, deployment: Deployment, admitted: Pass) -> Generator[Command, Signal, Ready | Failed]:
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
            self.note(admitted, deployment, signal.error)
        return signal

    def call(self, deployment: Deployment, purpose: Purpose, number: int | None = None) -> Send:
        """Make the command for the attempt of this number, by default the next one."""
        number = self.made + 1 if number is None else number
        return Send(
            attempt_id=f"{self._id}-{number + self.judged}",
            deployment=deployment,
            remaining=self._limits.deadline - self.now,
            purpose=purpose,
            buffered=self.accept is not None,
        )

    def rival(self) -> Deployment | None:
        """Give who is asked too where the answer takes long to begin; whether it may be is found out then."""
        if self._limits.hedge_after is None or self.accept is not None or self.made + 2 > self._most:
            return None
        return next(filter(self.helps, self.untried), None)

    def commit(self) -> Generator[Command, Signal, tuple[Deployment, UpstreamError | None, bool]]:
        """Pass the answer on; give who gave it, the error that broke it, and whether another can go on with it."""
        serving = self.serving
        if serving is None:
            raise RuntimeError(NOBODY)
        signal = yield Commit(attempt_id=serving.attempt_id)
        self.now = signal.at
        if not isinstance(signal, Ended) or signal.error is None:
            return serving.deployment, None, False
        self.note(Pass(), serving.deployment, signal.error)
        return serving.deployment, signal.error, signal.resumable

    def first_admitted(self, candidates: list[Deployment]) -> tuple[Deployment, Pass] | None:
        """Admit the first of `candidates` that helps and does not rest."""
        for each in filter(self.helps, candidates):
            admitted = self.admit(each)
            if isinstance(admitted, Pass):
                return each, admitted
        return None

    def helps(self, deployment: Deployment) -> bool:
        """Say whether a candidate may do better than those that found the prompt too long."""
        window = deployment.context_window
        return self.too_small is None or (window is not None and window > self.too_small)

    def admit(self, deployment: Deployment) -> Pass | Cooling:
        """Admit an attempt at `deployment`, or say until when it rests."""
        if not self._limits.circuit_breaker:
            return Pass()
        return self._guards.health.admit(deployment, self._began + self.now)

    def note(self, admitted: Pass, deployment: Deployment, error: UpstreamError | None) -> None:
        """Learn from an attempt that has content or has failed."""
        if self._limits.circuit_breaker:
            self._guards.health.ended(admitted, deployment, error, self._began + self.now)
