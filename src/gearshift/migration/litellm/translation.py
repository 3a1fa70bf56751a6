"""Own the translation as a whole: a LiteLLM proxy config in, a Gearshift config and all that must be told out.

    document ─ entries ─> targets ─ models ─> routers ─> settings ─> Translation

Source: https://docs.litellm.ai/docs/proxy/configs and the types of LiteLLM 1.110 (`litellm/types/router.py`), read
2026-11-27.
Invariant: what comes out loads in Gearshift as it is; only the variables that it names are still to be set.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from gearshift.config import from_mapping
from gearshift.config.document import Document
from gearshift.config.rows import ProviderRow, builtin
from gearshift.errors import ConfigError
from gearshift.migration.findings import Finding, Findings, Spots, place, shown, spelled
from gearshift.migration.litellm import fallbacks, models
from gearshift.migration.litellm.clouds import READ
from gearshift.migration.litellm.endpoints import Resolver, Target
from gearshift.migration.litellm.entries import Entry, mapping, read
from gearshift.migration.litellm.prices import is_cost
from gearshift.migration.litellm.providers import Providers
from gearshift.migration.litellm.purpose import is_served
from gearshift.migration.litellm.reasons import OTHER_PARAM, PARAMS, WILDCARD
from gearshift.migration.litellm.routers import AUTO_KEYS, Routers, is_auto_router
from gearshift.migration.litellm.secrets import Secrets
from gearshift.migration.litellm.settings import Settings

_HANDLED: Final = frozenset(
    {"model", "api_key", "api_base", "base_url", "api_version", "custom_llm_provider", "order", "weight"}
)
_STAR: Final = "*"

Note = tuple[str, str]
"""A section and a name in it."""


class Translation(Struct, frozen=True, kw_only=True):
    """Hold a config, where its parts came from, what was not carried, and what was taken for granted."""

    config: dict[str, Any]
    origins: Mapping[Note, str]
    not_carried: tuple[Finding, ...]
    assumptions: tuple[str, ...]


def translate(document: Document, *, source: str, spot: Spots | None = None) -> Translation:
    """Translate a LiteLLM config, named `source` in messages; `spot` finds a path in its files.

    Raises ConfigError when nothing of it can be served, with the reasons.
    """
    try:
        json.dumps(document, default=str, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ConfigError(
            ["found a text with half a character (a lone surrogate), expected Unicode"], source=source
        ) from None
    return _Translator(document, builtin()).translation(source, spot)


class _Translator:
    def __init__(self, document: Document, rows: Mapping[str, ProviderRow]) -> None:
        self._document = document
        self._rows = rows
        self._findings = Findings()
        self._secrets = Secrets(document, self._findings)
        self._providers = Providers(rows, self._findings)
        variables = mapping(document.get("environment_variables"))
        self._resolver = Resolver(rows, self._secrets, variables, self._findings)

    def translation(self, source: str, spot: Spots | None) -> Translation:
        entries = read(self._document, self._findings)
        known = frozenset(name for name, row in self._rows.items() if row.catalog_id or row.facts_of)
        groups = models.build(self._targets(entries), self._providers, known, self._findings)
        settings = Settings(self._document, self._secrets, self._findings)
        settings.read()
        fallbacks.add(settings.fallbacks, settings.aliases, groups, self._findings)
        settings.allow(fallbacks.longest(groups))
        routers = self._routers(entries, groups, settings)
        not_carried = self._findings.not_carried(self._document, spot)
        if not groups:
            listed = [each for each in not_carried if each.where.startswith("model_list")]
            reasons = [f"{each.place}: found {each.found}; {each.why}" for each in listed]
            expected = "found no model that Gearshift can serve, expected at least one entry of model_list"
            raise ConfigError([expected, *reasons], source=source)
        config = {
            "server": settings.server,
            "providers": self._providers.document(),
            "models": {name: group.document for name, group in groups.items()} | routers.copies,
            "routers": routers.document,
            "reliability": settings.reliability,
            "logging": settings.logging,
        }
        config = {section: value for section, value in config.items() if value}
        from_mapping(config, source=f"the config made of {source}", environ={})
        return Translation(
            config=config,
            origins=self._origins(groups, routers),
            not_carried=not_carried,
            assumptions=self._findings.assumptions,
        )

    def _targets(self, entries: list[Entry]) -> list[tuple[Entry, Target]]:
        """Find where each entry's requests go; one with a wildcard stands for the built-in models of its provider."""
        found: list[tuple[Entry, Target]] = []
        named = frozenset(entry.name for entry in entries)
        for entry in entries:
            if is_auto_router(entry):
                self._leave_params(entry, frozenset({*AUTO_KEYS, "model"}))
                continue
            if not is_served(entry, self._findings):
                continue
            if _STAR in entry.name or _STAR in entry.model:
                found += self._wild(entry, named)
            elif (target := self._resolver.target(entry)) is not None:
                found.append((entry, target))
                self._leave_params(entry, _HANDLED | READ.get(target.endpoint.row or "", frozenset()))
        return found

    def _wild(self, entry: Entry, named: frozenset[str]) -> list[tuple[Entry, Target]]:
        """Give the models that a wildcard stands for: those of the provider that serve when there is no config.

        Those that are `named` in entries of their own are left to these, as in LiteLLM.
        """
        self._findings.leave((*entry.path, "model_name"), spelled(entry.name), WILDCARD)
        if not entry.model.endswith(f"/{_STAR}") or entry.name.count(_STAR) != 1:
            return []
        target = self._resolver.target(entry)
        if target is None or target.endpoint.row is None:
            return []
        self._leave_params(entry, _HANDLED | READ.get(target.endpoint.row, frozenset()))
        found = []
        for model in self._rows[target.endpoint.row].models:
            name = entry.name.replace(_STAR, model)
            if name in named:
                continue
            stated = Entry(
                path=entry.path,
                name=name,
                model=entry.model.replace(_STAR, model),
                params=entry.params,
                info={},
                origins=entry.origins,
            )
            found.append((stated, Target(endpoint=target.endpoint, model=model, blanks=target.blanks)))
        if found:
            self._findings.assume(
                f"{place(entry.path)}: the wildcard stands for the models {', '.join(each.model for _, each in found)}"
            )
        return found

    def _leave_params(self, entry: Entry, handled: frozenset[str]) -> None:
        for key, value in entry.params.items():
            if key in handled or is_cost(key) or (key in PARAMS and value is False):
                continue
            self._findings.leave(entry.where(key), shown(key, value), PARAMS.get(key, OTHER_PARAM))

    def _routers(self, entries: list[Entry], groups: Mapping[str, models.Group], settings: Settings) -> Routers:
        routers = Routers(groups, self._findings)
        for entry in entries:
            if is_auto_router(entry):
                routers.add_auto_router(entry)
        for path, name, target in settings.aliases:
            routers.add_alias(name, target, path)
        for name, group in groups.items():
            routers.add_balanced(name, group)
        routers.add_default()
        return routers

    def _origins(self, groups: Mapping[str, models.Group], routers: Routers) -> dict[Note, str]:
        """Say where each part of the config came from."""
        found: dict[Note, str] = {}
        for name, entries in self._providers.origins.items():
            found["providers", name] = ", ".join(dict.fromkeys(place(entry.path) for entry in entries))
        for name, group in groups.items():
            found["models", name] = ", ".join(place(each.entry.path) for each in group.deployments)
        for name, origin in routers.origins.items():
            found["models" if name in routers.copies else "routers", name] = origin
        return found
