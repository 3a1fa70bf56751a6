"""Own what is measured and logged: Prometheus metrics and one JSON log line per exchange.

Names follow Prometheus' naming practice and are listed in `docs/reference/metrics.md`. Labels are bounded: routers,
models, providers, codes; never keys, users or prompts. Children are cached, because looking one up by labels costs
more than counting (measured: 9-11 us against 0.6 us).
Invariant: nothing here holds prompt text or a secret.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Literal, TextIO, TypeAlias, TypeVar

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from gearshift import documents
from gearshift.types.catalog import NANO_PER_USD, Seconds
from gearshift.types.decision import Budget, Decision, Pace
from gearshift.types.record import Exchange

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_OVERHEAD = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1)
_LAG = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)
_NONE = "none"
SLOW_DECISION: Seconds = 0.020
"""Beyond it a decision is slow. Nothing else is answered while one is taken, and none can be interrupted."""
MAX_FRAMES = 8
"""Innermost frames of a traceback that a log line shows."""

log = logging.getLogger("gearshift")
Repeat: TypeAlias = Literal["joined", "replayed"]
_Metric = TypeVar("_Metric", Counter, Gauge, Histogram)


class Telemetry:
    """Count exchanges and write their log lines."""

    def __init__(self) -> None:
        """Make a registry of our own, so that two gateways in one process do not share counts."""
        self._registry = CollectorRegistry()
        self._in_flight = self._gauge("in_flight", "exchanges that are being answered")
        self._requests = self._counter("requests", "exchanges", "router", "model", "provider", "status", "outcome")
        self._duration = self._histogram("request_duration_seconds", "whole exchange", _SECONDS, "model", "provider")
        self._first = self._histogram("time_to_first_token_seconds", "first content", _SECONDS, "model", "provider")
        self._overhead = self._histogram("overhead_seconds", "our own time, without the upstream's", _OVERHEAD)
        self._tokens = self._counter("tokens", "tokens of answered attempts", "model", "provider", "kind")
        self._cost = self._counter("cost_usd", "cost of all attempts where known", "model", "provider")
        self._unknown = self._counter("cost_unknown", "attempts whose cost is unknown", "model", "provider")
        self._saved = self._gauge("saved_usd", "cost of the same tokens at the baseline less the actual cost", "router")
        self._budget = self._gauge("budget_usd", "what a router may spend in its present window", "router")
        self._spent = self._gauge("budget_spent_usd", "what it has spent of it", "router")
        self._decisions = self._counter("decisions", "decisions", "router", "policy", "chosen", "reason")
        self._slow = self._counter("slow_decisions", "decisions that held up everyone for too long", "router")
        self._failures = self._counter("attempt_failures", "attempts that failed", "model", "provider", "reason")
        self._circuit = self._gauge("circuit_open", "1: nobody asks it, for it has been failing", "scope")
        self._reloads = self._counter("reloads", "changes of config or artefact that serve since")
        self._repeats = self._counter("repeats", "requests answered by another's exchange, by their key", "how")
        self._cached = self._counter("cache", "requests that asked the response cache", "result")
        self._refused = self._counter("reload_failures", "changes that were refused: what was there before serves on")
        self._away = self._counter("turned_away", "requests that were refused before they were read", "reason")
        self._lag = self._histogram("loop_lag_seconds", "how late the event loop was when it was looked at", _LAG)
        self._waiting = self._gauge("waiting", "requests that wait to be begun")
        self._draining = self._gauge("draining", "answers that are read to their end though nobody waits for them")
        self._child = lru_cache(maxsize=4096)(self._make_child)

    def began(self) -> None:
        """Count an exchange in."""
        self._in_flight.inc()

    def ended(self) -> None:
        """Note the end of an exchange, of which `recorded` may come later."""
        self._in_flight.dec()

    def recorded(self, exchange: Exchange) -> None:
        """Count an exchange out, and log it."""
        served, decision = exchange.served, exchange.decision
        model, provider = (served.deployment.model, served.deployment.provider.id) if served else (_NONE, _NONE)
        router = decision.router if decision else _NONE
        child = self._child
        child(self._requests, router, model, provider, str(exchange.status), exchange.outcome).inc()
        self._overhead.observe(exchange.overhead)
        if decision:
            chosen = decision.chosen.deployment.id if decision.plan else _NONE
            child(self._decisions, router, decision.policy, chosen, decision.reason).inc()
        if served:
            child(self._duration, model, provider).observe(exchange.duration)
            if served.first_token is not None:
                child(self._first, model, provider).observe(served.first_token - served.started)
            self._count_tokens(exchange)
        self._count_money(exchange, router)
        if log.isEnabledFor(logging.INFO):
            log.info("exchange", extra={"fields": _line(exchange, router, model, provider)})

    def decided(self, decision: Decision, took: Seconds) -> None:
        """Count and log a decision that took too long; all others are counted when their exchange ends."""
        if took <= SLOW_DECISION:
            return
        self._child(self._slow, decision.router).inc()
        fields = {"router": decision.router, "predictor": decision.predictor, "took_s": round(took, 6)}
        log.warning("slow_decision", extra={"fields": fields})

    def paced(self, router: str, budget: Budget, pace: Pace) -> None:
        """Show where a budget stands."""
        self._child(self._budget, router).set(budget.usd)
        if pace.spent is not None:
            self._child(self._spent, router).set(pace.spent / NANO_PER_USD)

    def circuit(self, scope: str, state: str, why: str) -> None:
        """Show and log that the circuit of a deployment, or of a provider's account, is now `closed` or `open`."""
        self._child(self._circuit, scope).set(state != "closed")
        log.warning("circuit", extra={"fields": {"scope": scope, "state": state, "why": why}})

    def reloaded(self) -> None:
        """Count a change of config or artefact that serves from now on."""
        self._reloads.inc()

    def reload_refused(self) -> None:
        """Count a change that was refused."""
        self._refused.inc()

    def repeated(self, how: Repeat) -> None:
        """Count a request that made no exchange of its own, for its `Idempotency-Key` names one."""
        self._child(self._repeats, how).inc()

    def cached(self, result: str) -> None:
        """Count a request that asked the response cache."""
        self._child(self._cached, result).inc()

    def watch(self, waiting: Callable[[], int]) -> None:
        """Show how many requests wait, whenever somebody looks."""
        self._waiting.set_function(waiting)

    def watch_drains(self, running: Callable[[], int]) -> None:
        """Show how many answers are read on, whenever somebody looks."""
        self._draining.set_function(running)

    def turned_away(self, reason: str, count: int) -> None:
        """Count requests that were refused before they were read."""
        self._child(self._away, reason).inc(count)

    def lagged(self, lag: Seconds) -> None:
        """Note how late the event loop is."""
        self._lag.observe(lag)

    def exposition(self) -> bytes:
        """Give all metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def _count_tokens(self, exchange: Exchange) -> None:
        served = exchange.served
        if served is None or served.usage is None:
            return
        labels = (served.deployment.model, served.deployment.provider.id)
        self._child(self._tokens, *labels, "input").inc(served.usage.input_tokens)
        self._child(self._tokens, *labels, "output").inc(served.usage.output_tokens)
        if served.usage.cache_read_tokens:
            self._child(self._tokens, *labels, "cache_read").inc(served.usage.cache_read_tokens)

    def _count_money(self, exchange: Exchange, router: str) -> None:
        for attempt in exchange.attempts:
            labels = (attempt.deployment.model, attempt.deployment.provider.id)
            if attempt.error is not None:
                self._child(self._failures, *labels, attempt.error).inc()
            if attempt.cost is None:
                self._child(self._unknown, *labels).inc()
            elif attempt.cost:
                self._child(self._cost, *labels).inc(attempt.cost / NANO_PER_USD)
        if exchange.cost is not None and exchange.baseline_cost is not None:
            self._child(self._saved, router).inc((exchange.baseline_cost - exchange.cost) / NANO_PER_USD)

    @staticmethod
    def _make_child(metric: _Metric, *labels: str) -> _Metric:
        return metric.labels(*labels)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"gearshift_{name}", text, labels, registry=self._registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"gearshift_{name}", text, labels, buckets=buckets, registry=self._registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"gearshift_{name}", text, labels, registry=self._registry)


class JSONFormatter(logging.Formatter):
    """Write a record as one JSON line: time, level, event and the record's `fields`."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line; of an exception its type and places, not its text: that may hold a prompt or a secret."""
        line: dict[str, object] = {"time": round(record.created, 3), "level": record.levelname.lower()}
        line["event"] = record.getMessage()
        line.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])[-MAX_FRAMES:]
            line["at"] = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
        return msgspec.json.encode(line).decode()


class LineHandler(logging.StreamHandler[TextIO]):
    """Write lines to a stream that is buffered by lines, as stderr is: there is nothing to flush."""

    def flush(self) -> None:
        """Let it be."""


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send our log, and uvicorn's, to stderr as JSON lines."""
    # What our lines do not hold need not be found out: https://docs.python.org/3/howto/logging.html#optimization
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 - as that page says
    handler = LineHandler(sys.stderr)
    handler.setFormatter(JSONFormatter())
    for name in ("gearshift", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(level)


def _line(exchange: Exchange, router: str, model: str, provider: str) -> dict[str, object]:
    """Give the fields of an exchange's log line."""
    return {
        "id": exchange.id,
        "requested_model": exchange.requested_model,
        "router": router,
        "model": model,
        "provider": provider,
        "status": exchange.status,
        "outcome": exchange.outcome,
        "error": exchange.error,
        "stream": exchange.stream,
        "attempts": len(exchange.attempts),
        "cost_usd": documents.usd(exchange.cost),
        "duration_s": round(exchange.duration, 6),
        "overhead_s": round(exchange.overhead, 6),
    }
