"""Own what a config cannot say of a provider because only a variable holds it: a blank, which is to be filled in.

Invariant: a blank names its variable, ends in `.invalid` (no such host exists: RFC 2606), and is listed.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from gearshift.migration.litellm.secrets import as_variable

UNSET: Final = ".invalid"


class Blank(Struct, frozen=True, kw_only=True):
    """Hold a blank: `word` is the key of Gearshift's provider, `key` LiteLLM's, `variable` holds what belongs there."""

    word: str
    key: str
    variable: str


def blank_of(variable: str) -> str:
    """Write the blank for what `variable` holds: `our-azure.invalid`."""
    return (as_variable(variable).lower().replace("_", "-").strip("-") or "unnamed") + UNSET
