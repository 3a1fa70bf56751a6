"""Own the wiring: from a config to everything that serves it. The only place that knows all the parts."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Final

from msgspec import Struct, field

from gearshift.case import World
from gearshift.catalog import Catalog, build, pricefile
from gearshift.catalog.discovery import Discovery
from gearshift.cli.credentials import credentials
from gearshift.cli.predictors import load_predictors, try_predictors, wanted
from gearshift.cli.site import Site, open_site
from gearshift.config import Config, check_secrets, resolve_secret
from gearshift.errors import ConfigError
from gearshift.execution.bounds import Limits
from gearshift.execution.credentials import Credentials
from gearshift.execution.driver import Driver
from gearshift.execution.fetching import Bounds, Fetcher
from gearshift.execution.means import Means
from gearshift.gateway import Gateway
from gearshift.protocols.registry import CODECS
from gearshift.routing.build import build_routers
from gearshift.routing.predict import Predictor
from gearshift.server.admin.desk import Desk
from gearshift.server.admin.door import AdminDoor
from gearshift.server.app import App
from gearshift.server.auth import Keys
from gearshift.server.inference import Inference
from gearshift.server.models import Listing
from gearshift.server.views import Views
from gearshift.storage.opening import unusable

NOTHING: Final = Discovery()
_ID_BYTES: Final = 12


class Plan(Struct, frozen=True, kw_only=True):
    """Hold all that a config makes and that may be refused. Nothing of it has been started.

    `found` has joined `config`; `left_out` says what of it could not.
    """

    config: Config
    found: Discovery
    left_out: tuple[str, ...]
    catalog: Catalog
    world: World
    credentials: Credentials
    keys: Keys


class Assembly(Struct, kw_only=True):
    """Hold a gateway, ready to be served; `app` owns and closes the rest. `told` is what was said of deployments."""

    app: App
    gateway: Gateway
    plan: Plan
    site: Site
    told: dict[str, str] = field(default_factory=dict)
    reload: Callable[[], Awaitable[list[str]]] | None = None

    @property
    def catalog(self) -> Catalog:
        """Give what can be called."""
        return self.plan.catalog

    def adopt(self, plan: Plan) -> None:
        """Serve by `plan` from the next request on; those in flight end as they began."""
        former = self.gateway
        self.gateway, inference, views = _furnish(plan, self.site)
        former.pacer.close()
        self.site.memory.guards.health.pardon()
        self.plan = plan
        self.app.adopt(inference, views)

    def desk(self) -> Desk:
        """Give what the admin API works with."""
        return Desk(
            database=self.site.database,
            directory=self.site.directory,
            keyring=self.site.keyring,
            book=self.site.book,
            purse=self.site.purse,
            cache=self.site.cache,
            store=self.site.store,
            gateway=lambda: self.gateway,
            config=lambda: self.plan.config.model_dump(mode="json", by_alias=True),
            wall_clock=time.time,
            reload=self.reload,
        )


def prepare(
    config: Config,
    environ: Mapping[str, str],
    *,
    source: str = "the config",
    discovered: Discovery = NOTHING,
) -> Plan:
    """Make everything that `config` asks for; raise ConfigError with every fault of what it names.

    Looked at are secrets, artefacts, what shows beside the catalogue, and where the store is to be. What servers were
    `discovered` to have joins the config.
    """
    left_out, config = tuple(discovered.left_out(config)), discovered.join(config)
    catalog, found = _try_catalog(config, environ)
    predictors, broken = try_predictors(wanted(config))
    world = proven = None
    try:
        check_secrets(config, environ, source=source)
        proven = credentials(catalog, environ)
    except ConfigError as error:
        found += error.faults
    try:
        world = _world(config, catalog, predictors)
    except ConfigError as error:
        found += error.faults
    found += [*broken, *filter(None, [unusable(config.store)])]
    if world is None or proven is None or found:
        raise ConfigError(found, source=source)
    return Plan(
        config=config,
        found=discovered,
        left_out=left_out,
        catalog=catalog,
        world=world,
        credentials=proven,
        keys=_keys(config, environ),
    )


def assemble(
    config: Config,
    environ: Mapping[str, str],
    *,
    source: str = "the config",
    discovered: Discovery = NOTHING,
) -> Assembly:
    """Wire everything that `config` asks for; raise ConfigError with every fault."""
    plan = prepare(config, environ, source=source, discovered=discovered)
    site = open_site(config, environ)
    site.keyring.start()
    gateway, inference, views = _furnish(plan, site)

    def desk() -> Desk:
        return assembly.desk()

    app = App(inference, views, AdminDoor(desk))
    assembly = Assembly(app=app, gateway=gateway, plan=plan, site=site)
    return assembly


def _furnish(plan: Plan, site: Site) -> tuple[Gateway, Inference, Views]:
    """Put what a config makes onto what is there; nothing here can be refused."""
    means = Means(
        upstream=site.upstream,
        codecs=CODECS,
        credentials=plan.credentials,
        fetcher=make_fetcher(plan.config),
        clock=time.monotonic,
        wall_clock=time.time,
        drains=site.drains,
        books=site.store,
        allowance=site.purse,
    )
    gateway = Gateway(
        plan.world,
        Driver(means, site.memory.guards),
        site.store,
        site.telemetry,
        site.memory,
        clock=time.monotonic,
        wall_clock=time.time,
        new_id=new_exchange_id,
        dice=random.SystemRandom(),
    )
    gateway.pacer.start()
    server = plan.config.server
    site.keyring.adopt(plan.keys)
    site.cache.bound(total=plan.config.cache.max_bytes, each=plan.config.cache.max_answer_bytes)
    site.gate.adopt(plan.keys, room=server.max_in_flight, patience=server.queue_wait)
    return gateway, _door(plan, site, gateway), _views(plan, site, gateway)


def _views(plan: Plan, site: Site, gateway: Gateway) -> Views:
    async def close() -> None:
        gateway.pacer.close()
        await site.drains.close()
        await site.upstream.close()
        site.keyring.close()
        await site.purse.shut()
        site.store.close()

    return Views(
        gateway=gateway,
        listing=_listing(plan.world, plan.catalog),
        store=site.store,
        telemetry=site.telemetry,
        degraded=tuple(f"{provider}: {fault}" for provider, fault in plan.found.faults.items()),
        max_body=plan.config.server.max_body_bytes,
        wall_clock=time.time,
        close=close,
        stopping=lambda: site.gate.stopping,
    )


def _door(plan: Plan, site: Site, gateway: Gateway) -> Inference:
    return Inference(
        gateway=gateway,
        codec=CODECS["openai_chat"],
        keys=plan.keys,
        max_body=plan.config.server.max_body_bytes,
        repeats=site.repeats,
        kept_for=plan.config.server.idempotency_ttl,
        cache=site.cache,
        cache_ttl=plan.config.cache.ttl if plan.config.cache.answers else None,
        clock=time.monotonic,
    )


def new_exchange_id() -> str:
    """Make an id that nobody can guess and that sorts by time, so that the log's index grows at its end."""
    return f"gx-{time.time_ns() // 1_000_000:011x}{os.urandom(_ID_BYTES).hex()}"


