"""Own what a cloud wants beside an address: a project and a region, and a proof that is more than a key.

Sources, read 2026-11-27: https://docs.litellm.ai/docs/providers/azure, .../bedrock, .../vertex; LiteLLM's
`llms/azure/common_utils.py`, `llms/bedrock/base_aws_llm.py` and `llms/vertex_ai/vertex_llm_base.py`.
Invariant: secrets become references, as everywhere; a key that is stated wins over the parts of a login, as in LiteLLM.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct, field

from gearshift.config.rows import ProviderRow
from gearshift.config.values import LABEL
from gearshift.migration.findings import Findings, Reason, place, shown
from gearshift.migration.litellm.blanks import Blank, blank_of
from gearshift.migration.litellm.entries import Entry
from gearshift.migration.litellm.secrets import ENVIRON, Secrets, as_variable, variable_of

ENDPOINT: Final = "aws_bedrock_runtime_endpoint"
_ENTRA: Final = {key: key for key in ("tenant_id", "client_id", "client_secret")}
_TOKEN: Final = "azure_ad_token"  # noqa: S105 - a parameter's name
_SIGV4: Final = {f"aws_{part}": part for part in ("access_key_id", "secret_access_key", "session_token")}
_PROJECT: Final = ("vertex_project", "vertex_ai_project")
_LOCATION: Final = ("vertex_location", "vertex_ai_location", "region_name")
_CREDENTIALS: Final = ("vertex_credentials", "vertex_ai_credentials")
_AWS_REGION: Final = ("aws_region_name", "region_name")
_GOOGLE: Final = frozenset({*_PROJECT, *_LOCATION, *_CREDENTIALS})
READ: Final[Mapping[str, frozenset[str]]] = {
    "azure": frozenset({*_ENTRA, _TOKEN}),
    "bedrock_converse": frozenset({*_SIGV4, *_AWS_REGION, ENDPOINT, "model_id"}),
    "vertex": _GOOGLE,
    "vertex_anthropic": _GOOGLE,
}
"""The parameters that are read here, by the built-in provider."""
_THEIRS: Final = {
    "vertex_project": ("VERTEXAI_PROJECT", "VERTEX_PROJECT"),
    "vertex_location": ("VERTEXAI_LOCATION", "VERTEX_LOCATION"),
    "aws_region_name": ("AWS_REGION_NAME",),
}
"""Where LiteLLM looks for a place that no entry states."""
_IN_MODEL: Final = re.compile(r"(?:^|/)([a-z]{2}(?:-[a-z]+)+-\d)/")
_IN_ARN: Final = re.compile(r"arn:aws[a-z-]*:[a-z-]+:([a-z]{2}(?:-[a-z]+)+-\d):")
_ID: Final = re.compile(r"[\w.:/-]{1,300}", re.ASCII)
_FILE: Final = re.compile(r"[\w./-]{1,200}\.json", re.ASCII)

_KEYED: Final = Reason("the entry states an api_key, which is used instead", "take one of the two out")
_RENEWED: Final = Reason("the parts of the login are used instead; they give a token whenever one ends", "take it out")
_NO_KEY: Final = Reason("Vertex AI is called with a token of Google, not with a key", "see `auth` of the provider")
_TWO_REGIONS: Final = Reason("the region in the model's name counts", "state `region` of the provider if it is wrong")
_SAID: Final = Reason("another parameter says the same, and counts", "take one of the two out")
_NO_ID: Final = Reason(
    "expected the id or ARN of a model or profile, written out", "state it as the `name` of the deployment"
)
_NO_PLACE: Final = Reason(
    "expected letters, digits, dots, colons, dashes and underscores", "state `project` and `region` of the provider"
)


class Account(Struct, frozen=True, kw_only=True):
    """Hold the account of a cloud that an entry is for. `auth` are the kind of proof and its parts; none: by key."""

    project: str | None = None
    region: str | None = None
    key: str | None = None
    key_header: str | None = None
    auth: tuple[tuple[str, str], ...] = ()
    blanks: tuple[Blank, ...] = field(default=())


def profile_of(entry: Entry) -> str | None:
    """Give the inference profile that an entry for Bedrock calls in place of its model, None when it states none."""
    stated = entry.params.get("model_id")
    return stated if isinstance(stated, str) and _ID.fullmatch(stated) and not stated.startswith(ENVIRON) else None


class Clouds:
    """Read the accounts of entries."""

    def __init__(self, secrets: Secrets, variables: Mapping[str, Any], findings: Findings) -> None:
        """Take the config's `environment_variables`."""
        self._secrets = secrets
        self._variables = variables
        self._findings = findings

    def account(self, entry: Entry, name: str, row: ProviderRow) -> Account:
        """Give the account of an entry at the built-in provider `name`."""
        if name == "azure":
            return self._azure(entry)
        if name == "bedrock_converse":
            return self._aws(entry, row)
        return self._google(entry, row) if name in READ else Account()

    def _azure(self, entry: Entry) -> Account:
        if auth := self._parts(entry, "entra", _ENTRA, "AZURE"):
            if _TOKEN in entry.params:
                self._findings.leave(entry.where(_TOKEN), "a token (not shown)", _RENEWED)
            return Account(auth=auth)
        if _TOKEN not in entry.params:
            return Account()
        if "api_key" in entry.params:
            self._findings.leave(entry.where(_TOKEN), "a token (not shown)", _KEYED)
            return Account()
        token = self._secrets.reference(entry.params[_TOKEN], entry.where(_TOKEN), "AZURE_AD_TOKEN")
        if token is None:
            return Account()
        self._findings.assume(
            f"{place(entry.where(_TOKEN))}: the token is sent as it is, and ends within hours; `auth: entra` renews it"
        )
        return Account(key=token, key_header="authorization")

    def _aws(self, entry: Entry, row: ProviderRow) -> Account:
        named = _IN_MODEL.search(entry.model) or (
            None
            if "aws_region_name" in entry.params
            else _IN_ARN.search(f"{entry.model} {entry.params.get('model_id')}")
        )
        if named is None:
            region, blanks = self._placed(entry, "region", _AWS_REGION, row.region_env)
        else:
            region, blanks = named[1], []
            for key in [each for each in _AWS_REGION if entry.params.get(each, region) != region]:
                self._findings.leave(entry.where(key), "another region than the model's name", _TWO_REGIONS)
        if "model_id" in entry.params and profile_of(entry) is None:
            self._findings.leave(entry.where("model_id"), shown("model_id", entry.params["model_id"]), _NO_ID)
        auth = self._parts(entry, "sigv4", _SIGV4, "BEDROCK")
        if not auth and "api_key" not in entry.params:
            self._findings.assume(
                f"{place(entry.path)}: it states no key; AWS_BEARER_TOKEN_BEDROCK is used, else the key pair in "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        return Account(region=region, auth=auth, blanks=tuple(blanks))

    def _google(self, entry: Entry, row: ProviderRow) -> Account:
        project, unknown = self._placed(entry, "project", _PROJECT, row.project_env)
        region, more = self._placed(entry, "region", _LOCATION, row.region_env)
        if "api_key" in entry.params:
            self._findings.leave(entry.where("api_key"), "a key (not shown)", _NO_KEY)
        auth = self._credentials(entry)
        return Account(project=project, region=region, auth=auth, blanks=(*unknown, *more))

    def _credentials(self, entry: Entry) -> tuple[tuple[str, str], ...]:
        """Say where Google's credential is: its file, or a variable that holds the file's path or its text."""
        key = self._chosen(entry, _CREDENTIALS)
        if key is None:
            self._findings.assume(
                f"{place(entry.path)}: no vertex_credentials are stated; those in GOOGLE_APPLICATION_CREDENTIALS or of "
                "gcloud are used. On a machine of Google Cloud, say `auth: google_metadata` at the provider"
            )
            return ()
        stated = entry.params[key]
        if isinstance(stated, str) and _FILE.fullmatch(stated) and variable_of(stated) is None:
            return ("kind", "google"), ("credentials", f"file:{stated}")
        text = json.dumps(stated, default=str) if isinstance(stated, dict) else stated
        found = self._secrets.reference(text, entry.where(key), "VERTEX_CREDENTIALS")
        return () if found is None else (("kind", "google"), ("credentials", found))

    def _parts(self, entry: Entry, kind: str, words: Mapping[str, str], stem: str) -> tuple[tuple[str, str], ...]:
        """Give the parts of a login that an entry states; the others are in their conventional variables."""
        stated = [key for key in words if key in entry.params]
        if "api_key" in entry.params:
            for key in stated:
                self._findings.leave(entry.where(key), "a part of a login (not shown)", _KEYED)
            return ()
        found = [
            (words[key], reference)
            for key in stated
            if (
                reference := self._secrets.reference(
                    entry.params[key], entry.where(key), f"{stem}_{as_variable(words[key])}"
                )
            )
            is not None
        ]
        return (("kind", kind), *found) if found else ()

    def _chosen(self, entry: Entry, keys: tuple[str, ...]) -> str | None:
        """Give the first parameter that is stated, as LiteLLM does; the others are noted."""
        stated = [each for each in keys if each in entry.params]
        for each in stated[1:]:
            self._findings.leave(entry.where(each), shown(each, entry.params[each]), _SAID)
        return stated[0] if stated else None

    def _placed(
        self, entry: Entry, word: str, keys: tuple[str, ...], ours: tuple[str, ...]
    ) -> tuple[str | None, list[Blank]]:
        """Find a project or region, None where it is to be taken from the environment (`ours`)."""
        key = self._chosen(entry, keys) or keys[0]
        theirs = _THEIRS[keys[0]]
        stated = entry.params.get(key) or next(
            (self._variables[each] for each in theirs if each in self._variables), None
        )
        if stated is None:
            self._findings.assume(
                f"{place(entry.path)}: no {keys[0]} is stated; it is taken from {' or '.join(ours)}, where LiteLLM "
                f"takes {theirs[0]} or a default of its own"
            )
            return None, []
        blanks: list[Blank] = []
        if (variable := variable_of(stated)) is not None:
            stated = self._variables.get(variable)
            if stated is None and variable in ours:
                if variable != ours[0]:
                    self._findings.assume(f"{place(entry.where(key))}: {variable} counts, unless {ours[0]} is set")
                return None, []
            if stated is None:
                stated, blanks = blank_of(variable), [Blank(word=word, key=key, variable=variable)]
        if not isinstance(stated, str) or not LABEL.fullmatch(stated):
            self._findings.leave(entry.where(key), shown(key, stated), _NO_PLACE)
            return None, []
        return stated, blanks
