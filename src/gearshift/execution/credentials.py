"""Own how a call proves who we are: the secret of each provider, resolved once, and the headers made of it.

Invariant: a secret lives here and in the upstream's request headers, nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping

from gearshift.types.catalog import Provider


class Credentials:
    """Give the authentication headers of each provider."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        """Take the resolved secret of each provider id; a provider without one is called without a key."""
        self._secrets = dict(secrets)

    def headers(self, provider: Provider) -> dict[str, str]:
        """Give the headers that authenticate a call to `provider`, none when it needs no key."""
        secret = self._secrets.get(provider.id)
        if secret is None:
            return {}
        if provider.key_header == "authorization":
            return {"authorization": f"Bearer {secret}"}
        return {provider.key_header: secret}

    def redact(self, provider: Provider, text: str) -> str:
        """Take the secret of `provider` out of a text that it wrote."""
        secret = self._secrets.get(provider.id)
        return text.replace(secret, "[key]") if secret else text

    def __repr__(self) -> str:
        """Name the providers, never their secrets."""
        return f"Credentials({', '.join(sorted(self._secrets))})"
