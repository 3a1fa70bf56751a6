"""Own where an entry's requests go: the provider with its base URL and key, and its name of the model.

Sources, read 2026-11-27: https://docs.litellm.ai/docs/providers, .../providers/azure, .../providers/bedrock,
.../providers/openai_compatible; https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle (v1 API).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace
from pydantic import TypeAdapter, ValidationError

from gearshift.config.rows import OWN, ProviderRow
from gearshift.config.values import BaseUrl
from gearshift.migration.findings import Findings, Reason, place, spelled
from gearshift.migration.litellm.blanks import UNSET, Blank, blank_of
from gearshift.migration.litellm.clouds import ENDPOINT, Account, Clouds, profile_of
from gearshift.migration.litellm.entries import Entry
from gearshift.migration.litellm.families import BEDROCK, VERTEX, family
from gearshift.migration.litellm.prefixes import PREFIXES, REFUSED, Prefix, split
from gearshift.migration.litellm.purpose import embeds
from gearshift.migration.litellm.secrets import Secrets, as_variable, variable_of

_RESOURCE: Final = "{resource}"
"""The part of a built-in base URL that is each customer's own."""
_URL: Final = TypeAdapter[str](BaseUrl)
_ROUTES: Final = {
    "azure": re.compile(r"(o_series|gpt5_series)/"),
    "bedrock": re.compile(r"((converse|converse_like|invoke|bedrock)/|[a-z]{2}(-[a-z]+)+-\d/|\w+/(?=arn:))+"),
    "bedrock_converse": re.compile(r"([a-z]{2}(-[a-z]+)+-\d/)+"),
}
"""What LiteLLM puts between prefix and model to choose among its own ways to call."""
_SERVERS: Final = frozenset({"openai", "huggingface"})
"""Prefixes that, with an api_base, mean a server of one's own."""
_BY_LOGIN: Final = frozenset({"bedrock_converse", "vertex", "vertex_anthropic"})
"""Where, as in LiteLLM, the environment decides how a call is proved, if the entry does not."""
_UNUSABLE: Final = ""
_WITH_RESPONSES: Final = frozenset({"openai", "azure"})
_RESPONSES: Final = "responses/"
_VERSIONED: Final = re.compile(r"/v\d+(alpha|beta)?\d*$")
_PATHS: Final = re.compile(r"/(chat/completions|messages|completions)/?$")

_UNKNOWN: Final = Reason(
    "Gearshift has no provider of this prefix, and no api_base says where it is",
    "declare a provider with protocol and base_url",
)
_NAMELESS: Final = Reason(
    "its name has no provider's prefix, and no provider is known for it", "write it as provider/model, and import again"
)
_OWN_URL: Final = Reason(
    "LiteLLM's api_base is the whole address of the call here, Gearshift's base_url ends in publishers/google",
    "declare a provider like vertex with your `base_url`; the entry is not carried",
)
_TWO_URLS: Final = Reason("another parameter states a URL, and counts", "take one of the two out")
_NO_URL: Final = Reason(
    "expected a URL such as https://host/v1, without credentials; the entry is not carried", "mend it, and import again"
)


class Endpoint(Struct, frozen=True, kw_only=True):
    """Hold what makes a provider one of its own; equal endpoints share a provider. `row` None: no built-in one."""

    row: str | None
    base_url: str | None = None
    protocol: str | None = None
    key: str | None = None
    key_header: str | None = None
    project: str | None = None
    region: str | None = None
    auth: tuple[tuple[str, str], ...] = ()


class Target(Struct, frozen=True, kw_only=True):
    """Hold where an entry's requests go, what the model is called there, and what is still to be filled in."""

    endpoint: Endpoint
    model: str
    blanks: tuple[Blank, ...] = ()


