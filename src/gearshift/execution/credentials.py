"""Own how a call proves who we are: the secret of each provider, resolved once, or what asks for tokens or signs.

Invariant: a secret lives here and in the upstream's request headers, nowhere else: an upstream's words are redacted
whole, before they are shortened, for half a secret is one too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from gearshift.errors import MAX_UPSTREAM_TEXT
from gearshift.execution.proof import Outgoing, Proof
from gearshift.execution.upstream import Upstream
from gearshift.types.catalog import Provider

_LEAD: Final = 12
"""Characters of a secret by which it is known; what follows is taken for its rest as far as it agrees."""
_TAIL: Final = 6
"""Characters at the end of a text that was cut which are taken for the beginning of a secret."""


class Credentials:
    """Prove the calls to each provider."""

    def __init__(self, secrets: Mapping[str, str], proofs: Mapping[str, Proof] = MappingProxyType({})) -> None:
        """Take, by provider id, the resolved keys, and what proves where a key is not enough.

        A provider without either is called without a key.
        """
        self._secrets = dict(secrets)
        self._proofs = dict(proofs)

    async def prove(self, provider: Provider, call: Outgoing, upstream: Upstream) -> Outgoing:
        """Give `call` as `provider` believes it; tokens are fetched over `upstream`. Raises Unproven in words."""
        proof = self._proofs.get(provider.id)
        return self.keyed(provider, call) if proof is None else await proof.prove(call, upstream)

    def keyed(self, provider: Provider, call: Outgoing) -> Outgoing:
        """Give `call` with the key of `provider`, if it has one."""
        secret = self._secrets.get(provider.id)
        if secret is None:
            return call
        if provider.key_query is not None:
            joint = "&" if "?" in call.url else "?"
            return call._replace(url=f"{call.url}{joint}{provider.key_query}={quote(secret, safe='')}")
        word = f"Bearer {secret}" if provider.key_header == "authorization" else secret
        return call._replace(headers=call.headers | {provider.key_header: word})

    def refused(self, provider: Provider) -> bool:
        """Take note that `provider` did not believe the last call (401); say whether another proof may be believed."""
        proof = self._proofs.get(provider.id)
        return proof is not None and proof.refused()

    def redact(self, provider: Provider, text: str) -> str:
        """Take the secrets of `provider`, in any case, even cut short, out of a text of its; shorten the rest."""
        secrets = [secret for secret in self._of(provider) if secret]
        for secret in secrets:
            text = _without(text, secret)
        text = text[:MAX_UPSTREAM_TEXT]
        for secret in secrets:
            text = _without_tail(text, secret)
        return text

    def _of(self, provider: Provider) -> Sequence[str]:
        proof, secret = self._proofs.get(provider.id), self._secrets.get(provider.id, "")
        return [secret, quote(secret, safe="")] if proof is None else proof.secrets

    def __repr__(self) -> str:
        """Name the providers, never their secrets."""
        return f"Credentials({', '.join(sorted({*self._secrets, *self._proofs}))})"


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
