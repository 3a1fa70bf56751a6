"""Own what the routes beside inference answer: models, decisions, feedback, generations, health and metrics.

Shapes: `/v1/models` is OpenAI's with OpenRouter's `supported_parameters`, `context_length` and `pricing`;
`/v1/generation` is OpenRouter's (https://openrouter.ai/docs/api-reference/get-a-generation).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

import msgspec
from msgspec import Raw, Struct

from gearshift import documents, telemetry
from gearshift.access import granted
from gearshift.errors import (
    GearshiftError,
    InvalidRequest,
    ShuttingDown,
    StoreUnavailable,
    UnknownExchange,
    UnknownModel,
)
from gearshift.execution.aside import aside
from gearshift.gateway import Gateway
from gearshift.routing.explain import explain_flip
from gearshift.routing.task import task_of
from gearshift.server.asgi import Receive, Scope, read_body
from gearshift.server.auth import CALLER
from gearshift.server.counting import count_anthropic, count_gemini
from gearshift.server.feedback import read_judgement
from gearshift.server.models import Listing
from gearshift.server.paths import COUNT, codec_of, spoken_in
from gearshift.server.steering import steer
from gearshift.storage.store import Row, Store
from gearshift.types.catalog import Seconds
from gearshift.types.decision import Decision
from gearshift.types.embedding import Asked
from gearshift.types.inbound import Inbound
from gearshift.types.record import Feedback

_dumps = msgspec.json.Encoder().encode
MAX_FOUND = 200
"""Characters of what a caller sent that an error message repeats."""
FLUSH_SECONDS: Seconds = 2.0
"""How long a reader of the log waits for what was answered just before."""


class Views(Struct, frozen=True, kw_only=True):
    """Answer the routes beside inference; each view gives a JSON body or raises.

    `wall_clock` is seconds since the epoch. `degraded` names parts that the gateway does without. `close` lets go of
    the upstream and the store. `stopping` says whether the gateway has been told to stop.
    """

    gateway: Gateway
    listing: Listing
    store: Store
    telemetry: telemetry.Telemetry
    max_body: int
    wall_clock: Callable[[], float]
    close: Callable[[], Awaitable[None]]
    stopping: Callable[[], bool] = bool
    degraded: tuple[str, ...] = ()

    async def models(self, scope: Scope, _receive: Receive) -> bytes:
        """List what a caller may name, in the caller's protocol."""
        return self.listing.bodies.get(codec_of(scope).name, self.listing.bodies["openai_chat"])

    async def model(self, scope: Scope, name: str) -> bytes:
        """Show one model or router."""
        entry = self.listing.entry(codec_of(scope).name, name)
        if entry is None:
            raise UnknownModel(self.listing.miss(name), param="model")
        return entry

    async def count(self, scope: Scope, receive: Receive) -> bytes:
        """Count the tokens of a request, without calling anyone."""
        body = await read_body(scope, receive, self.max_body)
        path = scope["path"]
        return await aside(len(body), lambda: count_anthropic(body) if path == COUNT else count_gemini(body, path))

    async def route(self, scope: Scope, receive: Receive) -> bytes:
        """Decide, and explain, without calling anyone; body and headers are those of inference."""
        inbound = steer(scope, Inbound(path=scope["path"], body=b"", began=0.0), scope[CALLER])
        body = await read_body(scope, receive, self.max_body)
        request, decision, shown = await aside(len(body), lambda: self._decided(scope, inbound, body))
        if not decision.plan:
            raise self.gateway.refusal(decision, request, extra=b'"gearshift":{"decision":%b}' % shown)
        return shown

    def _decided(self, scope: Scope, inbound: Inbound, body: bytes) -> tuple[Asked, Decision, bytes]:
        codec, path = spoken_in(scope, body)
        request = granted(inbound.caller, inbound.steer(codec.decode_request(body, path)))
        decision = self.gateway.decide(request, inbound.key)
        return request, decision, _dumps(documents.decision(decision, explain_flip(decision), task_of(request)))

    async def feedback(self, scope: Scope, receive: Receive) -> bytes:
        """Take a judgement of an exchange or of a session."""
        given = read_judgement(await read_body(scope, receive, self.max_body))
        durable = await asyncio.to_thread(self.store.flush, FLUSH_SECONDS)
        known = await asyncio.to_thread(self.store.knows, exchange_id=given.exchange_id, session_id=given.session_id)
        if not known:
            raise _miss(f"exchange or session {(given.exchange_id or given.session_id or '')[:MAX_FOUND]!r}", durable)
        self.store.feedback(Feedback(created=self.wall_clock(), **msgspec.structs.asdict(given)))
        return b'{"accepted":true}'

    async def generation(self, scope: Scope, _receive: Receive) -> bytes:
        """Show what one exchange cost and how it went."""
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        key = query.get("id", [""])[0]
        if not key:
            raise InvalidRequest("found no id, expected /v1/generation?id=EXCHANGE_ID", param="id")
        durable = await asyncio.to_thread(self.store.flush, FLUSH_SECONDS)
        row = await asyncio.to_thread(self.store.exchange, key)
        if row is None:
            raise _miss(f"exchange {key[:MAX_FOUND]!r}", durable)
        return _dumps({"data": generation(row)})

    async def health(self, _scope: Scope, _receive: Receive) -> bytes:
        """Say that the process is alive."""
        return b'{"status":"ok"}'

    async def ready(self, _scope: Scope, _receive: Receive) -> bytes:
        """Say that requests can be answered, and which parts are degraded; raise ShuttingDown once told to stop."""
        if self.stopping():
            raise ShuttingDown("the gateway is being stopped; ask another one")
        degraded = [f"store: {self.store.given_up} exchanges were lost"] if self.store.given_up else []
        if self.store.failing:
            degraded.append("store: it takes no rows at present, they wait on the disk")
        degraded += self.degraded
        return _dumps({"status": "degraded" if degraded else "ok", "degraded": degraded})

    def metrics(self) -> tuple[str, bytes]:
        """Give the content type and the body of the metrics."""
        return telemetry.CONTENT_TYPE, self.telemetry.exposition()


