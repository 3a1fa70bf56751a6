"""Own how the references of a config become credentials: the one place where secrets are read to be used."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from gearshift.catalog import Catalog
from gearshift.config import resolve_document, resolve_secret
from gearshift.errors import ConfigError
from gearshift.execution import metadata
from gearshift.execution.credentials import Credentials
from gearshift.execution.entra import ClientSecret
from gearshift.execution.google import credential
from gearshift.execution.proof import Proof
from gearshift.execution.sigv4 import SigV4
from gearshift.execution.tokens import Grant, Tokens
from gearshift.types.catalog import Provider


def credentials(catalog: Catalog, environ: Mapping[str, str]) -> Credentials:
    """Resolve the credential of every provider that a deployment uses; raise ConfigError with every fault."""
    providers = {deployment.provider.id: deployment.provider for deployment in catalog.deployments}
    secrets: dict[str, str] = {}
    proofs: dict[str, Proof] = {}
    found: list[str] = []
    for name, provider in providers.items():
        place = "key" if provider.auth == "key" else "auth"
        try:
            if provider.key is not None:
                secrets[name] = resolve_secret(provider.key, environ).reveal()
            elif provider.auth != "key":
                proofs[name] = _proof(provider, environ)
        except ConfigError as problem:
            found += [f"providers.{name}.{place}: {fault}" for fault in problem.faults]
    if found:
        raise ConfigError(found, source="the credentials")
    return Credentials(secrets, proofs)


def _proof(provider: Provider, environ: Mapping[str, str]) -> Proof:
    references = dict(provider.parts)
    if provider.auth == "google":
        grant = credential(resolve_document(references["credentials"], environ).reveal())
        return Tokens(grant, clock=time.monotonic, wall_clock=time.time)
    parts = {name: resolve_secret(reference, environ).reveal() for name, reference in references.items()}
    if provider.auth == "sigv4":
        if provider.region is None:
            raise ConfigError(["found no region to sign for; state the provider's region"], source=provider.id)
        return SigV4(parts, provider.region, wall_clock=time.time)
    makers: dict[str, Callable[[Mapping[str, str]], Grant]] = {
        "entra": ClientSecret,
        "google_metadata": metadata.google,
        "managed_identity": metadata.azure,
    }
    return Tokens(makers[provider.auth](parts), clock=time.monotonic, wall_clock=time.time)
