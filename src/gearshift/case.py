"""Own one request on its way through the gateway: what is known of it so far, and how its answer is worded.

Invariant: what a `Case` knows at its end is the whole `Exchange`; nothing about a request is kept anywhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from gearshift import access, accounting, documents
from gearshift.errors import CallerLeft, GearshiftError, ShuttingDown
from gearshift.execution import bounds
from gearshift.execution.bounds import Limits
from gearshift.execution.metering import Meter
from gearshift.execution.outlet import Headers, Outlet, ascii_of, farewell, named, whose
from gearshift.execution.transcript import Transcript, prompt_text
from gearshift.payer import payer_of
from gearshift.protocols.codec import ResponseEdits
from gearshift.protocols.voice import Voice
from gearshift.retrying import advice
from gearshift.routing.explain import explain_flip
from gearshift.routing.router import RouterTable
from gearshift.routing.task import task_of
from gearshift.types.catalog import Deployment, NanoUSD, Seconds
from gearshift.types.chat import Request
from gearshift.types.decision import Decision
from gearshift.types.embedding import Asked
from gearshift.types.inbound import Inbound
from gearshift.types.ledger import Payer
from gearshift.types.record import Attempt, Exchange, Outcome, served_of

MAX_LOSSES: Final = 20  # fields that a header names; the metadata names them all
MAX_NAME: Final = 200  # characters of a requested model that are kept: a caller may have put anything there
_dumps = msgspec.json.Encoder().encode


class World(Struct, frozen=True, kw_only=True):
    """Hold what a config makes: replaced as a whole, never changed. `version` is the config's digest."""

    routers: RouterTable
    deployments: tuple[Deployment, ...]
    limits: Limits
    version: str
    log_content: bool = False


