"""Own the fallbacks of models: LiteLLM's lists of other models for one that failed.

Source: https://docs.litellm.ai/docs/proxy/reliability, read 2026-11-27.
Invariant: a model's fallbacks are models that are there, in LiteLLM's order, and none of them is the model itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gearshift.config.overrides import Path
from gearshift.migration.findings import Findings, Reason, shown, spelled
from gearshift.migration.litellm.entries import mapping
from gearshift.migration.litellm.models import Group
from gearshift.migration.litellm.settings import ANY

_NO_MODEL: Final = Reason("no model of this name was carried", "see that model, or state `fallbacks` of another")
_NO_FALLBACK: Final = Reason(
    "expected the name of a model that was carried and chats; another request, or a deployment by its id, is none",
    "add a model or deployment to `fallbacks` by its name",
)

_VECTORS: Final = Reason(
    "vectors of two models cannot be compared, so no other model answers for a model of embeddings",
    "nothing is needed; a second provider of the same model is one more deployment of it",
)

Stated = tuple[Path, str, object]
"""A place, a name and what is stated of it."""


def add(stated: list[Stated], aliases: list[Stated], groups: Mapping[str, Group], findings: Findings) -> None:
    """Give the models their fallbacks: first those of their own, then the default ones to who has none."""
    others = {name: target if isinstance(target, str) else mapping(target).get("model") for _, name, target in aliases}
    for path, name, listed in sorted(stated, key=lambda each: each[1] == ANY):
        named = others.get(name, name)
        meant = [group for group in groups.values() if not group.fallbacks] if name == ANY else [groups.get(str(named))]
        fallbacks = _names(listed, others, groups, path, findings)
        for group in meant:
            if group is None:
                findings.leave(path, spelled(name), _NO_MODEL)
                continue
            if group.embeds:
                if name != ANY:
                    findings.leave(path, spelled(name), _VECTORS)
                continue
            own = group.deployments[0].entry.name
            group.fallbacks = [each for each in dict.fromkeys([*group.fallbacks, *fallbacks]) if each != own]


def longest(groups: Mapping[str, Group]) -> int:
    """Give the greatest number of deployments that are tried for one request."""
    chains = ([group, *(groups[name] for name in group.fallbacks)] for group in groups.values())
    return max((sum(len(each.deployments) for each in chain) for chain in chains), default=0)


def _names(
    listed: object, aliases: Mapping[str, object], groups: Mapping[str, Group], path: Path, findings: Findings
) -> list[str]:
    found: list[str] = []
    for at, each in enumerate(listed if isinstance(listed, list) else [listed]):
        name = aliases.get(each, each) if isinstance(each, str) else each
        if isinstance(name, str) and name in groups and not groups[name].embeds:
            found.append(name)
        else:
            findings.leave((*path, at), shown("model", each, plain=True), _NO_FALLBACK)
    return found
