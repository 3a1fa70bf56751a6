"""Own a whole gateway for tests: the real app, driver, HTTP client and store, in process, before scripted upstreams."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from gearshift.case import World
from gearshift.execution.bounds import Limits
from gearshift.execution.credentials import Credentials
from gearshift.execution.draining import Drains
from gearshift.execution.driver import Driver
from gearshift.execution.fetching import Fetcher
from gearshift.execution.guards import Guards
from gearshift.execution.health import Health, Pass
from gearshift.execution.http1 import Http1Upstream
from gearshift.execution.means import Means
from gearshift.execution.retry_budget import RetryBudget
from gearshift.execution.speeds import Speeds
from gearshift.execution.upstream import Upstream
from gearshift.gateway import Gateway, Memory
from gearshift.protocols.openai_chat import codec
from gearshift.protocols.registry import CODECS
from gearshift.purse import Purse
from gearshift.routing.router import Router, RouterTable, Stage
from gearshift.server.admin.desk import Desk
from gearshift.server.admin.door import AdminDoor
from gearshift.server.app import App
from gearshift.server.auth import Keys
from gearshift.server.cache import AnswerCache
from gearshift.server.inference import Inference
from gearshift.server.keyring import Keyring
from gearshift.server.models import Listing
from gearshift.server.repeats import Repeats
from gearshift.server.views import Views
from gearshift.sessions import Sessions
from gearshift.storage.counters_memory import MemoryCounters
from gearshift.storage.directory import Directory
from gearshift.storage.ledger import Ledger
from gearshift.storage.limits import LimitBook
from gearshift.storage.log import Log
from gearshift.storage.sqlite import SQLite
from gearshift.storage.store import Row
from gearshift.telemetry import Telemetry
from gearshift.types import decision as types
from gearshift.types.catalog import Deployment, Price
from gearshift.types.decision import Objective
from tests.fakes.asgi import Visit
from tests.fakes.nouns import PRICE, SECRET, deployment, provider
from tests.fakes.upstream import Scene, ScriptedUpstream
from tests.unit.routing.scene import Oracle

CHAT = "/v1/chat/completions"
MAX_BODY = 10 * 1024 * 1024
KEPT_FOR = 3600.0
LIMITS = Limits(
    retries=0,
    rescue=False,
    connect_timeout=5.0,
    first_token_timeout=5.0,
    answer_timeout=5.0,
    stall_timeout=5.0,
    deadline=15.0,
)


class Fearless(Health):
    """Ask everybody, always."""

    def admit(self, deployment: Deployment, now: float) -> Pass:  # noqa: ARG002 - as `Health` has it
        """Admit every attempt."""
        return Pass()

    def known(self, deployments: Iterable[Deployment], now: float) -> dict[str, types.Health]:  # noqa: ARG002
        """Say nothing of anybody."""
        return {}


class House(Struct, frozen=True, kw_only=True):
    """Hold a running gateway."""

    app: App
    inference: Inference
    views: Views
    store: Ledger
    telemetry: Telemetry
    gateway: Gateway
    drains: Drains
    book: LimitBook
    keyring: Keyring
    purse: Purse

    def chat(
        self,
        model: str = "auto",
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Sequence[bytes] | None = None,
        **fields: object,
    ) -> Visit:
        """Ask for a chat completion."""
        said = {"model": model, "messages": [{"role": "user", "content": "Hello"}], **fields}
        given = json.dumps(said).encode() if body is None else body
        return Visit(self.app, CHAT, method="POST", body=given, headers=headers)

    def get(self, path: str, query: str = "", headers: Mapping[str, str] | None = None) -> Visit:
        """Ask for anything else."""
        return Visit(self.app, path, query=query, headers=headers)

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Visit:
        """Post a JSON body, or raw bytes."""
        given = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Visit(self.app, path, method="POST", body=given, headers=headers)

    def rows(self) -> list[Row]:
        """Give what the log holds."""
        assert self.store.flush(5)
        return list(self.store.exchanges())

    def row(self) -> Row:
        """Give the one row that the log holds."""
        (row,) = self.rows()
        return row

    def metric(self, name: str, **labels: str) -> float | None:
        """Give the value of a metric, None when it was never counted."""
        return metric(self.telemetry, name, **labels)


def metric(telemetry: Telemetry, name: str, **labels: str) -> float | None:
    """Read a metric as Prometheus would, None when it was never counted."""
    families = text_string_to_metric_families(telemetry.exposition().decode())
    samples = [sample for family in families for sample in family.samples]
    return next((each.value for each in samples if each.name == name and each.labels == labels), None)


def served_by(
    upstream: ScriptedUpstream, model: str = "small", *, price: Price | None = PRICE, of: str = ""
) -> Deployment:
    """Make a deployment at a scripted upstream; its provider is called as its model unless `of` says otherwise."""
    return deployment(model, provider(of or f"at-{model}", upstream.base_url), price=price)


def open_store(folder: Path) -> Ledger:
    """Keep a log in this folder."""
    return Ledger(Log(SQLite(folder / "gearshift.db")), folder / "gearshift.db.ledger")


@asynccontextmanager
async def house(
    folder: Path,
    *deployments: Deployment,
    limits: Limits = LIMITS,
    keys: Sequence[str] = (),
    admin: str | None = None,
    upstream: Upstream | None = None,
    fetcher: Fetcher | None = None,
    log_content: bool = False,
    baseline: str | None = None,
    objective: Objective | None = None,
    health: Health | None = None,
    cascade: Sequence[Stage] = (),
    cache_ttl: float | None = None,
) -> AsyncIterator[House]:
    """Serve `deployments`: `auto` tries them in order, each model and each deployment can be named.

    Without a `health` nobody is ever left alone, whatever its scenes do.
    """
    client = upstream or Http1Upstream()
    store = open_store(folder)
    models: dict[str, list[Deployment]] = {}
    for each in deployments:
        models.setdefault(each.model, []).append(each)
    oracle = Oracle({}) if objective else None
    router = Router(
        name="auto",
        deployments=deployments,
        baseline=baseline or (deployments[0].id if cascade else None),
        objective=objective,
        predictor=oracle,
        cascade=tuple(cascade),
    )
    auto = {"auto": router}
    groups = {each.id: [each] for each in deployments} | models
    named = {name: Router(name=name, deployments=tuple(at), named=True) for name, at in groups.items()}
    telemetry = Telemetry()
    guards = Guards(health or Fearless(), RetryBudget(), random.Random(0))
    database = SQLite(folder / "gearshift.db")
    book = LimitBook(database, time.time)
    purse = Purse(MemoryCounters(time.time), book.spent, time.time)
    means = Means(
        upstream=client,
        codecs=CODECS,
        credentials=Credentials({each.provider.id: SECRET for each in deployments}),
        fetcher=fetcher,
        clock=time.monotonic,
        wall_clock=time.time,
        books=store,
        allowance=purse,
    )
    table = RouterTable(auto, named)
    world = World(
        routers=table, deployments=deployments, limits=limits, version="0123456789ab", log_content=log_content
    )
    numbers = itertools.count(1)
    gateway = Gateway(
        world,
        Driver(means, guards),
        store,
        telemetry,
        Memory(Speeds(), Sessions(), guards, purse),
        clock=time.monotonic,
        wall_clock=time.time,
        new_id=lambda: f"gx-{next(numbers)}",
        dice=random.Random(0),
    )

    async def close() -> None:
        await means.drains.close()
        await client.close()
        store.close()

    views = Views(
        gateway=gateway,
        listing=Listing({"auto": deployments}, models, created=1),
        store=store,
        telemetry=telemetry,
        max_body=MAX_BODY,
        wall_clock=time.time,
        close=close,
    )
    cache = AnswerCache(time.monotonic, telemetry.cached)
    inference = Inference(
        gateway=gateway,
        codec=codec,
        keys=Keys(keys, admin=admin),
        max_body=MAX_BODY,
        repeats=Repeats(telemetry, time.monotonic),
        kept_for=KEPT_FOR,
        cache=cache,
        cache_ttl=cache_ttl,
        clock=time.monotonic,
    )
    directory = Directory(database, time.time)
    keyring = Keyring(directory, time.monotonic, lambda: purse.learn(book.limits()))
    keyring.adopt(inference.keys)
    keyring.refresh()

    def desk() -> Desk:
        return Desk(
            database=database,
            directory=directory,
            keyring=keyring,
            book=book,
            purse=purse,
            cache=cache,
            store=store,
            gateway=lambda: gateway,
            config=dict,
            wall_clock=time.time,
        )

    try:
        yield House(
            app=App(inference, views, AdminDoor(desk)),
            inference=inference,
            views=views,
            store=store,
            telemetry=telemetry,
            gateway=gateway,
            drains=means.drains,
            book=book,
            keyring=keyring,
            purse=purse,
        )
    finally:
        await purse.shut()
        await close()
        database.close()


@asynccontextmanager
async def serving(folder: Path, *scenes: Scene, **options: object) -> AsyncIterator[tuple[House, ScriptedUpstream]]:
    """Serve one model, `small`, at one scripted upstream."""
    async with ScriptedUpstream(*scenes) as upstream, house(folder, served_by(upstream), **options) as made:  # type: ignore[arg-type]
        yield made, upstream