class Resolver:
    """Find the targets of entries."""

    def __init__(
        self, rows: Mapping[str, ProviderRow], secrets: Secrets, variables: Mapping[str, Any], findings: Findings
    ) -> None:
        """Take the built-in providers, and the config's `environment_variables`."""
        self._rows = rows
        self._secrets = secrets
        self._variables = variables
        self._findings = findings
        self._clouds = Clouds(secrets, variables, findings)
        self._by_url = {row.base_url: name for name, row in rows.items() if OWN not in row.base_url}

    def target(self, entry: Entry) -> Target | None:
        """Find where an entry's requests go, None when Gearshift cannot send them; then that is noted."""
        prefix, model = split(entry.model, entry.params.get("custom_llm_provider"))
        known = self._known(entry, prefix or "", model)
        key, *others = _url_keys(entry, prefix or "")
        told = None if known is None else self._told(entry, key, known)
        for each in others:
            self._findings.leave(entry.where(each), "another URL (not shown)", _TWO_URLS)
        if known is None or told == _UNUSABLE:  # never called elsewhere: the key is that of this address
            return None
        if told is None and known.row is None and known.base_url is None:
            reason = _NAMELESS if prefix is None else _UNKNOWN
            self._findings.leave(entry.where("model"), spelled(entry.model), reason)
            return None
        if prefix not in PREFIXES:
            self._findings.assume(
                f'{place(entry.where("model"))}: Gearshift knows no provider "{spelled(prefix or "")}"; '
                "its endpoint is taken to speak OpenAI's chat protocol"
            )
        called, responses = _called(prefix or "", model, entry)
        if not called:
            self._findings.leave(entry.where("model"), spelled(entry.model), _NAMELESS)
            return None
        row, base_url = self._address(prefix or "", known, told)
        return self._at(entry, key, known, (row, base_url), (called, responses))

    def _known(self, entry: Entry, prefix: str, model: str) -> Prefix | None:
        """Give what a prefix stands for, None when Gearshift cannot call it, or not this model of it."""
        found = REFUSED.get(prefix) or family(prefix, model, embeds=embeds(entry))
        if isinstance(found, Reason):
            self._findings.leave(entry.where("model"), spelled(entry.model), found)
            return None
        if prefix in VERTEX and (key := _url_keys(entry, prefix)[0]) in entry.params:
            self._findings.leave(entry.where(key), "a URL (not shown)", _OWN_URL)
            return None
        known = PREFIXES.get(prefix, Prefix())
        return known if found is None else replace(known, row=found)

    def _at(
        self, entry: Entry, key: str, known: Prefix, address: tuple[str | None, str | None], called: tuple[str, bool]
    ) -> Target:
        """Make the target of an address and of what the model is called there."""
        (row, base_url), (model, responses) = address, called
        account = self._clouds.account(entry, row, self._rows[row]) if row is not None else Account()
        blanks = account.blanks
        variable = variable_of(entry.params.get(key))
        if row is not None and base_url is None and _RESOURCE in self._rows[row].base_url:
            base_url, variable = f"https://your-{row}-resource{UNSET}/openai/v1", f"{row.upper()}_API_BASE"
            key = "api_base"
        if variable is not None and UNSET in (base_url or ""):
            blanks = (*blanks, Blank(word="base_url", key=key, variable=variable))
        keyed = account.key is None and not account.auth
        endpoint = Endpoint(
            row=row,
            base_url=base_url,
            protocol="openai_responses" if responses else "openai_chat" if row is None else None,
            key=self._key(entry, known, row, base_url) if keyed else account.key,
            key_header=account.key_header,
            project=account.project,
            region=account.region,
            auth=account.auth,
        )
        return Target(endpoint=endpoint, model=model, blanks=blanks)

    def _address(self, prefix: str, known: Prefix, told: str | None) -> tuple[str | None, str | None]:
        """Find the built-in provider of an address, and the base URL where that is not the provider's own."""
        base_url = told or known.base_url
        if base_url is not None and base_url in self._by_url:
            return self._by_url[base_url], None
        if prefix in _SERVERS and base_url is not None:
            return None, base_url  # a server of one's own, which has none of the provider's quirks
        return known.row, base_url

    def _told(self, entry: Entry, key: str, known: Prefix) -> str | None:
        """Give the base URL that an entry states, as Gearshift wants it; one that is not known yet is a blank."""
        stated = entry.params.get(key)
        if stated is None:
            return None
        if (variable := variable_of(stated)) is not None:
            stated = self._variables.get(variable) or f"https://{blank_of(variable)}"
        try:
            url = _URL.validate_python(stated, strict=True)
        except ValidationError:
            self._findings.leave(entry.where(key), "a text that is no such URL (not shown)", _NO_URL)
            return _UNUSABLE
        return _extended(_PATHS.sub("", url), known.suffix)

    def _key(self, entry: Entry, known: Prefix, row: str | None, base_url: str | None) -> str | None:
        stem = as_variable(row or name_of(base_url))
        if row in _BY_LOGIN and ("api_key" not in entry.params or row != "bedrock_converse"):
            return None
        if "api_key" in entry.params:
            return self._secrets.reference(entry.params["api_key"], entry.where("api_key"), f"{stem}_KEY")
        if row is not None and self._rows[row].key_env:
            own = known.variable if known.row == row else None
            return f"env:{own or self._rows[row].key_env[0]}"
        if known.variable is not None and row is None and base_url == known.base_url:
            return f"env:{known.variable}"
        if known.variable is not None:
            self._findings.assume(
                f"{place(entry.path)}: it states no api_key; LiteLLM would send {known.variable} to its api_base, "
                "Gearshift sends no key"
            )
        return None


def name_of(base_url: str | None) -> str:
    """Name an endpoint after its host, one that is still to be filled in after its variable."""
    return urlsplit(base_url or "").netloc.removesuffix(UNSET) or "provider"


def _url_keys(entry: Entry, prefix: str) -> list[str]:
    """Give the parameters that state a base URL, the one that counts first."""
    keys = ("api_base", "base_url", *((ENDPOINT,) if prefix in BEDROCK else ()))
    return [each for each in keys if each in entry.params] or ["api_base"]


def _called(prefix: str, model: str, entry: Entry) -> tuple[str, bool]:
    """Give the provider's own name of a model, and whether it is to be called by the Responses protocol."""
    mode = entry.info.get("mode")
    if prefix in BEDROCK and (own := profile_of(entry)) is not None:
        return own, False  # an inference profile, of which `model` only says the family
    responses = prefix in _WITH_RESPONSES and (model.startswith(_RESPONSES) or mode == "responses")
    if responses:
        model = model.removeprefix(_RESPONSES)
    route = _ROUTES.get(prefix)
    found = route.match(model) if route else None
    return (model[found.end() :] if found else model), responses


def _extended(url: str, suffix: str) -> str:
    """Add what base URLs have here and not in LiteLLM's config, unless it is there."""
    if not suffix or url.endswith(suffix):
        return url
    if suffix.startswith("/openai"):
        return re.sub(r"/openai(/.*)?$", "", url) + suffix
    return url if _VERSIONED.search(url) else url + suffix