def generation(row: Row) -> dict[str, object]:
    """Show an exchange in OpenRouter's shape; times are milliseconds, costs USD, None is unknown."""
    native = {
        "native_tokens_prompt": row.input_tokens,
        "native_tokens_completion": row.output_tokens,
        "native_tokens_cached": row.cache_read_tokens,
        "native_tokens_reasoning": row.reasoning_tokens,
    }
    return {
        "id": row.id,
        "upstream_id": row.response_id,
        "model": row.model,
        "provider_name": row.provider,
        "router": row.router,
        "requested_model": row.requested_model,
        "created_at": row.created,
        "streamed": row.stream,
        "cancelled": row.outcome == "cancelled",
        "outcome": row.outcome,
        "status": row.status,
        "error": row.error,
        "finish_reason": row.finish_reason,
        "total_cost": documents.usd(row.cost),
        "baseline_cost": documents.usd(row.baseline_cost),
        "tokens_prompt": row.input_tokens,
        "tokens_completion": row.output_tokens,
        **native,
        "usage_estimated": row.usage_estimated,
        "generation_time": row.duration * 1000,
        "latency": None if row.first_token is None else row.first_token * 1000,
        "overhead_ms": row.overhead * 1000,
        "session_id": row.session,
        "decision": Raw(row.decision.encode()) if row.decision else None,
        "attempts": Raw(row.attempts.encode()),
    }


def _miss(what: str, durable: bool) -> GearshiftError:  # noqa: FBT001 - a fact, not a mode
    """Say that the log does not hold it, as far as can be told while rows wait to be written."""
    if durable:
        return UnknownExchange(f"found no {what} in the log; use x-gearshift-exchange-id")
    return StoreUnavailable(f"found no {what} in the log, but it cannot be written at present; try again later")
