"""Own the routers: LiteLLM's auto-routers, its aliases, what it spreads load over, and `auto`.

Source: https://docs.litellm.ai/docs/proxy/auto_routing, https://docs.litellm.ai/docs/proxy/load_balancing
(`model_group_alias`) and LiteLLM's `router_strategy/`, read 2026-11-27.
Invariant: every router leads to models that are there, and none has the name of a model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from gearshift.config.model import DEFAULT_ROUTER
from gearshift.config.overrides import Path
from gearshift.config.routers import DEFAULT_TIER
from gearshift.config.values import Id, ModelName
from gearshift.migration.findings import Findings, Reason, place, shown, spelled
from gearshift.migration.litellm.entries import Entry, Settings, mapping
from gearshift.migration.litellm.models import Group, metric_of, share
from gearshift.migration.litellm.numbers import plain
from gearshift.migration.litellm.prefixes import AUTO_ROUTER

AUTO_KEYS: Final = (
    "adaptive_router_config",
    "adaptive_router_default_model",
    "complexity_router_config",
    "complexity_router_default_model",
    "quality_router_config",
    "quality_router_default_model",
    "auto_router_default_model",
)
"""What is read of an auto-router."""
_ID: Final = TypeAdapter[str](Id)
_NAME: Final = TypeAdapter[str](ModelName)
_NO_CANDIDATES: Final = Reason(
    "none of its models was found in the config, or they stand in a file of their own",
    "write a router with these models as candidates",
)
_ROUTER_NAME: Final = Reason(
    "a router is named by letters, digits, dots, dashes and underscores, and not as a model", "name it otherwise"
)
_NO_TARGET: Final = Reason("its model was not carried, or is none", "see that model")
_TAKEN: Final = Reason("a model or router has this name", "name it otherwise")
_HIDDEN: Final = Reason("/v1/models lists every name", "nothing, or leave the alias out")


class Routers:
    """Collect the routers of a config, and aliases whose names only models can have."""

    def __init__(self, groups: Mapping[str, Group], findings: Findings) -> None:
        """Take the models."""
        self._groups = groups
        self._findings = findings
        self._ids = {f"{each.provider}/{name}" for name, group in groups.items() for each in group.deployments}
        self.document: dict[str, dict[str, Any]] = {}
        self.copies: dict[str, dict[str, Any]] = {}
        self.origins: dict[str, str] = {}

    def add_auto_router(self, entry: Entry) -> None:
        """Make a router of one of LiteLLM's auto-routers: Gearshift's predictor chooses among its models."""
        named = list(dict.fromkeys(_models_of(entry.params)))
        candidates = [name for name in named if name in self._groups and not self._groups[name].embeds]
        if self._is_taken(entry.name) or not _fits(_ID, entry.name):
            self._findings.leave((*entry.path, "model_name"), spelled(entry.name), _ROUTER_NAME)
            return
        if not candidates:
            self._findings.leave(entry.where("model"), spelled(entry.model), _NO_CANDIDATES)
            return
        for name in [each for each in named if each not in candidates]:
            self._findings.leave(entry.path, f"{spelled(name)} among its models", _NO_TARGET)
        default = next((value for key, value in entry.params.items() if key.endswith("_default_model")), None)
        self._add(entry.name, _choosing(candidates, default), place(entry.path))
        self._findings.assume(
            f"{place(entry.path)}: Gearshift's predictor chooses among {', '.join(map(spelled, candidates))} with the "
            f"objective cost_tier: {DEFAULT_TIER}, where LiteLLM's router had rules of its own"
        )

    def add_alias(self, name: str, stated: object, path: Path) -> None:
        """Make another name of a model: a router with one rule, or a copy where a router cannot have the name."""
        target = mapping(stated).get("model") if isinstance(stated, dict) else stated
        if not isinstance(target, str) or (target not in self._groups and target not in self.document):
            self._findings.leave(path, shown("model", target, plain=True), _NO_TARGET)
        elif self._is_taken(name) or not _fits(_NAME, name):
            self._findings.leave(path, spelled(name), _TAKEN)
        else:
            if mapping(stated).get("hidden") is True:
                self._findings.leave((*path, "hidden"), "true", _HIDDEN)
            self._name_again(name, target, path)

    def add_balanced(self, name: str, group: Group) -> None:
        """Make the router that draws among a model's deployments of the first order, as LiteLLM did."""
        first = group.deployments[0].entry.params.get("order")
        drawn = [each for each in group.deployments if each.entry.params.get("order") == first]
        if len(drawn) < 2:  # noqa: PLR2004
            return
        router, metric = f"{name}-balanced", metric_of([each.entry for each in drawn])
        shares = {f"{each.provider}/{name}": share(each.entry, metric) if metric else Decimal(1) for each in drawn}
        origin = "as LiteLLM spread the load of " + ", ".join(place(each.entry.path) for each in drawn)
        advice = "write a router with weights, which draws"
        if not self._is_taken(router) and _fits(_ID, router):
            self._add(router, {"weights": {id_: plain(each) for id_, each in shares.items() if each}}, origin)
            advice = f"call the router {spelled(router)}, which draws"
        self._findings.leave(
            (*drawn[0].entry.path, "model_name"),
            f"{len(drawn)} deployments of {spelled(name)}, drawn by {metric or 'chance'}",
            Reason(
                "a model's deployments are tried in order, each after the one before failed; here by `order`, then the "
                "heaviest first",
                f"{advice} among those whose price is known; or leave it, if the first can take the load",
            ),
        )

    def add_default(self) -> None:
        """Make the router `auto` over all models, unless somebody has the name."""
        candidates = [name for name, group in self._groups.items() if not group.embeds]
        if candidates and not self._is_taken(DEFAULT_ROUTER):
            self._add(DEFAULT_ROUTER, _choosing(candidates, None), "Gearshift's own: it chooses among all that chat")

    def _name_again(self, name: str, target: str, path: Path) -> None:
        if _fits(_ID, name):
            self._add(name, {"rules": [{"use": target}]}, place(path))
        elif target in self._groups and not any(self._is_taken(each) for each in self._ids_of(target, name)):
            copy = self._groups[target].document
            copy["deployments"] = [
                {"provider": each["provider"], "name": target, **each} for each in copy["deployments"]
            ]
            self.copies[name] = copy
            self.origins[name] = place(path)
            self._ids |= self._ids_of(target, name)
        else:
            self._findings.leave(path, spelled(name), _ROUTER_NAME)

    def _ids_of(self, target: str, name: str) -> set[str]:
        return {f"{each.provider}/{name}" for each in self._groups[target].deployments}

    def _add(self, name: str, router: dict[str, Any], origin: str) -> None:
        self.document[name] = router
        self.origins[name] = origin

    def _is_taken(self, name: str) -> bool:
        return any(name in taken for taken in (self._groups, self.copies, self.document, self._ids))


def is_auto_router(entry: Entry) -> bool:
    """Say whether an entry is one of LiteLLM's auto-routers."""
    return entry.model.partition("/")[0] == AUTO_ROUTER


def _choosing(candidates: list[str], default: object) -> dict[str, Any]:
    fallback = default if default in candidates else candidates[0]
    return {"candidates": candidates, "objective": {"cost_tier": DEFAULT_TIER}, "fallback": fallback}


def _models_of(params: Settings) -> Iterator[str]:
    """List the models that an auto-router chooses among, in the order in which they are named."""
    for key in AUTO_KEYS:
        stated = params.get(key)
        if isinstance(stated, str) and key.endswith("_default_model"):
            yield stated
            continue
        config = mapping(stated)
        tiers = mapping(config.get("tiers")).values()
        for listed in (config.get("available_models"), *tiers, config.get("default_model")):
            named = listed if isinstance(listed, list) else [listed]
            yield from (each for each in named if isinstance(each, str))


def _fits(kind: TypeAdapter[str], name: str) -> bool:
    try:
        kind.validate_python(name)
    except ValidationError:
        return False
    return True
