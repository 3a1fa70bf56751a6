"""Own the shape of a config: its sections, their keys and their defaults (`docs/reference/configuration.md`).

Invariant: a `Config` is whole and coherent. Every name in it refers to something, and it holds no secret.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from msgspec.structs import replace
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from gearshift.config.names import Names
from gearshift.config.proofs import AuthConfig, spelled
from gearshift.config.references import ProviderRef, RowRef, Target
from gearshift.config.routers import RouterConfig
from gearshift.config.section import Section
from gearshift.config.values import (
    BaseUrl,
    Capabilities,
    DataCollection,
    Duration,
    Extensions,
    Header,
    Id,
    Interval,
    Label,
    MediaKinds,
    ModelName,
    OnCancelWord,
    PrefillWord,
    Protocol,
    Quantization,
    Reference,
    SharedUrl,
    StoreUrl,
    Switch,
    UsdPerMillion,
    WhenFullWord,
    Whole,
    fault,
    filled,
    is_loopback,
    show,
)
from gearshift.types.catalog import Price, Rates, Terms

MIB: Final = 1024 * 1024
DEFAULT_ROUTER: Final = "auto"
SQLITE: Final = "sqlite:///"


class ServerConfig(Section):
    """Hold where the gateway listens and whom it lets in. `host` is last: what it may be depends on the keys."""

    port: Annotated[Whole, Field(ge=0, le=65535)] = 4000
    keys: tuple[Reference, ...] = ()
    admin_key: Reference | None = None
    max_body_bytes: Annotated[Whole, Field(ge=1024, le=1024 * MIB)] = 32 * MIB
    """Anthropic takes 32 MB ("API overview", request size limits, 2026-11), the others less but for uploads."""
    idempotency_ttl: Interval = 3600.0
    max_in_flight: Annotated[Whole, Field(ge=1, le=100_000)] = 1000
    queue_wait: Duration = 0.1
    shutdown_grace: Interval = 30.0
    host: Annotated[str, AfterValidator(filled)] = "127.0.0.1"

    @field_validator("host", mode="after")
    @classmethod
    def _closed(cls, host: str, info: ValidationInfo) -> str:
        if is_loopback(host) or "keys" not in info.data or "admin_key" not in info.data:
            return host
        if not info.data["keys"] and info.data["admin_key"] is None:
            raise fault(
                f"found {show(host)} and no key, expected a loopback host such as 127.0.0.1; the gateway refuses to "
                "listen elsewhere without keys: set server.keys or server.admin_key"
            )
        return host

    @property
    def authenticated(self) -> bool:
        """Say whether callers must show a key."""
        return bool(self.keys) or self.admin_key is not None


class TermsConfig(Section):
    """Hold on which terms something serves; None: not known, which satisfies no caller's demand."""

    data_collection: DataCollection | None = None
    zdr: Switch | None = None
    distillable: Switch | None = None
    quantization: Quantization | None = None

    def terms(self, otherwise: Terms) -> Terms:
        """Give the terms: those stated here, else `otherwise`."""
        stated = {name: getattr(self, name) for name in Terms.__struct_fields__}
        return replace(otherwise, **{name: value for name, value in stated.items() if value is not None})


def _free(value: object) -> object:
    """Take a bare 0 as a price of zero: known, and nothing."""
    is_zero = isinstance(value, int | float) and not isinstance(value, bool) and value == 0
    return {"input": 0, "output": 0} if is_zero else value


class PriceConfig(Section):
    """Hold US dollars per million tokens, turned into integers on reading; None: see `Rates`."""

    input: UsdPerMillion
    output: UsdPerMillion
    cached_input: UsdPerMillion | None = None
    cache_write: UsdPerMillion | None = None
    cache_write_1h: UsdPerMillion | None = None

    @property
    def price(self) -> Price:
        """Give the price as the catalogue knows it."""
        rates = Rates(
            input=self.input,
            output=self.output,
            cache_read=self.cached_input,
            cache_write=self.cache_write,
            cache_write_1h=self.cache_write_1h,
        )
        return Price(rates=rates, source="config")


PriceSection: TypeAlias = Annotated[PriceConfig, BeforeValidator(_free)]


class ProviderConfig(TermsConfig):
    """Hold an endpoint. What is None comes from the built-in row of the name `like`, else of its own.

    `discover`: ask it for its models. `price` and `capabilities` are those of its deployments which state none.
    """

    like: RowRef | None = None
    protocol: Protocol | None = None
    base_url: BaseUrl | None = None
    key: Reference | None = None
    key_header: Header | None = None
    key_query: Label | None = None
    auth: Annotated[AuthConfig, BeforeValidator(spelled)] | None = None
    project: Label | None = None
    region: Label | None = None
    price_id: Annotated[str, AfterValidator(filled)] | None = None
    extensions: Extensions | None = None
    needs_bytes: MediaKinds | None = None
    prefill: PrefillWord | None = None
    on_cancel: OnCancelWord | None = None
    simulated: Switch = False
    discover: Switch | None = None
    price: PriceSection | None = None
    capabilities: Capabilities | None = None