def open_catalog(config: Config, environ: Mapping[str, str]) -> Catalog:
    """Make the catalogue with today's prices; raise ConfigError when the file of newer ones is broken."""
    book = cache(lambda: pricefile.load(config.catalog_path))
    return build(config, environ, today=datetime.now(UTC).date(), book=book)


def _try_catalog(config: Config, environ: Mapping[str, str]) -> tuple[Catalog, list[str]]:
    """Make the catalogue, and say why it cannot have the newer prices; the shipped ones show what else is wrong."""
    try:
        return open_catalog(config, environ), []
    except ConfigError as error:
        return build(config, environ), error.faults


def make_world(config: Config, catalog: Catalog) -> World:
    """Build what decisions see: routers with their predictors, deployments and limits."""
    return _world(config, catalog, load_predictors(config))


def _world(config: Config, catalog: Catalog, predictors: Mapping[str, Predictor]) -> World:
    return World(
        routers=build_routers(config, catalog, predictors),
        deployments=catalog.deployments,
        limits=Limits(**config.reliability.model_dump()),
        version=config.version,
        log_content=config.logging.content,
    )


def make_fetcher(config: Config) -> Fetcher | None:
    """Make what fetches the files that callers name by URL, where the config allows it."""
    media = config.media
    return Fetcher(Bounds(max_bytes=media.max_bytes, timeout=media.timeout)) if media.fetch else None


def _keys(config: Config, environ: Mapping[str, str]) -> Keys:
    """Resolve the config's keys."""
    server = config.server
    keys = [resolve_secret(reference, environ).reveal() for reference in server.keys]
    return Keys(keys, admin=resolve_secret(server.admin_key, environ).reveal() if server.admin_key else None)


def _listing(world: World, catalog: Catalog) -> Listing:
    routers = {name: router.deployments for name, router in world.routers.routers.items()}
    return Listing(routers, catalog.models, created=int(time.time()))
