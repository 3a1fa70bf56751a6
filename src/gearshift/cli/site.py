"""Own what lives as long as the process, whatever the config becomes."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from gearshift.execution.draining import Drains
from gearshift.execution.guards import Guards
from gearshift.execution.health import Health
from gearshift.execution.http1 import Http1Upstream
from gearshift.execution.retry_budget import RetryBudget
from gearshift.execution.speeds import Speeds
from gearshift.execution.upstream import Upstream
from gearshift.gateway import Memory
from gearshift.server.auth import Keys
from gearshift.server.gate import Gate
from gearshift.server.repeats import Repeats
from gearshift.sessions import Sessions
from gearshift.storage.sqlite import SQLiteStore
from gearshift.telemetry import Telemetry


class Site(Struct, frozen=True, kw_only=True):
    """Hold what a change of the config leaves as it is."""

    upstream: Upstream
    drains: Drains
    store: SQLiteStore
    telemetry: Telemetry
    memory: Memory
    repeats: Repeats
    gate: Gate


def open_site(store: Path, environ: Mapping[str, str]) -> Site:
    """Make all of it; the store at this path is opened, and its writer runs until the store is closed."""
    upstream, telemetry = make_upstream(environ), Telemetry()
    guards = Guards(Health(telemetry.circuit), RetryBudget(), random.SystemRandom())
    return Site(
        upstream=upstream,
        drains=Drains(),
        store=SQLiteStore(store),
        telemetry=telemetry,
        memory=Memory(Speeds(), Sessions(), guards),
        repeats=Repeats(telemetry, time.monotonic),
        gate=Gate(Keys(()), telemetry, time.monotonic, room=1, patience=1),  # it adopts the config's
    )


def make_upstream(environ: Mapping[str, str]) -> Upstream:
    """Make the HTTP client: our own, or aiohttp where the environment names a proxy, which ours does not speak to."""
    proxies = ("http_proxy", "https_proxy", "all_proxy")
    if any(environ.get(name) or environ.get(name.upper()) for name in proxies):
        from gearshift.execution.proxied import AiohttpUpstream

        return AiohttpUpstream(trust_env=True)
    return Http1Upstream()