class DeploymentConfig(TermsConfig):
    """Hold a model at a provider. `name` is what it is called there, None: the same; `price` None: look it up.

    Its terms are its provider's where it states none.
    """

    provider: ProviderRef
    name: Annotated[str, AfterValidator(filled)] | None = None
    price: PriceSection | None = None


class ModelConfig(Section):
    """Hold a model and where it runs. What is None comes from the catalogue.

    `fallbacks` are tried, in order, when a caller names the model and all its deployments failed.
    """

    deployments: Annotated[tuple[DeploymentConfig, ...], AfterValidator(filled)]
    fallbacks: tuple[Target, ...] = ()
    context_window: Annotated[Whole, Field(gt=0)] | None = None
    max_output_tokens: Annotated[Whole, Field(gt=0)] | None = None
    capabilities: Capabilities | None = None


def _models(value: dict[str, ModelConfig], info: ValidationInfo) -> dict[str, ModelConfig]:
    """Refuse to have none, unless there are servers to be asked for theirs."""
    names: Names | None = info.context
    return value if names is None or names.discovering else filled(value)


class ReliabilityConfig(Section):
    """Hold how long and how often an exchange is tried; durations are seconds."""

    max_attempts: Annotated[Whole, Field(ge=1, le=20)] = 3
    retries: Annotated[Whole, Field(ge=0, le=10)] = 1
    deadline: Duration = 600.0
    connect_timeout: Duration = 5.0
    first_token_timeout: Duration = 10.0
    answer_timeout: Duration = 300.0
    stall_timeout: Duration = 30.0
    content_timeout: Duration = 60.0
    reasoning_timeout: Duration = 120.0
    keep_alive: Interval = 10.0
    rescue: Switch = True
    hedge_after: Duration | None = None
    circuit_breaker: Switch = True


class MediaConfig(Section):
    """Hold whether images and files that callers name by URL are fetched for providers that take bytes only.

    `max_bytes` and `timeout` bound all the files of one request together.
    """

    fetch: Switch = False
    max_bytes: Annotated[Whole, Field(ge=1024, le=1024 * MIB)] = 20 * MIB
    timeout: Duration = 10.0


class LedgerConfig(Section):
    """Hold where the write-ahead log of calls is, and what happens to a call that it cannot take.

    `path` None: beside the store's file; with a PostgreSQL store `gearshift.ledger`.
    """

    path: Annotated[str, AfterValidator(filled)] | None = None
    when_full: WhenFullWord = "refuse"


class CacheConfig(Section):
    """Hold whether answers are kept and given again to the same caller for the same request, how long, and how much."""

    answers: Switch = False
    ttl: Interval = 3600.0
    max_bytes: Annotated[Whole, Field(ge=1024)] = 64 * MIB
    max_answer_bytes: Annotated[Whole, Field(ge=1024)] = MIB


class LoggingConfig(Section):
    """Hold what is kept of an exchange. `content`: prompts and answers too."""

    content: Switch = False


class Config(Section):
    """Hold a whole config."""

    server: ServerConfig = ServerConfig()
    store: StoreUrl = "sqlite:///gearshift.db"
    shared: SharedUrl = "memory://"
    catalog: Annotated[str, AfterValidator(filled)] = "gearshift-catalog.json"
    providers: Annotated[dict[Id, ProviderConfig], AfterValidator(filled)]
    models: Annotated[dict[ModelName, ModelConfig], AfterValidator(_models)]
    routers: dict[Id, RouterConfig] = Field(default_factory=lambda: {DEFAULT_ROUTER: RouterConfig(candidates=("*",))})
    reliability: ReliabilityConfig = ReliabilityConfig()
    media: MediaConfig = MediaConfig()
    logging: LoggingConfig = LoggingConfig()
    ledger: LedgerConfig = LedgerConfig()
    cache: CacheConfig = CacheConfig()

    @property
    def ledger_path(self) -> Path:
        """Give the folder of the write-ahead log; relative paths are relative to the working directory."""
        beside = self.store.removeprefix(SQLITE) if self.store.startswith(SQLITE) else "gearshift"
        return Path(self.ledger.path or f"{beside}.ledger")

    @property
    def catalog_path(self) -> Path:
        """Give the file of newer prices, which need not be there."""
        return Path(self.catalog)

    @cached_property
    def version(self) -> str:
        """Give a short digest: the same config has the same version."""
        text = json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]
