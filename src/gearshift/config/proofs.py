"""Own the `auth` of a provider: how a call proves who we are, where that is more than a key.

Invariant: each part is a reference (`env:NAME`, `file:PATH`); one that is not stated is in the variable that the
cloud's own tools read it from.
Sources (2026-11): google-auth, `_default.py` and `_cloud_sdk.py` (GOOGLE_APPLICATION_CREDENTIALS, gcloud's file);
azure-identity (AZURE_*); botocore, `credentials.py` (AWS_*).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import model_validator

from gearshift.config.section import Section
from gearshift.config.values import Reference, fault
from gearshift.types.catalog import AuthKind

PARTS: Final[Mapping[AuthKind, Mapping[str, str]]] = {
    "google": {"credentials": "GOOGLE_APPLICATION_CREDENTIALS"},
    "google_metadata": {"authority": "GCE_METADATA_HOST"},
    "entra": {
        "tenant_id": "AZURE_TENANT_ID",
        "client_id": "AZURE_CLIENT_ID",
        "client_secret": "AZURE_CLIENT_SECRET",
        "authority": "AZURE_AUTHORITY_HOST",
    },
    "managed_identity": {"client_id": "AZURE_CLIENT_ID", "authority": "AZURE_POD_IDENTITY_AUTHORITY_HOST"},
    "sigv4": {
        "access_key_id": "AWS_ACCESS_KEY_ID",
        "secret_access_key": "AWS_SECRET_ACCESS_KEY",
        "session_token": "AWS_SESSION_TOKEN",
    },
}
"""The parts of each kind of credential, with the variable that conventionally holds each."""
OPTIONAL: Final[Mapping[AuthKind, frozenset[str]]] = {
    "google_metadata": frozenset({"authority"}),
    "entra": frozenset({"authority"}),
    "managed_identity": frozenset({"client_id", "authority"}),
    "sigv4": frozenset({"session_token"}),
}
"""Parts that may be missing: another host than the usual one, one of several identities, temporary credentials."""


class AuthConfig(Section):
    """Hold how a call proves who we are, and where the parts of that are; None: in their conventional variables."""

    kind: AuthKind
    credentials: Reference | None = None
    tenant_id: Reference | None = None
    client_id: Reference | None = None
    client_secret: Reference | None = None
    authority: Reference | None = None
    access_key_id: Reference | None = None
    secret_access_key: Reference | None = None
    session_token: Reference | None = None

    @model_validator(mode="after")
    def _fits(self) -> AuthConfig:
        own = PARTS.get(self.kind, {})
        foreign = sorted(self.model_fields_set - {"kind", *own})
        if foreign:
            parts = ", ".join(own) or "none, for `key` and `key_header` say it"
            raise fault(f"found {' and '.join(foreign)}, expected the parts of {self.kind}: {parts}")
        return self


def spelled(value: object) -> object:
    """Take a word alone as the kind: `auth: entra`."""
    return {"kind": value} if isinstance(value, str) else value


def needed(kind: AuthKind) -> list[str]:
    """Give the variables of the parts that must be there."""
    return [variable for name, variable in PARTS[kind].items() if name not in OPTIONAL.get(kind, ())]


def is_set(kind: AuthKind, environ: Mapping[str, str]) -> bool:
    """Say whether the environment holds anything of what `kind` needs."""
    return any(environ.get(variable) for variable in PARTS[kind].values())


def parts_of(kind: AuthKind, stated: AuthConfig | None, environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Give where each part is, without those that may be missing and are."""
    found: list[tuple[str, str]] = []
    for name, variable in PARTS.get(kind, {}).items():
        reference: str | None = getattr(stated, name, None)
        if reference is None and name == "credentials" and not environ.get(variable):
            reference = _left_by_gcloud(environ)
        if reference is None and (name not in OPTIONAL.get(kind, ()) or environ.get(variable)):
            reference = f"env:{variable}"
        if reference is not None:
            found.append((name, reference))
    return tuple(found)


def _left_by_gcloud(environ: Mapping[str, str]) -> str | None:
    """Give where `gcloud auth application-default login` left its credential, if it did."""
    home = environ.get("HOME")
    folder = environ.get("CLOUDSDK_CONFIG") or (f"{home}/.config/gcloud" if home else None)
    path = None if folder is None else Path(folder) / "application_default_credentials.json"
    return f"file:{path}" if path is not None and path.is_file() else None
