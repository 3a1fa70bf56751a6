"""Own how a cloud's own machine gets a token without any secret: it asks the metadata server beside it.

Sources (2026-11): google-auth, `compute_engine/_metadata.py` (the path, `metadata-flavor`, GCE_METADATA_HOST);
learn.microsoft.com, "How to use managed identities on an Azure VM to acquire an access token" (the path, `Metadata`),
azure-identity (AZURE_POD_IDENTITY_AUTHORITY_HOST).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from gearshift.errors import ConfigError
from gearshift.execution.tokens import Ask
from gearshift.types.catalog import Seconds

GOOGLE: Final = "metadata.google.internal"
AZURE: Final = "169.254.169.254"
RESOURCE: Final = "https://cognitiveservices.azure.com"
_GOOGLE_PATH: Final = "/computeMetadata/v1/instance/service-accounts/default/token"
_AZURE_PATH: Final = "/metadata/identity/oauth2/token"
_HOST: Final = re.compile(r"(https?://)?[A-Za-z0-9.-]+(:\d+)?/?")


class Metadata:
    """Ask the server that every machine of a cloud has beside it."""

    secrets: Sequence[str] = ()

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        """Take where it is, and the header without which it does not answer."""
        self._asked = Ask(url, headers)

    def ask(self, now: Seconds) -> Ask:  # noqa: ARG002 - nothing is signed
        """Ask for a token of the machine's account."""
        return self._asked


def google(parts: Mapping[str, str]) -> Metadata:
    """Ask as a machine of Google Cloud: the account that it runs under."""
    return Metadata(_host(parts, GOOGLE) + _GOOGLE_PATH, {"metadata-flavor": "Google"})


def azure(parts: Mapping[str, str]) -> Metadata:
    """Ask as a machine of Azure: its managed identity, or the one that `client_id` names."""
    query = {"api-version": "2018-02-01", "resource": RESOURCE}
    if "client_id" in parts:
        query["client_id"] = parts["client_id"]
    return Metadata(f"{_host(parts, AZURE)}{_AZURE_PATH}?{urlencode(query)}", {"metadata": "true"})


def _host(parts: Mapping[str, str], usual: str) -> str:
    host = parts.get("authority", usual)
    if not _HOST.fullmatch(host):
        fault = "found an authority that is no host (not shown), expected one such as 169.254.169.254"
        raise ConfigError([fault], source="the metadata server")
    return host.rstrip("/") if "://" in host else f"http://{host.rstrip('/')}"
