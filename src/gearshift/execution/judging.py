"""Own finding out whether an answer is good enough: by a judge, or by asking the same model again.

Invariants: whoever is asked leaves an `Attempt` like everybody else, paid for by the exchange. An answer is accepted
only where somebody said so: a judge that cannot be asked, or says nothing that is a score, accepts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex
from typing import assert_never

from gearshift.errors import GearshiftError
from gearshift.execution import acceptance
from gearshift.execution.bounds import Limits
from gearshift.execution.call import Call
from gearshift.execution.commands import Judge, Judged, Ready, Send
from gearshift.execution.guards import Guards
from gearshift.execution.health import Cooling, Pass
from gearshift.execution.means import Means
from gearshift.execution.metering import Meter
from gearshift.execution.order import Order
from gearshift.execution.outlet import Headers
from gearshift.protocols.codec import RequestEdits, ResponseEdits
from gearshift.protocols.registry import CODECS
from gearshift.protocols.voice import Voice
from gearshift.types.catalog import Deployment
from gearshift.types.chat import Request
from gearshift.types.decision import ByAgreement, ByJudge
from gearshift.types.embedding import Asked
from gearshift.types.record import Attempt, Purpose

_CHAT = CODECS["openai_chat"]


class _Bench:
    """Be the order that a judge is given: a question of our own, within the caller's exchange."""

    passed_on: Mapping[str, str] = {}
    codec: Voice = _CHAT
    spoken = 0

    def __init__(self, order: Order, request: Request) -> None:
        self.request: Asked = request
        self.body = _CHAT.encode_request(request, RequestEdits(model="")).body
        self.decision = order.decision
        self.exchange_id = order.exchange_id
        self.began = order.began
        self.attempts = order.attempts
        self.draining = order.draining
        self.payer = order.payer
        self._order = order

    def head(self, attempt: Attempt | Meter) -> Headers:
        """Refuse: nobody is answered."""
        raise NotImplementedError

    def early_head(self) -> Headers:
        """Refuse: nobody is answered."""
        raise NotImplementedError

    def edits(self, attempt: Attempt) -> ResponseEdits:
        """Refuse: nobody is answered."""
        raise NotImplementedError

    def cancelled(self) -> GearshiftError:
        """Say why the exchange was cancelled."""
        return self._order.cancelled()


class Judging:
    """Judge the answers of one exchange."""

    def __init__(self, means: Means, guards: Guards, order: Order, limits: Limits) -> None:
        """Take what calls need, and for whom they are made."""
        self._means = means
        self._guards = guards
        self._order = order
        self._limits = limits
        self._made = 0

    async def judge(self, command: Judge, answered: Call) -> Judged:
        """Find out whether what `answered` holds is good enough."""
        self._made = 0
        match command.accept:
            case ByJudge() as by:
                found = await self._score(by, command, answered.answer)
                accepted, told = found >= by.min_score, f"score {found:g}" if found >= 0 else "no score"
            case ByAgreement() as by:
                found = await self._agreement(by, command, answered)
                accepted, told = found >= by.min_agreement, f"agreement {found:.2f}"
            case _:
                assert_never(command.accept)
        answered.verdict = told
        return Judged(at=self._now(), accepted=accepted, made=self._made)

    async def _score(self, by: ByJudge, command: Judge, answer: str) -> float:
        """Ask the first judge that can be asked; -1 where none gives a score."""
        request = self._order.request
        if not answer or not isinstance(request, Request):
            return -1.0
        bench = _Bench(self._order, acceptance.question(request, answer, token_hex(8)))
        for deployment in by.deployments:
            said = await self._ask(bench, command, deployment, "judge")
            found = None if said is None else acceptance.score(said)
            if found is not None:
                return found
        return -1.0

    async def _agreement(self, by: ByAgreement, command: Judge, answered: Call) -> float:
        """Ask the same model again and compare; one who does not answer does not agree."""
        answers = [answered.answer]
        for _ in range(by.samples - 1):
            said = await self._ask(self._order, command, answered.deployment, "sample")
            answers.append(said or f"nothing {len(answers)}")
        return acceptance.agreement(answers)

    async def _ask(self, order: Order, command: Judge, deployment: Deployment, purpose: Purpose) -> str | None:
        """Make one call; give what it said, None where it failed or was not made."""
        health, remaining = self._guards.health, command.remaining - (self._now() - command.at)
        watched = self._limits.circuit_breaker
        admitted = health.admit(deployment, self._means.clock()) if watched else Pass()
        if isinstance(admitted, Cooling) or remaining <= 0:
            return None
        number = command.number + self._made
        self._made += 1
        send = Send(
            attempt_id=f"{order.exchange_id}-{number}",
            deployment=deployment,
            remaining=remaining,
            purpose=purpose,
            buffered=True,
        )
        call, ended = Call(self._means, order, send, self._limits), False
        try:
            signal = await call.send()
            ended = True
        finally:
            if not ended:
                health.void(admitted)
        error = None if isinstance(signal, Ready) else getattr(signal, "error", None)
        if watched:
            health.ended(admitted, deployment, error, self._means.clock())
        if error is not None:
            return None
        said = call.answer
        call.take()
        return said

    def _now(self) -> float:
        return self._means.clock() - self._order.began
