"""Own what lives as long as the process, whatever the config becomes."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping

from msgspec import Struct

from gearshift.config import Config
from gearshift.config.values import MEMORY
from gearshift.errors import ConfigError
from gearshift.execution.draining import Drains
from gearshift.execution.guards import Guards
from gearshift.execution.health import Health
from gearshift.execution.http1 import Http1Upstream
from gearshift.execution.retry_budget import RetryBudget
from gearshift.execution.speeds import Speeds
from gearshift.execution.upstream import Upstream
from gearshift.gateway import Memory
from gearshift.purse import Purse
from gearshift.server.auth import Keys
from gearshift.server.cache import AnswerCache
from gearshift.server.gate import Gate
from gearshift.server.keyring import Keyring
from gearshift.server.repeats import Repeats
from gearshift.sessions import Sessions
from gearshift.storage.counters import Counters
from gearshift.storage.counters_memory import MemoryCounters
from gearshift.storage.database import Database
from gearshift.storage.directory import Directory
from gearshift.storage.ledger import Ledger
from gearshift.storage.limits import LimitBook
from gearshift.storage.log import Log
from gearshift.storage.opening import open_database
from gearshift.telemetry import Telemetry


class Site(Struct, frozen=True, kw_only=True):
    """Hold what a change of the config leaves as it is."""

    upstream: Upstream
    drains: Drains
    store: Ledger
    telemetry: Telemetry
    memory: Memory
    repeats: Repeats
    cache: AnswerCache
    gate: Gate
    database: Database
    directory: Directory
    keyring: Keyring
    book: LimitBook
    purse: Purse


def open_site(config: Config, environ: Mapping[str, str]) -> Site:
    """Make all of it; the store of the config is opened, and its writers run until it is closed."""
    upstream, telemetry = make_upstream(environ), Telemetry()
    guards = Guards(Health(telemetry.circuit), RetryBudget(), random.SystemRandom())
    database = open_database(config.store)
    directory, book = Directory(database, time.time), LimitBook(database, time.time)
    purse, drains = Purse(open_counters(config), book.spent, time.time), Drains()
    telemetry.watch_drains(lambda: drains.running)
    return Site(
        upstream=upstream,
        drains=drains,
        store=open_store(config, database),
        telemetry=telemetry,
        memory=Memory(Speeds(), Sessions(), guards, purse),
        repeats=Repeats(telemetry, time.monotonic),
        cache=AnswerCache(time.monotonic, telemetry.cached),
        gate=Gate(Keys(()), telemetry, time.monotonic, room=1, patience=1),  # it adopts the config's
        database=database,
        directory=directory,
        keyring=Keyring(directory, time.monotonic, lambda: purse.learn(book.limits())),
        book=book,
        purse=purse,
    )


def open_store(config: Config, database: Database) -> Ledger:
    """Begin a write-ahead log that is shipped into `database`; raise ConfigError where one cannot be had."""
    try:
        return Ledger(Log(database), config.ledger_path, when_full=config.ledger.when_full)
    except OSError as error:
        database.close()
        found = f"ledger.path: cannot write to {config.ledger_path} ({error.strerror})"
        fault = f"{found}, expected a folder or a place for one"
        raise ConfigError([fault], source="serve") from error


def open_counters(config: Config) -> Counters:
    """Make what counts limits: this process, or what all share."""
    if config.shared == MEMORY:
        return MemoryCounters(time.time)
    from gearshift.storage.counters_valkey import ValkeyCounters

    return ValkeyCounters(config.shared, time.monotonic)


def make_upstream(environ: Mapping[str, str]) -> Upstream:
    """Make the HTTP client: our own, or aiohttp where the environment names a proxy, which ours does not speak to."""
    proxies = ("http_proxy", "https_proxy", "all_proxy")
    if any(environ.get(name) or environ.get(name.upper()) for name in proxies):
        from gearshift.execution.proxied import AiohttpUpstream

        return AiohttpUpstream(trust_env=True)
    return Http1Upstream()
