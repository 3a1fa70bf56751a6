"""Own how an application asks Microsoft Entra for a token: the client credentials grant.

Sources (2026-11): learn.microsoft.com, "OAuth 2.0 client credentials flow on the Microsoft identity platform" (the
form), "How to configure Azure OpenAI with Microsoft Entra ID authentication" (the scope), azure-identity
(`AZURE_AUTHORITY_HOST`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from gearshift.errors import ConfigError
from gearshift.execution.tokens import Ask, form
from gearshift.types.catalog import Seconds

AUTHORITY: Final = "https://login.microsoftonline.com"
SCOPE: Final = "https://cognitiveservices.azure.com/.default"
_TENANT: Final = re.compile(r"[A-Za-z0-9.-]{1,100}")
_AUTHORITY: Final = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?|http://(127\.0\.0\.1|localhost)(:\d+)?")


class ClientSecret:
    """Ask with an application's secret."""

    def __init__(self, parts: Mapping[str, str]) -> None:
        """Take the tenant, the application and its secret; raise ConfigError where the URL would be none."""
        authority = parts.get("authority", AUTHORITY).rstrip("/")
        if "://" not in authority:  # as azure-identity has it
            authority = f"https://{authority}"
        tenant = parts["tenant_id"]
        if not _TENANT.fullmatch(tenant) or not _AUTHORITY.fullmatch(authority):
            fault = "found a tenant_id or an authority that is none (not shown), expected an id or a domain, and a host"
            raise ConfigError([fault], source="Entra's credential")
        self.url = f"{authority}/{tenant}/oauth2/v2.0/token"
        self._parts = dict(parts)

    @property
    def secrets(self) -> Sequence[str]:
        """The application's secret."""
        return [self._parts["client_secret"]]

    def ask(self, now: Seconds) -> Ask:  # noqa: ARG002 - nothing is signed
        """Ask for a token of Azure's AI services."""
        fields = {
            "grant_type": "client_credentials",
            "client_id": self._parts["client_id"],
            "client_secret": self._parts["client_secret"],
            "scope": SCOPE,
        }
        return form(self.url, fields)
