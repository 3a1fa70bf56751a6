"""Own what becomes of secrets: LiteLLM's `os.environ/NAME` is `env:NAME`, one that is written out gets a name.

Source: https://docs.litellm.ai/docs/proxy/configs ("Load API Keys / config values from Environment"), read 2026-11-27.
Invariant: a secret that is written out is in no config, finding or comment; only the variable that it belongs into is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gearshift.config.overrides import Path
from gearshift.migration.findings import Findings, Reason

ENVIRON: Final = "os.environ/"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NONE: Final = frozenset({"", "none", "null", "empty"})
"""What people write where a server wants no key."""
_NO_TEXT: Final = Reason("expected a text, or os.environ/NAME", "state it as env:NAME in the config")
_NO_NAME: Final = Reason("no variable can have such a name", "name it in letters, digits and underscores")
_OIDC: Final = Reason("Gearshift does not exchange tokens of an identity provider", "use an API key of the provider")


class Secrets:
    """Give each secret its reference."""

    def __init__(self, document: object, findings: Findings) -> None:
        """Take the whole config, so that no name is given which it uses already."""
        self._findings = findings
        self._taken = set(_variables(document))
        self._names: dict[str, str] = {}

    def reference(self, value: object, path: Path, suggested: str) -> str | None:
        """Give the reference to the secret at `path`, None where there is none."""
        if value and (isinstance(value, bool) or not isinstance(value, str | int | float)):
            self._findings.leave(path, "a value (not shown)", _NO_TEXT)
            return None
        text = str(value).strip() if isinstance(value, str | int | float) and value is not False else ""
        if text.lower() in _NONE:
            return None
        if (variable := variable_of(text)) is not None:
            return f"env:{variable}"
        if text.startswith((ENVIRON, "oidc/")):
            reason = _NO_NAME if text.startswith(ENVIRON) else _OIDC
            self._findings.leave(path, "a reference to a secret (not shown)", reason)
            return None
        name = self._names.get(text) or self._names.setdefault(text, self._free(suggested))
        written_out = Reason("secrets are never written into the config", f"put it into the variable {name}")
        self._findings.leave(path, "a secret (not shown)", written_out)
        return f"env:{name}"

    def _free(self, suggested: str) -> str:
        name, number = suggested, 1
        while name in self._taken:
            number += 1
            name = f"{suggested}_{number}"
        self._taken.add(name)
        return name


def variable_of(value: object) -> str | None:
    """Give the variable that `os.environ/NAME` means, None when a value is no such reference."""
    if not isinstance(value, str) or not value.startswith(ENVIRON):
        return None
    name = value.removeprefix(ENVIRON).strip()
    return name if _NAME.fullmatch(name) else None


def as_variable(text: str) -> str:
    """Make a variable's name of any text: `llm.example.com` is `LLM_EXAMPLE_COM`."""
    name = re.sub(r"[^A-Z0-9]+", "_", text.upper()).strip("_")
    return name if name and not name[0].isdigit() else f"_{name}"


def _variables(value: object) -> Iterator[str]:
    match value:
        case dict():
            for key, each in value.items():
                yield key
                yield from _variables(each)
        case list():
            for each in value:
                yield from _variables(each)
        case _:
            if (variable := variable_of(value)) is not None:
                yield variable
