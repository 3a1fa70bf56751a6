"""Own what a config's sections must be to each other: names that are declared once, and rules that end somewhere.

It reads the raw document, leniently, so that these faults are found beside faults of shape: what has the wrong shape is
passed over here and reported there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from gearshift.config import conditions
from gearshift.config.conditions import Fault
from gearshift.config.document import Document
from gearshift.config.names import Names
from gearshift.config.overrides import Path
from gearshift.config.rows import ProviderRow

_NEEDED: Final = ("protocol", "base_url")


def names_of(document: Document, builtin: Mapping[str, ProviderRow]) -> Names:
    """List the names that a document declares."""
    deployments: dict[str, str] = {}
    for model, stated in _items(document, "models"):
        for provider in _providers(stated):
            deployments.setdefault(f"{provider}/{model}", model)
    return Names(
        providers=frozenset(name for name, _ in _items(document, "providers")),
        builtin=frozenset(builtin),
        unplaced={name: row.base_url for name, row in builtin.items() if row.unplaced},
        models=tuple(name for name, _ in _items(document, "models")),
        routers=tuple(name for name, _ in _items(document, "routers")),
        deployments=deployments,
        discovering=frozenset(_discovering(document, builtin)),
    )


def _discovering(document: Document, builtin: Mapping[str, ProviderRow]) -> Iterator[str]:
    """Name the providers that are asked for their models: those that say so, and servers of one's own."""
    for name, stated in _items(document, "providers"):
        said, like = (stated.get("discover"), stated.get("like")) if isinstance(stated, dict) else (None, None)
        row = builtin.get(like if isinstance(like, str) and like else name)
        if said is True or (said is None and row is not None and row.lists):
            yield name


def faults_of(document: Document, names: Names) -> list[Fault]:
    """Find every fault between the sections, each with its path."""
    return [
        *_incomplete(document, names),
        *_repeated(document, names),
        *_conditions(document),
        *_circles(document),
    ]


def _incomplete(document: Document, names: Names) -> Iterator[Fault]:
    for name, stated in _items(document, "providers"):
        if not isinstance(stated, dict):
            continue
        like = stated.get("like") or name
        if not isinstance(like, str) or (like not in names.builtin and like != name):
            continue  # a fault of its own
        if like in names.unplaced and stated.get("base_url") is None:
            yield ("providers", name), f"found no base_url, expected your own, such as {names.unplaced[like]}"
        if like in names.builtin:
            continue
        missing = " and ".join(key for key in _NEEDED if stated.get(key) is None)
        if missing:
            yield ("providers", name), f"found no {missing}, expected both; only built-in providers know theirs"


def _repeated(document: Document, names: Names) -> Iterator[Fault]:
    for model, stated in _items(document, "models"):
        providers = _providers(stated)
        for at, provider in enumerate(providers):
            if provider in providers[:at]:
                path: Path = ("models", model, "deployments", at, "provider")
                yield path, f'found "{provider}" twice, expected one deployment of a model at a provider'
        if model in names.deployments:
            yield ("models", model), f'found a model named as the deployment of "{names.deployments[model]}"; rename it'
    for router in names.routers:
        if router in names.models or router in names.deployments:
            yield ("routers", router), "found a router named as a model or deployment, expected a name of its own"


def _conditions(document: Document) -> Iterator[Fault]:
    for router, stated in _items(document, "routers"):
        for at, rule in enumerate(_members(stated, "rules")):
            if isinstance(rule, dict) and isinstance(rule.get("when"), dict):
                yield from conditions.faults_of(rule["when"], ("routers", router, "rules", at, "when"))


def _circles(document: Document) -> Iterator[Fault]:
    edges = {name: _uses(stated) for name, stated in _items(document, "routers")}
    for router, uses in edges.items():
        for at, use in enumerate(uses):
            if way := _way(edges, use, router):
                path: Path = ("routers", router, "rules", at, "use")
                yield path, f"found a circle: {' > '.join((router, *way))}; expected rules that end at a model"


def _way(edges: Mapping[str, list[str]], start: str, goal: str) -> tuple[str, ...]:
    """Find the routers from `start` to `goal`, along the rules; none when there is no way."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    while ways:
        way = ways.pop()
        if way[-1] == goal:
            return way
        for use in edges.get(way[-1], []):
            if use not in seen or use == goal:
                seen.add(use)
                ways.append((*way, use))
    return ()


def _items(document: Document, section: str) -> list[tuple[str, object]]:
    found = document.get(section)
    return list(found.items()) if isinstance(found, dict) else []


def _members(stated: object, key: str) -> list[object]:
    found = stated.get(key) if isinstance(stated, dict) else None
    return found if isinstance(found, list) else []


def _providers(model: object) -> list[str]:
    found = (stated.get("provider") for stated in _members(model, "deployments") if isinstance(stated, dict))
    return [provider for provider in found if isinstance(provider, str)]


def _uses(router: object) -> list[str]:
    """List the targets of a router's rules, "" where a rule has none, so that positions stay true."""
    found = (stated.get("use") if isinstance(stated, dict) else None for stated in _members(router, "rules"))
    return [use if isinstance(use, str) else "" for use in found]
