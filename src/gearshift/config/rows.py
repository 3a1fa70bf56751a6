"""Own the built-in providers: the rows of `providers.toml`, and how a config's provider and its row make one.

Invariant: every row and every quirk states its source and the date on which it was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from gearshift.config.model import ProviderConfig
from gearshift.types.catalog import Provider, Quirks

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


class ListQuirk(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold a quirk that is a list of words."""

    value: tuple[str, ...]
    source: str
    date: str


class QuirkRows(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold how a provider departs from its protocol; None: it does not."""

    max_tokens_field: TextQuirk | None = None
    stream_usage: SwitchQuirk | None = None
    extensions: ListQuirk | None = None
    drops: ListQuirk | None = None

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
    id in models.dev.
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
    quirks: QuirkRows = QuirkRows()


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


def resolve(name: str, stated: ProviderConfig, row: ProviderRow | None, environ: Mapping[str, str]) -> Provider:
    """Make the provider of what a config states and of its built-in row, if it has one; the statement wins.

    The key's reference, where none is stated, is the first variable of the row that is set, else the row's first.
    """
    base = row or ProviderRow(name=name, protocol="", base_url="", source="", date="")
    quirks = base.quirks.quirks
    if stated.extensions is not None:
        quirks = msgspec.structs.replace(quirks, extensions=stated.extensions)
    variables = [variable for variable in base.key_env if environ.get(variable)] or base.key_env
    protocol = stated.protocol or base.protocol
    return Provider(
        id=name,
        protocol=protocol,
        base_url=stated.base_url or base.base_url,
        key=stated.key or (f"env:{variables[0]}" if variables else None),
        key_header=stated.key_header or base.key_header or _KEY_HEADERS.get(protocol, "authorization"),
        price_id=stated.price_id or base.price_id,
        quirks=quirks,
        simulated=stated.simulated,
    )
