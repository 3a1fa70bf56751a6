"""Own what a config mentions, whatever else is wrong with it: the secrets and artefacts that it says it needs.

Invariant: nothing here is a fault by itself, and nothing raises, whatever the document is made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gearshift.config.document import Document


def secrets(document: Document) -> dict[str, str]:
    """Give the references to secrets (`env:NAME`, `file:PATH`), each by its place."""
    server = _mapping(document.get("server"))
    keys = server.get("keys")
    stated = {f"server.keys[{at}]": key for at, key in enumerate(keys if isinstance(keys, list) else [])}
    stated["server.admin_key"] = server.get("admin_key")
    stated |= {f"providers.{name}.key": each.get("key") for name, each in _sections(document, "providers")}
    for name, each in _sections(document, "providers"):
        stated |= {f"providers.{name}.auth.{part}": key for part, key in _mapping(each.get("auth")).items()}
    return {place: key for place, key in stated.items() if isinstance(key, str) and key.startswith(("env:", "file:"))}


def predictors(document: Document) -> dict[str, str]:
    """Give what the routers state as their predictor, each by its place."""
    stated = {f"routers.{name}.predictor": each.get("predictor") for name, each in _sections(document, "routers")}
    return {place: each for place, each in stated.items() if isinstance(each, str) and each}


def _sections(document: Document, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, value in _mapping(document.get(name)).items():
        yield key, _mapping(value)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