class Case:
    """Be one request on its way through: what is known of it so far, and how its answer is worded."""

    def __init__(
        self, world: World, codec: Voice, inbound: Inbound, exchange_id: str, clock: Callable[[], float]
    ) -> None:
        """Open the case; nothing has been read yet."""
        self.codec = codec
        self.body = inbound.body
        self.key = inbound.key
        self.began = inbound.began
        self.exchange_id = exchange_id
        self.attempts: list[Attempt] = []
        self.draining: list[asyncio.Task[None]] = []
        self.request: Asked = Request(model="", messages=())
        self.spoken = 0
        self.standing: Headers = []
        self._decision: Decision | None = None
        self.outcome: Outcome = "completed"
        self.status = 200
        self.error: str | None = None
        self._world = world
        self._inbound = inbound
        self._logs = world.log_content or access.logs_content(inbound.caller)
        self._clock = clock
        self._outlet: Outlet | None = None
        self._transcript: Transcript | None = None

    @property
    def decision(self) -> Decision:
        """Give the decision; it must have been taken."""
        if self._decision is None:
            message = "no decision has been taken yet"
            raise RuntimeError(message)
        return self._decision

    @decision.setter
    def decision(self, decision: Decision) -> None:
        self._decision = decision

    @property
    def payer(self) -> Payer:
        """Give on whose behalf the request is."""
        return payer_of(self._inbound, self.request, self.decision)

    @property
    def passed_on(self) -> Mapping[str, str]:
        """Give the caller's headers that an upstream of the same protocol is told too."""
        return self._inbound.passed_on

    def listen(self, outlet: Outlet) -> Outlet:
        """Give the outlet to answer by: one that remembers, where content is logged."""
        self._outlet = outlet
        if not self._logs:
            return outlet
        self._transcript = Transcript(outlet)
        return self._transcript

    def read(self) -> None:
        """Decode the body and add what the headers ask for."""
        asked = self._inbound.steer(self.codec.decode_request(self.body, self._inbound.path))
        self.request = access.granted(self._inbound.caller, asked)

    def limits(self) -> Limits:
        """Give the bounds of this exchange."""
        spent = self._clock() - self.began
        return bounds.of(self._world.limits, self._inbound, stream=self.request.stream, spent=spent)

    def head(self, attempt: Attempt | Meter) -> Headers:
        """Give the head of a good answer."""
        kind = b"text/event-stream" if self.request.stream else b"application/json"
        headers = [
            (b"content-type", kind),
            *self._headers(attempt),
            *whose(attempt.deployment),
        ]
        if attempt.deployment.provider.simulated:
            headers.append((b"x-gearshift-simulated", b"true"))
        if self.request.stream:
            headers.append((b"cache-control", b"no-cache"))
        else:
            cost = accounting.total(made.cost for made in self.attempts)
            headers.append((b"x-gearshift-cost-usd", b"null" if cost is None else accounting.usd(cost).encode()))
        return headers

    def early_head(self) -> Headers:
        """Give the head of a stream of which it is not known yet who answers."""
        return [(b"content-type", b"text/event-stream"), *self._known(None), (b"cache-control", b"no-cache")]

    def edits(self, attempt: Attempt) -> ResponseEdits:
        """Give what is added to a good answer: its cost, and the metadata where they are wanted."""
        cost = accounting.total(made.cost for made in self.attempts)
        usage = b'"cost":%b,"cost_details":{"upstream_inference_cost":%b,"estimated":%b}' % (
            b"null" if cost is None else accounting.usd(cost).encode(),
            b"null" if attempt.cost is None else accounting.usd(attempt.cost).encode(),
            b"true"
            if any(made.usage is not None and made.usage.estimated for made in (attempt, *self.attempts))
            else b"false",
        )
        model, counted = attempt.deployment.model, attempt.usage
        return ResponseEdits(model=model, usage=usage, top=self._metadata(), counted=counted)

    def fail(self, error: GearshiftError) -> None:
        """Note how the exchange failed, or that its caller left."""
        self.outcome = "cancelled" if isinstance(error, CallerLeft) else "failed"
        self.status, self.error = error.status, error.code

    def cancelled(self) -> GearshiftError:
        """Say why the exchange was cancelled: by its caller, who left, or by ourselves, who stop."""
        if self._outlet is None or self._outlet.left:
            return CallerLeft("the caller left before its answer was complete")
        return ShuttingDown("the gateway is being stopped; try again")

    async def refuse(self, error: GearshiftError, outlet: Outlet) -> None:
        """Answer with an error in the caller's protocol.

        In band when a stream has already begun. A whole answer that has begun is left cut short: that is the truth.
        """
        if not isinstance(error, CallerLeft):
            await farewell(self._refuse(error, outlet), outlet)

    async def _refuse(self, error: GearshiftError, outlet: Outlet) -> None:
        if outlet.started:
            if self.request.stream:
                await outlet.finish(self.codec.encode_stream_error(error, self.spoken))
            return
        body = self.codec.encode_error(error, self._metadata())
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            *self._headers(None),
            *(whose(self.attempts[-1].deployment) if self.attempts else ()),
            *advice(error),
        ]
        await outlet.start(error.status, headers)
        await outlet.finish(body)

    def exchange(self, now: Seconds, clock: float) -> Exchange:
        """Give the record; `now` is seconds since the epoch, `clock` the monotonic clock."""
        served = self._served()
        inbound, request, duration = self._inbound, self.request, clock - self.began
        return Exchange(
            id=self.exchange_id,
            created=now - duration,
            protocol=self.codec.name,
            path=inbound.path,
            requested_model=request.model[:MAX_NAME],
            key=inbound.key,
            stream=request.stream,
            outcome=self.outcome,
            status=self.status,
            error=self.error,
            decision=self._decision,
            attempts=tuple(self.attempts),
            cost=accounting.total(attempt.cost for attempt in self.attempts),
            baseline_cost=self._baseline_cost(),
            duration=duration,
            first_token=served.first_token if served else None,
            overhead=self._overhead(clock),
            session=request.routing.session_id,
            team=inbound.caller.team if inbound.caller else None,
            user_id=inbound.caller.user_id if inbound.caller else None,
            prompt=prompt_text(request) if self._logs else None,
            answer=self._transcript.text(self.codec, stream=request.stream) if self._transcript else None,
        )

    def _headers(self, attempt: Attempt | Meter | None) -> Headers:
        """Give the headers that every answer carries; `attempt` is the one that answers."""
        running = attempt if isinstance(attempt, Meter) else None
        return [
            *self._known(attempt),
            (b"x-gearshift-attempts", b"%d" % (len(self.attempts) + (running is not None))),
            (b"x-gearshift-overhead-ms", b"%.3f" % (self._overhead(self._clock(), running) * 1000)),
        ]

    def _known(self, attempt: Attempt | Meter | None) -> Headers:
        """Give the headers that are known before anybody has answered."""
        headers = [
            (b"x-gearshift-exchange-id", self.exchange_id.encode()),
            (b"x-gearshift-cache", self._inbound.cached.encode()),
            (b"x-gearshift-policy", self._world.version.encode()),
            *self.standing,
        ]
        if dropped := [*self._unmet(), *(_lost(attempt) if attempt is not None else ())]:
            headers.append((b"x-gearshift-dropped", ascii_of(", ".join(dropped[:MAX_LOSSES]))))
        if self._decision is not None:
            headers.append((b"x-gearshift-router", named(self._decision.router)))
            headers.append((b"x-gearshift-reason", self._decision.reason.encode()))
        return headers

    def _unmet(self) -> list[str]:
        """Name the headers and fields whose wish is not fulfilled."""
        fields = () if self._decision is None else self._decision.unmet
        return [*self._inbound.dropped, *(wish.field for wish in fields)]

    def _overhead(self, clock: float, running: Meter | None = None) -> Seconds:
        """Give our own time so far: all but what was spent waiting for upstreams."""
        waited = sum(attempt.ended - attempt.started for attempt in self.attempts)
        if running is not None and running.first_token is not None:
            waited += running.first_token - running.started
        return max(0.0, clock - self.began - waited)

    def _served(self) -> Attempt | None:
        """Give the attempt whose answer the caller got, whole or cut short."""
        return served_of(self.attempts)

    def _baseline(self) -> Deployment | None:
        """Give the deployment that savings are stated against."""
        if self._decision is None or self._decision.baseline is None:
            return None
        return next((each for each in self._world.deployments if each.id == self._decision.baseline), None)

    def _baseline_cost(self) -> NanoUSD | None:
        """Give what the answer's tokens would have cost at the baseline; None when that is not known."""
        baseline, answered = self._baseline(), self._served()
        if baseline is None or baseline.price is None or answered is None or answered.usage is None:
            return None
        return accounting.cost(baseline.price, answered.usage)

    def _metadata(self) -> bytes:
        """Give the `gearshift` member, b"" when the caller did not ask for it."""
        if not self._inbound.wants_metadata:
            return b""
        decision, baseline = self._decision, self._baseline()
        cost, baseline_cost = accounting.total(made.cost for made in self.attempts), self._baseline_cost()
        document = {
            "exchange_id": self.exchange_id,
            "router": decision.router if decision else None,
            "objective": documents.objective(decision.objective) if decision else None,
            "decision": documents.decision(decision, explain_flip(decision), task_of(self.request))
            if decision
            else None,
            "dropped": list(self._inbound.dropped),
            "attempts": [documents.attempt(attempt) for attempt in self.attempts],
            "baseline": {"model": baseline.model, "cost_usd": documents.usd(baseline_cost)} if baseline else None,
            "saved_usd": documents.usd(accounting.saved(baseline_cost, cost)),
        }
        return b'"gearshift":' + _dumps(document)


def _lost(attempt: Attempt | Meter) -> Iterator[str]:
    """Name the fields that this attempt could not carry to its upstream's protocol, or back."""
    return (loss.field for loss in attempt.losses if loss.kind == "dropped")
