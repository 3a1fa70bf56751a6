"""Own one request, told top to bottom: decode, decide, execute, encode, account, record. Read this first.

    bytes ─ codec.decode_request ─> Request ─ RouterTable.resolve ─> Router ─ decide ─> Decision
          ─ Driver.run ─> attempts, bytes to the caller ─ record ─> Exchange ─> store, metrics, log

Invariants: every request leaves exactly one `Exchange`, whatever its end; every error is answered in the caller's
protocol; time, ids and dice come in from outside.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

import msgspec
from msgspec import Struct

from gearshift import documents, tokens
from gearshift.access import check_router
from gearshift.case import Case, World
from gearshift.errors import CallerError, Forbidden, GearshiftError, InternalError, NoCandidate, PromptTooLong
from gearshift.execution.aside import BIG, aside
from gearshift.execution.driver import Driver
from gearshift.execution.guards import Guards
from gearshift.execution.outlet import Outlet
from gearshift.execution.speeds import Speeds
from gearshift.pacing import Pacer
from gearshift.protocols.voice import Voice
from gearshift.purse import Purse
from gearshift.routing.decide import decide
from gearshift.routing.embedding import decide_embedding
from gearshift.routing.explain import explain_refusal
from gearshift.routing.policy import Dice
from gearshift.routing.router import Router
from gearshift.sessions import Sessions
from gearshift.storage.store import Store
from gearshift.telemetry import Telemetry
from gearshift.types.catalog import Seconds
from gearshift.types.chat import Request
from gearshift.types.decision import Decision, Snapshot
from gearshift.types.embedding import Asked, EmbeddingRequest
from gearshift.types.inbound import Inbound
from gearshift.types.record import Exchange

_log = logging.getLogger("gearshift.gateway")


def _too_long(request: Request, windows: Iterable[int | None]) -> str | None:
    """Say that a prompt, with what is kept for its answer, fits no window; None where it is the answer that is long."""
    needed = tokens.estimate(request) + tokens.reserve(request)
    largest = max((each for each in windows if each is not None), default=needed)
    return f"prompt is too long: {needed} tokens > {largest} maximum" if needed > largest else None


class Memory(Struct, frozen=True):
    """Hold what is remembered of the traffic; it outlives a change of the config."""

    speeds: Speeds
    sessions: Sessions
    guards: Guards
    purse: Purse


class Gateway:
    """Answer requests."""

    def __init__(
        self,
        world: World,
        driver: Driver,
        store: Store,
        telemetry: Telemetry,
        memory: Memory,
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        new_id: Callable[[], str],
        dice: Dice,
    ) -> None:
        """Take the parts; `clock` is monotonic, `wall_clock` is seconds since the epoch."""
        self.world = world
        self._driver = driver
        self._store = store
        self._telemetry = telemetry
        self._memory = memory
        self.pacer = Pacer(world.routers.budgets, store.spending, wall_clock, telemetry.paced)
        self._clock = clock
        self._wall_clock = wall_clock
        self._new_id = new_id
        self._dice = dice

    async def answer(self, codec: Voice, inbound: Inbound, outlet: Outlet) -> Exchange:
        """Answer one request of a caller who speaks `codec`'s protocol, and give what was recorded.

        Raises CancelledError when the caller leaves or the gateway is stopped; every end is recorded here, and every
        one but the caller's leaving is answered.
        """
        case = Case(self.world, codec, inbound, self._new_id(), self._clock)
        self._telemetry.began()
        try:
            outlet = case.listen(outlet)
            await aside(len(case.body), case.read)
            await self._decide(case)
            if not self._memory.purse.idle:
                case.standing = await self._memory.purse.admit(case.exchange_id, case.payer)
            verdict = await self._driver.run(case, case.limits(), outlet)
            if verdict.error is not None:
                case.fail(verdict.error)
                await case.refuse(verdict.error, outlet)
        except GearshiftError as error:
            case.fail(error)
            await case.refuse(error, outlet)
        except asyncio.CancelledError:
            case.fail(case.cancelled())
            await case.refuse(case.cancelled(), outlet)
            raise
        except Exception as error:  # noqa: BLE001 - our own bug: it too is answered and recorded
            _log.exception("gateway_error", extra={"fields": {"id": case.exchange_id}})
            case.fail(InternalError.of(error))
            await case.refuse(InternalError.of(error), outlet)
        finally:
            exchange = self._end(case)
        return exchange

    async def turn_away(self, codec: Voice, inbound: Inbound, error: CallerError, outlet: Outlet) -> None:
        """Answer and record a request that was refused at the door: no key, too large, or cut short."""
        case = Case(self.world, codec, inbound, self._new_id(), self._clock)
        self._telemetry.began()
        case.fail(error)
        try:
            await case.refuse(error, outlet)
        finally:
            self._end(case)

    def remember(self, codec: Voice, inbound: Inbound, answered: Exchange) -> None:
        """Record a request that was given the answer of an earlier one: nobody was called, what that cost is saved."""
        case = Case(self.world, codec, inbound, self._new_id(), self._clock)
        self._telemetry.began()
        self._telemetry.ended()
        made = case.exchange(self._wall_clock(), self._clock())
        self._store.append(
            msgspec.structs.replace(
                made,
                cache="hit",
                requested_model=answered.requested_model,
                stream=answered.stream,
                cost=0,
                baseline_cost=answered.cost,
            )
        )

    def decide(self, request: Asked, key: str | None = None) -> Decision:
        """Decide where `request` of the caller with `key` goes, without calling anyone; it may be that nobody fits."""
        began = self._clock()
        decision = self._look(request, key)()
        self._telemetry.decided(decision, self._clock() - began)
        return decision

    def refusal(self, decision: Decision, request: Asked, extra: bytes = b"") -> CallerError:
        """Say that nobody fits, in words and as JSON; `extra` is what the answer says beside the error."""
        reasons = {each.reason for each in decision.rejected}
        if reasons == {"key_scope"}:
            return Forbidden(decision.rejected[0].detail, param="model")
        said, metadata = explain_refusal(decision), msgspec.json.encode(documents.refusal(decision))
        if reasons == {"context_window"} and isinstance(request, Request):
            ids = {each.deployment for each in decision.rejected}
            windows = (each.context_window for each in self.world.deployments if each.id in ids)
            if (long := _too_long(request, windows)) is not None:
                return PromptTooLong(f"{long}: {said}", metadata=metadata, extra=extra)
        return NoCandidate(said, metadata=metadata, extra=extra)

    def state(self) -> list[documents.Document]:
        """Show every deployment: its price, its health, how fast it has been."""
        now, deployments = self._clock(), self.world.deployments
        return documents.deployments(
            deployments, self._memory.guards.health.known(deployments, now), self._memory.speeds.known(now)
        )

    def _look(self, request: Asked, key: str | None) -> Callable[[], Decision]:
        """Look at all that a decision sees; give what takes it, in whatever thread."""
        world, now, began = self.world, self._wall_clock(), self._clock()
        router = world.routers.resolve(request)
        check_router(request.routing.granted, router.name, named=router.named)
        snapshot = Snapshot(
            now=now,
            deployments=world.deployments,
            health=self._memory.guards.health.known(world.deployments, began) if world.limits.circuit_breaker else {},
            speeds=self._memory.speeds.known(began),
            paces=self.pacer.paces,
            standing=self._memory.sessions.find(request, key, now),
        )

        def take() -> Decision:
            decision = self._choose(request, snapshot, router)
            if not decision.plan and any(each.reason == "unhealthy" for each in decision.rejected):
                # All that fit rest: executing waits for the first to be back, or says when that is.
                return self._choose(request, msgspec.structs.replace(snapshot, health={}), router)
            return decision

        return take

    def _choose(self, request: Asked, snapshot: Snapshot, router: Router) -> Decision:
        if isinstance(request, EmbeddingRequest):
            return decide_embedding(request, snapshot, router)
        return decide(request, snapshot, router, self._dice)

    async def _decide(self, case: Case) -> None:
        if len(case.body) < BIG:
            decision = self.decide(case.request, case.key)
        else:
            decision = await aside(len(case.body), self._look(case.request, case.key))
        case.decision = decision
        self.pacer.note(decision)
        if not decision.plan:
            raise self.refusal(decision, case.request)

    def _end(self, case: Case) -> Exchange:
        """Record a case, at once or when the rest of its answer has been read, and give what is known of it now."""
        now, today = self._clock(), self._wall_clock()
        self._telemetry.ended()
        self._memory.purse.close(case.exchange_id, asked=any(each.billing != "not_sent" for each in case.attempts))
        reading = [each for each in case.draining if not each.done()]
        if not reading:
            return self._record(case, now, today)
        over = asyncio.gather(*reading, return_exceptions=True)
        over.add_done_callback(lambda _: self._record(case, now, today))
        return case.exchange(today, now)

    def _record(self, case: Case, now: Seconds, today: Seconds) -> Exchange:
        exchange = case.exchange(today, now)
        self._memory.speeds.note(exchange, now)
        self._memory.sessions.note(case.request, exchange, today)
        self._store.append(exchange)
        self._telemetry.recorded(exchange)
        return exchange
