"""Own how a call proves who we are: the secret of each provider, resolved once, and the headers made of it.

Invariant: a secret lives here and in the upstream's request headers, nowhere else: an upstream's words are redacted
whole, before they are shortened, for half a secret is one too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from gearshift.errors import MAX_UPSTREAM_TEXT
from gearshift.types.catalog import Provider

_LEAD: Final = 12
"""Characters of a secret by which it is known; what follows is taken for its rest as far as it agrees."""
_TAIL: Final = 6
"""Characters at the end of a text that was cut which are taken for the beginning of a secret."""


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
        """Take the secret of `provider`, in any case, even cut short, out of a text that it wrote; shorten the rest."""
        secret = self._secrets.get(provider.id)
        if not secret:
            return text[:MAX_UPSTREAM_TEXT]
        return _without_tail(_without(text, secret)[:MAX_UPSTREAM_TEXT], secret)

    def __repr__(self) -> str:
        """Name the providers, never their secrets."""
        return f"Credentials({', '.join(sorted(self._secrets))})"


def _without(text: str, secret: str) -> str:
    """Take out each place where `secret` begins, as far as it goes on."""
    pieces: list[str] = []
    at = 0
    for found in re.finditer(re.escape(secret[:_LEAD]), text, re.IGNORECASE):
        if found.start() < at:
            continue
        pieces += (text[at : found.start()], "[key]")
        at = found.end()
        for expected in secret[_LEAD:]:
            if text[at : at + 1].lower() != expected.lower():
                break
            at += 1
    return "".join((*pieces, text[at:]))


def _without_tail(text: str, secret: str) -> str:
    """Drop an end that may be the beginning of `secret`."""
    ending = text.lower()
    for size in range(min(len(secret), _LEAD) - 1, _TAIL - 1, -1):
        if ending.endswith(secret[:size].lower()):
            return text[:-size]
    return text
