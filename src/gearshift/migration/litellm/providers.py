"""Own the names of providers: each endpoint gets one, a second account of a built-in provider is `like` it.

Invariant: the same entries in the same order give the same names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from gearshift.config.overrides import PREFIX
from gearshift.config.rows import ProviderRow
from gearshift.migration.findings import Findings, Reason
from gearshift.migration.litellm.blanks import Blank
from gearshift.migration.litellm.endpoints import Endpoint, Target, name_of
from gearshift.migration.litellm.entries import Entry
from gearshift.migration.litellm.secrets import as_variable

_NO_ID: Final = re.compile(r"[^A-Za-z0-9._-]+")
_AZURE_VERSION: Final = Reason(
    "Gearshift calls Azure's v1 API, which takes no api-version", "see `gearshift check --probe`"
)
_WORDS: Final = {"base_url": "base URL", "project": "project", "region": "region"}


class Providers:
    """Collect the providers of a config."""

    def __init__(self, rows: Mapping[str, ProviderRow], findings: Findings) -> None:
        """Take the built-in providers."""
        self._rows = rows
        self._findings = findings
        self._endpoints: dict[str, Endpoint] = {}
        self.origins: dict[str, list[Entry]] = {}

    def place(self, target: Target, entry: Entry, taken: Collection[str]) -> str:
        """Give the name of the provider of an endpoint, one that is not `taken` by the same model already."""
        found = (
            name for name, endpoint in self._endpoints.items() if endpoint == target.endpoint and name not in taken
        )
        name = next(found, None) or self._add(target, entry)
        if entry not in self.origins[name]:
            self.origins[name].append(entry)
        return name

    def document(self) -> dict[str, dict[str, Any]]:
        """Give the section `providers`."""
        return {name: self._stated(name, endpoint) for name, endpoint in self._endpoints.items()}

    def _stated(self, name: str, endpoint: Endpoint) -> dict[str, Any]:
        stated: dict[str, Any] = {
            "like": endpoint.row if endpoint.row != name else None,
            "protocol": endpoint.protocol,
            "base_url": endpoint.base_url,
            "project": endpoint.project,
            "region": endpoint.region,
            "key": endpoint.key,
            "key_header": endpoint.key_header,
            "auth": dict(endpoint.auth) or None,
        }
        return {key: value for key, value in stated.items() if value is not None}

    def _add(self, target: Target, entry: Entry) -> str:
        endpoint = target.endpoint
        name = self._free(endpoint)
        self._endpoints[name] = endpoint
        self.origins[name] = []
        for blank in target.blanks:
            self._leave_blank(blank, name, entry)
        if endpoint.row == "azure" and "api_version" in entry.params:
            self._findings.leave(entry.where("api_version"), "a version of the API", _AZURE_VERSION)
        return name

    def _leave_blank(self, blank: Blank, name: str, entry: Entry) -> None:
        override = f"{PREFIX}PROVIDERS__{as_variable(name)}__{blank.word.upper()}"
        path = urlsplit(self._endpoints[name].base_url or "").path if blank.word == "base_url" else ""
        held = f"{blank.variable} holds" + (f" and the path {path}" if path else "")
        self._findings.leave(
            entry.where(blank.key),
            f"the variable {blank.variable}",
            Reason(
                f"a {_WORDS[blank.word]} stands in the config, or in a variable of Gearshift's own",
                f"write what {held} into providers.{name}.{blank.word}, or set {override} to it",
            ),
        )

    def _free(self, endpoint: Endpoint) -> str:
        host = _NO_ID.sub("-", name_of(endpoint.base_url)).strip("-._")[:80] or "provider"
        stem = endpoint.row or (f"{host}-server" if host in self._rows else host)
        name, number = stem, 1
        while name in self._endpoints:
            number += 1
            name = f"{stem}-{number}"
        return name
