"""Own the models: entries of one name become the deployments of one model, in the order in which they are tried.

Source: https://docs.litellm.ai/docs/proxy/load_balancing and https://docs.litellm.ai/docs/routing (`order`, weighted
picks), read 2026-11-27.
Invariant: a model that a LiteLLM caller names is named the same here, or it is noted.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from msgspec import Struct, field
from pydantic import TypeAdapter, ValidationError

from gearshift.config.values import ModelName
from gearshift.migration.findings import Findings, Reason, place, spelled
from gearshift.migration.litellm.endpoints import Target
from gearshift.migration.litellm.entries import Entry
from gearshift.migration.litellm.facts import facts_of
from gearshift.migration.litellm.numbers import number
from gearshift.migration.litellm.prices import price_of
from gearshift.migration.litellm.providers import Providers
from gearshift.migration.litellm.purpose import embeds

_NAME: Final = TypeAdapter[str](ModelName)
_NO_NAME: Final = Reason("expected a name of 1 to 200 characters without blanks, *, ?, [ and ]", "name it otherwise")
_TWICE: Final = Reason(
    "another entry says the same provider, key and name",
    "nothing is needed; a model's weight is not said by repeating it",
)
_SHARED: Final = Reason("another entry of this model says otherwise, and the smaller number was taken", "see the model")
_CLASH: Final = Reason(
    "Gearshift calls a deployment `provider/model`, and so another model's deployment has this name",
    "rename one of the two; until then the name means that deployment",
)
_MIXED: Final = Reason(
    "a model either chats or makes embeddings, and the first entry of this name does the other", "name it otherwise"
)
_DATED: Final = "@"
"""What Vertex AI puts before the date of a model; the catalogue knows models without it."""
_WEIGHTS: Final = ("weight", "rpm", "tpm")


class Deployed(Struct, frozen=True, kw_only=True):
    """Hold an entry with the provider that it got."""

    entry: Entry
    target: Target
    provider: str
    stated: dict[str, Any]


class Group(Struct, kw_only=True):
    """Hold a model: its deployments in order, and what is known of it."""

    deployments: list[Deployed] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    fallbacks: list[str] = field(default_factory=list)

    @property
    def embeds(self) -> bool:
        """Say whether it makes embeddings, and answers no conversation."""
        return embeds(self.deployments[0].entry)

    @property
    def document(self) -> dict[str, Any]:
        """Give the model as a config states it."""
        fallbacks = {"fallbacks": self.fallbacks} if self.fallbacks else {}
        return {**self.facts, "deployments": [each.stated for each in self.deployments], **fallbacks}


def build(
    targets: list[tuple[Entry, Target]], providers: Providers, known: frozenset[str], findings: Findings
) -> dict[str, Group]:
    """Make the models; `known` are the built-in providers whose models are in the catalogue."""
    groups: dict[str, Group] = {}
    for entry, target in targets:
        try:
            _NAME.validate_python(entry.name)
        except ValidationError:
            findings.leave((*entry.path, "model_name"), spelled(entry.name), _NO_NAME)
            continue
        group = groups.setdefault(entry.name, Group())
        if group.deployments and group.embeds != embeds(entry):
            findings.leave((*entry.path, "model_name"), spelled(entry.name), _MIXED)
            continue
        _add(group, entry, target, providers, findings)
        is_known = target.endpoint.row in known and _DATED not in target.model
        _agree(group, entry, facts_of(entry, is_known=is_known, findings=findings), findings)
    for group in groups.values():
        group.deployments.sort(key=_order)
    return _distinct(groups, findings)


def share(entry: Entry, metric: str) -> Decimal:
    """Give the weight of an entry by `weight`, `rpm` or `tpm`; 0: none is stated."""
    stated = number(entry.params.get(metric))
    return stated if stated is not None and stated > 0 else Decimal(0)


def metric_of(entries: list[Entry]) -> str | None:
    """Find what LiteLLM's simple-shuffle weighs by: the first of weight, rpm and tpm that anybody states."""
    return next((metric for metric in _WEIGHTS if any(share(entry, metric) for entry in entries)), None)


def _order(deployed: Deployed) -> tuple[bool, Decimal, list[Decimal]]:
    """Sort by `order`, then the heaviest first."""
    entry = deployed.entry
    stated = number(entry.params.get("order"))
    return stated is None, stated or Decimal(0), [-share(entry, metric) for metric in _WEIGHTS]


def _add(group: Group, entry: Entry, target: Target, providers: Providers, findings: Findings) -> None:
    for each in group.deployments:
        if each.target == target:
            findings.leave(entry.path, f"a copy of {place(each.entry.path)}", _TWICE)
            return
    provider = providers.place(target, entry, [each.provider for each in group.deployments])
    stated: dict[str, Any] = {"provider": provider}
    if target.model != entry.name:
        stated["name"] = target.model
    if (price := price_of(entry, findings)) is not None:
        stated["price"] = price
    group.deployments.append(Deployed(entry=entry, target=target, provider=provider, stated=stated))


def _agree(group: Group, entry: Entry, facts: dict[str, Any], findings: Findings) -> None:
    """Take the facts of one more entry: the smaller number, and what all are said to do."""
    for key, value in facts.items():
        known = group.facts.setdefault(key, value)
        if known == value:
            continue
        findings.leave((*entry.path, "model_info"), f"another {key}", _SHARED)
        group.facts[key] = sorted({*known} & {*value}) if isinstance(value, list) else min(known, value)


def _distinct(groups: dict[str, Group], findings: Findings) -> dict[str, Group]:
    """Take out the models that are named as the deployment of another one."""
    ids = {f"{each.provider}/{name}": each for name, group in groups.items() for each in group.deployments}
    kept: dict[str, Group] = {}
    for name, group in groups.items():
        if (other := ids.get(name)) is None:
            kept[name] = group
            continue
        alike = [each.stated.get("name", name) for each in group.deployments] == [
            other.stated.get("name", other.entry.name)
        ]
        if alike and group.deployments[0].provider == other.provider:
            findings.assume(
                f"{place(group.deployments[0].entry.path)}: its name is that of a deployment of another model, the same"
            )
        else:
            findings.leave((*group.deployments[0].entry.path, "model_name"), spelled(name), _CLASH)
    return kept
