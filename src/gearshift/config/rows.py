"""Own the built-in providers: the rows of `providers.toml`, and how a config's provider and its row make one.

Invariant: every row and every quirk states its source and the date on which it was read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from gearshift.config.model import ProviderConfig
from gearshift.config.proofs import is_set, parts_of
from gearshift.config.values import LABEL
from gearshift.types.catalog import AuthKind, OnCancel, Prefill, Provider, Quirks

FILE: Final = Path(__file__).resolve().parents[1] / "providers.toml"


class TextQuirk(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold a quirk that is a word."""

    value: str
    source: str
    date: str


class SwitchQuirk(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold a quirk that is so or not."""

    value: bool
    source: str
    date: str


class NumberQuirk(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold a quirk that is a number."""

    value: int
    source: str
    date: str


class ListQuirk(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold a quirk that is a list of words."""

    value: tuple[str, ...]
    source: str
    date: str


class PrefillQuirk(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold how a provider goes on with the beginning of an answer."""

    value: Prefill
    source: str
    date: str


class CancelQuirk(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold what a provider asks for an answer that nobody wants the rest of."""

    value: OnCancel
    source: str
    date: str


class QuirkRows(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold how a provider departs from its protocol; None: it does not."""

    max_tokens_field: TextQuirk | None = None
    stream_usage: SwitchQuirk | None = None
    extensions: ListQuirk | None = None
    drops: ListQuirk | None = None
    needs_bytes: ListQuirk | None = None
    caches_from: NumberQuirk | None = None
    path: TextQuirk | None = None
    stream_path: TextQuirk | None = None
    anthropic_version: TextQuirk | None = None
    prefill: PrefillQuirk | None = None
    prefill_models: ListQuirk | None = None
    prefill_path: TextQuirk | None = None
    on_cancel: CancelQuirk | None = None

    @property
    def quirks(self) -> Quirks:
        """Give the quirks without their evidence."""
        stated = {field: getattr(self, field) for field in self.__struct_fields__}
        return Quirks(**{field: quirk.value for field, quirk in stated.items() if quirk is not None})


class ProviderRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold a built-in provider.

    `key_env` names the environment variables that conventionally hold its key, the first one preferred; none: it needs
    no key. `capabilities` are those that its API gives to every model, `lacks` those that it takes from a model that
    has them elsewhere. A `base_url` with a part in braces is each customer's own, which a config must state. `models`
    serve when there is no config, the first one as the fallback. `price_id` is its id in genai-prices, `catalog_id` its
    id in models.dev. `lists` say where it lists its models, relative to `base_url`, the best place first; whoever has
    them is asked unless the config says `discover: false`.

    A cloud has a project and a region, which a config states or a variable of `project_env` and `region_env` holds:
    they fill `{project}` and `{region}` in the base URL, and its `{host}`, which is `hosts[region]` where that is
    there, else `host`. `auth` proves a call where no key is set. `facts_of` names the provider whose facts about models
    of the same name hold here too.
    """

    name: str
    protocol: str
    base_url: str
    source: str
    date: str
    key_env: tuple[str, ...] = ()
    key_header: str | None = None
    price_id: str | None = None
    catalog_id: str | None = None
    capabilities: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    quirks: QuirkRows = QuirkRows()
    auth: AuthKind | None = None
    host: str = ""
    hosts: dict[str, str] = {}
    facts_of: str | None = None
    project_env: tuple[str, ...] = ()
    region_env: tuple[str, ...] = ()

    @property
    def unplaced(self) -> bool:
        """Say whether its base URL has a part that only a config can state."""
        return OWN in self.place(host="", project="", region="")

    def place(self, **parts: str) -> str:
        """Give the base URL with these of its parts in their places."""
        url = self.base_url
        for name, value in parts.items():
            url = url.replace(f"{{{name}}}", value)
        return url


def parse(text: str | bytes) -> dict[str, ProviderRow]:
    """Read rows, each a table named after its provider; raise msgspec.ValidationError on a row that is not one."""
    return msgspec.toml.decode(text, type=dict[str, ProviderRow])


@cache
def builtin() -> Mapping[str, ProviderRow]:
    """Read the rows that ship with Gearshift, once."""
    return parse(FILE.read_bytes())


_KEY_HEADERS: Final = {"anthropic_messages": "x-api-key", "gemini": "x-goog-api-key"}
"""The header that carries the key, by protocol; of the others it is `authorization`."""
OWN: Final = "{"
"""What begins a part of a base URL that is each customer's own."""


def row_of(name: str, stated: ProviderConfig, known: Mapping[str, ProviderRow]) -> ProviderRow | None:
    """Find the row of the provider `name`: the one that it is like, else the one of its name; None: it has none."""
    return known.get(stated.like or name)


def resolve(name: str, stated: ProviderConfig, row: ProviderRow | None, environ: Mapping[str, str]) -> Provider:
    """Make the provider of what a config states and of its built-in row, if it has one; the statement wins.

    The key's reference, where none is stated, is the first variable of the row that is set, else the row's first. Parts
    of the base URL that are found nowhere keep their braces: `unplaced` tells them.
    """
    base = row or ProviderRow(name=name, protocol="", base_url="", source="", date="")
    variable = _first(base.key_env, environ)
    protocol = stated.protocol or base.protocol
    auth = _auth(stated, base, environ)
    region = _placed(stated.region, base.region_env, environ)
    return Provider(
        id=name,
        protocol=protocol,
        base_url=stated.base_url or _base_url(stated, base, region, environ),
        key=None if auth != "key" else stated.key or (f"env:{variable}" if variable else None),
        key_header=stated.key_header or base.key_header or _KEY_HEADERS.get(protocol, "authorization"),
        key_query=stated.key_query,
        auth=auth,
        parts=parts_of(auth, stated.auth, environ),
        region=region,
        price_id=stated.price_id or base.price_id,
        quirks=_quirks(stated, base.quirks.quirks),
        simulated=stated.simulated,
        lists=(base.lists or ("models",)) if stated.discover or (stated.discover is None and base.lists) else (),
    )


def _quirks(stated: ProviderConfig, known: Quirks) -> Quirks:
    """Give the quirks: those that a config states, else the row's; a prefill that is stated is of all its models."""
    changes: dict[str, object] = {
        name: value
        for name in ("extensions", "needs_bytes", "prefill", "on_cancel")
        if (value := getattr(stated, name)) is not None
    }
    if "prefill" in changes:
        changes |= {"prefill_models": (), "prefill_path": None}
    return msgspec.structs.replace(known, **changes) if changes else known


def _first(variables: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """Give the first of the variables that is set, else the first."""
    return next((each for each in variables if environ.get(each)), variables[0] if variables else None)


def _auth(stated: ProviderConfig, row: ProviderRow, environ: Mapping[str, str]) -> AuthKind:
    """Choose how calls are proved: as stated; else by a key, if one is set; else as is usual there, if that can be."""
    if stated.auth is not None:
        return stated.auth.kind
    if row.auth is None or stated.key is not None or any(environ.get(each) for each in row.key_env):
        return "key"
    return row.auth if not row.key_env or is_set(row.auth, environ) else "key"


def _placed(stated: str | None, variables: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """Give a part of a cloud's place: what is stated, else what a variable says, if that can stand in a URL."""
    found = stated or environ.get(_first(variables, environ) or "", "")
    return found if LABEL.fullmatch(found) else None


def _base_url(stated: ProviderConfig, row: ProviderRow, region: str | None, environ: Mapping[str, str]) -> str:
    """Put what is known of a cloud's place into the row's base URL."""
    project = _placed(stated.project, row.project_env, environ)
    parts = {"host": row.hosts.get(region or "", row.host), "project": project, "region": region}
    return row.place(**{name: value for name, value in parts.items() if value})


def unplaced(stated: ProviderConfig, row: ProviderRow | None, environ: Mapping[str, str]) -> list[str]:
    """Give a fault, by its key, for each part of a cloud's place that is nowhere to be found."""
    if row is None:
        return []
    provider = resolve("", stated, row, environ)
    wanted = {"project": row.project_env, "region": row.region_env}
    signed = {"region"} if provider.auth == "sigv4" and provider.region is None else set()
    missing = {name for name in wanted if f"{{{name}}}" in provider.base_url} | signed
    return [
        f"{name}: found none that fits, expected such as {_EXAMPLES[name]}; state it, or set {' or '.join(variables)}"
        for name, variables in wanted.items()
        if name in missing
    ]


_EXAMPLES: Final = {"project": "my-project-123456", "region": "us-east-1 or global"}
