"""Own reading `model_list`: each entry with its parameters, those of its credential under its own.

Source: https://docs.litellm.ai/docs/proxy/configs ("Centralized Credential Management"), read 2026-11-27.
Invariant: an entry has a name and a model, both texts. What is no entry is left, with its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from gearshift.config.document import Document
from gearshift.config.overrides import Path
from gearshift.config.values import show
from gearshift.migration.findings import Findings, Reason, shown

_NO_ENTRY: Final = Reason("expected an entry with model_name and litellm_params.model", "write it so, or take it out")
_NO_CREDENTIAL: Final = Reason(
    "no credential of this name is in credential_list; LiteLLM may hold it in its database", "state the provider's key"
)
_NO_SETTING: Final = Reason("LiteLLM documents no such key of an entry", "see whether it is needed")
_KNOWN: Final = frozenset({"model_name", "litellm_params", "model_info"})
_LIMITS: Final = ("rpm", "tpm", "weight")
"""LiteLLM's own examples state these beside `litellm_params` too."""

Settings = Mapping[str, Any]
_NOTHING: Final[Settings] = {}


class Entry(Struct, frozen=True, kw_only=True):
    """Hold one entry; `origins` are the places of its parameters."""

    path: Path
    name: str
    model: str
    params: Settings
    info: Settings
    origins: Mapping[str, Path]

    def where(self, key: str) -> Path:
        """Give the place of a parameter."""
        return self.origins.get(key, (*self.path, "litellm_params", key))


def mapping(value: object) -> Settings:
    """Give a value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else _NOTHING


def unset(value: object) -> bool:
    """Say whether a setting is stated without a value."""
    return value is None or value in ("", [], {})


def read(document: Document, findings: Findings) -> list[Entry]:
    """Read the entries of a LiteLLM config."""
    listed = document.get("model_list")
    if listed is not None and not isinstance(listed, list):
        findings.leave(("model_list",), show(listed), _NO_ENTRY)
    stated = document.get("credential_list")
    if stated is not None and not isinstance(stated, list):
        findings.leave(("credential_list",), show(stated), _NO_ENTRY)
    credentials = dict(_credentials(document))
    found = (
        _entry(("model_list", at), stated, credentials, findings)
        for at, stated in enumerate(listed if isinstance(listed, list) else [])
    )
    return [entry for entry in found if entry is not None]


def _credentials(document: Document) -> Iterator[tuple[str, tuple[Path, Settings]]]:
    listed = document.get("credential_list")
    for at, stated in enumerate(listed if isinstance(listed, list) else []):
        name = mapping(stated).get("credential_name")
        if isinstance(name, str):
            values = dict(mapping(mapping(stated).get("credential_values")))
            provider = mapping(mapping(stated).get("credential_info")).get("custom_llm_provider")
            if provider is not None:
                values.setdefault("custom_llm_provider", provider)
            yield name, (("credential_list", at, "credential_values"), values)


def _entry(
    path: Path, stated: object, credentials: Mapping[str, tuple[Path, Settings]], findings: Findings
) -> Entry | None:
    outer = mapping(stated)
    params = {key: value for key, value in mapping(outer.get("litellm_params")).items() if not unset(value)}
    name, model = outer.get("model_name"), params.get("model")
    if not isinstance(name, str) or not isinstance(model, str) or not name or not model:
        findings.leave(path, show(stated), _NO_ENTRY)
        return None
    origins = {key: (*path, "litellm_params", key) for key in params}
    for key in _LIMITS:
        if key not in params and not unset(outer.get(key)):
            params[key], origins[key] = outer[key], (*path, key)
    for key in [each for each in outer if each not in _KNOWN and each not in origins]:
        findings.leave((*path, key), shown(key, outer[key]), _NO_SETTING)
    credential = params.pop("litellm_credential_name", None)
    if isinstance(credential, str) and credential in credentials:
        place, values = credentials[credential]
        for key in [each for each in values if each not in params]:
            params[key], origins[key] = values[key], (*place, key)
    elif credential is not None:
        findings.leave(origins["litellm_credential_name"], "a credential's name", _NO_CREDENTIAL)
    return Entry(
        path=path, name=name, model=model, params=params, info=mapping(outer.get("model_info")), origins=origins
    )
