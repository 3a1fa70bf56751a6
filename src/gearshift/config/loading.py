"""Own how a config comes to be: a file, a mapping or the environment, validated as a whole.

Invariant: every way ends in `from_mapping`, which reports all faults at once or gives a `Config` without any.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gearshift.config import coherence, document, faults, overrides, proofs, rows
from gearshift.config.model import Config
from gearshift.config.rows import ProviderRow
from gearshift.config.secret import resolve_document, resolve_secret
from gearshift.errors import ConfigError


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Read the config file at `path`, with the overrides of `environ`; raise ConfigError with every fault."""
    return from_mapping(document.read(path), source=str(path), environ=environ)


def from_mapping(
    mapping: Mapping[str, Any],
    *,
    source: str,
    environ: Mapping[str, str],
    known: Mapping[str, ProviderRow] | None = None,
) -> Config:
    """Validate a config given as plain data, named `source` in messages; raise ConfigError with every fault.

    `known` are the built-in providers, those of `providers.toml` unless given.
    """
    raw, origins, found = overrides.apply(dict(mapping), environ)
    names = coherence.names_of(raw, rows.builtin() if known is None else known)
    if names.discovering:
        raw.setdefault("models", {})
    config = None
    try:
        config = Config.model_validate(raw, context=names)
    except ValidationError as problem:
        found += faults.render(problem, Config, origins)
    found += [f"{faults.locate(path, origins)}: {text}" for path, text in coherence.faults_of(raw, names)]
    if config is None or found:
        raise ConfigError(found, source=source)
    return config


def check_secrets(
    config: Config, environ: Mapping[str, str], *, source: str, known: Mapping[str, ProviderRow] | None = None
) -> None:
    """Read every secret that serving needs, and forget it; raise ConfigError naming each that is missing.

    The keys of providers that no deployment uses are not asked for.
    """
    table = rows.builtin() if known is None else known
    wanted = {f"server.keys[{at}]": key for at, key in enumerate(config.server.keys)}
    if config.server.admin_key is not None:
        wanted["server.admin_key"] = config.server.admin_key
    used = {deployment.provider for model in config.models.values() for deployment in model.deployments}
    found: list[str] = []
    others: dict[str, str] = {}
    for name, stated in config.providers.items():
        place, row = f"providers.{name}", rows.row_of(name, stated, table)
        provider = rows.resolve(name, stated, row, environ)
        if provider.lists and provider.auth != "key":
            why = f"found true beside auth: {provider.auth}, expected a key or none: lists of models are asked for so"
            found.append(f"{place}.discover: {why}; say false, and declare its models")
        if name not in used:
            continue
        found += [f"{place}.{fault}" for fault in rows.unplaced(stated, row, environ)]
        if provider.key is not None:
            wanted[f"{place}.key"] = provider.key
            if row is not None and row.auth is not None and stated.key is None:
                others[f"{place}.key"] = f", or say auth: {row.auth} and set {' and '.join(proofs.needed(row.auth))}"
        wanted |= {f"{place}.auth.{part}": reference for part, reference in provider.parts}
    found += [fault + others.get(fault.partition(": ")[0], "") for fault in unreadable(wanted, environ)]
    if found:
        raise ConfigError(found, source=source)


def unreadable(wanted: Mapping[str, str], environ: Mapping[str, str]) -> list[str]:
    """Give a fault for each secret that cannot be read; `wanted` are references, each by its place in the config."""
    found: list[str] = []
    for place, reference in wanted.items():
        read = resolve_document if place.endswith(".auth.credentials") else resolve_secret
        try:
            read(reference, environ)
        except ConfigError as problem:
            found += [f"{place}: {fault}" for fault in problem.faults]
    return found
