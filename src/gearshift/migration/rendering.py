"""Own how a migrated config is written: YAML with comments that say where each part came from and what was left.

Invariant: the same translation gives the same text, and the text without its comments is the config.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import yaml
import yaml.emitter

from gearshift.migration.findings import Finding

_WIDTH: Final = 2**31
_BARE: Final = re.compile(r"env:[A-Za-z_]\w*|https?://[\w./:-]*[\w/]", re.ASCII)
_SECTIONS: Final = {
    "server": "where the gateway listens, and whom it lets in",
    "providers": "the endpoints",
    "models": "what callers name, and where it runs; prices and capabilities come from the catalogue unless stated",
    "routers": "policies that callers name as they name models",
    "reliability": "how long and how often an exchange is tried",
    "logging": "what is kept of an exchange",
}


def render(
    config: Mapping[str, Any],
    origins: Mapping[tuple[str, str], str],
    *,
    source: str,
    not_carried: Iterable[Finding],
    assumptions: Iterable[str],
) -> str:
    """Write the config that was made of the file `source`."""
    lines = [
        _comment(f"From {source}, by `gearshift import`. Every key and its default: docs/reference/configuration.md"),
        _comment("Secrets are never written here: env:NAME and file:PATH say where they are."),
    ]
    for section, value in config.items():
        lines += ["", f"{section}:  # {_SECTIONS[section]}"]
        for name, stated in value.items():
            origin = origins.get((section, name))
            if origin:
                lines.append("  " + _comment(origin))
            lines += [f"  {line}" for line in _lines(name, stated)]
    lines += _listed("Taken for granted; see whether it is right:", assumptions)
    lines += _listed("Not carried:", (f"{each.place}: {each.why}. To do: {each.do}" for each in not_carried))
    return "\n".join(lines) + "\n"


def _listed(head: str, items: Iterable[str]) -> Iterator[str]:
    listed = list(items)
    if listed:
        yield from ("", _comment(head), *(_comment(f"- {each}") for each in listed))


def _comment(text: str) -> str:
    """Write a comment on one line, whatever the text is made of."""
    return "# " + "".join(character if character.isprintable() else "?" for character in text)


def _lines(name: str, stated: object) -> Iterator[str]:
    """Write one entry: what is flat on one line, else each of its members."""
    key = _flow(name)
    if not isinstance(stated, dict) or not any(isinstance(each, dict | list) for each in stated.values()):
        yield f"{key}: {_flow(stated)}"
        return
    yield f"{key}:"
    for member, value in stated.items():
        if isinstance(value, list) and any(isinstance(each, dict) for each in value):
            yield from (f"  {_flow(member)}:", *(f"    - {_flow(each)}" for each in value))
        else:
            yield f"  {_flow(member)}: {_flow(value)}"


def _flow(value: object) -> str:
    """Write a value on one line."""
    listed: str = yaml.dump([value], Dumper=_Dumper, default_flow_style=True, sort_keys=False, width=_WIDTH)
    return listed.strip()[1:-1]


class _Dumper(yaml.SafeDumper):
    """Write references and URLs without quotes, as everybody does; PyYAML shies from their colons."""

    def analyze_scalar(self, scalar: str) -> yaml.emitter.ScalarAnalysis:
        analysis = super().analyze_scalar(scalar)
        if _BARE.fullmatch(scalar):
            analysis.allow_flow_plain = True
        return analysis

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        """Write what stands twice twice."""
        return True
