"""Own how LiteLLM's `include` puts files together: lists are joined, all else is overridden by the included file.

Source: https://docs.litellm.ai/docs/proxy/config_management and LiteLLM 1.110, `proxy/common_utils/config_includes.py`,
read 2026-11-27.
Invariant: every path of the whole leads back to the file that states it, and to its line there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from gearshift.config.document import Document
from gearshift.config.overrides import Path
from gearshift.migration.findings import Lines, Spot, Spots

INCLUDE: Final = "include"


class Source(Struct, frozen=True, kw_only=True):
    """Hold one file: its name, what it states, and what finds lines in it."""

    name: str
    document: Document
    line: Lines


def included(document: Document) -> list[str]:
    """List the files that a config includes; raise ValueError when `include` is no list of texts."""
    stated = document.get(INCLUDE)
    if stated is None:
        return []
    if not isinstance(stated, list) or not all(isinstance(each, str) and each and "\0" not in each for each in stated):
        raise ValueError("include: expected a list of file names")
    return stated


def merged(sources: Sequence[Source]) -> tuple[Document, Spots]:
    """Put files together, the first one before those that it includes; give the whole, and what finds paths in it."""
    whole: Document = {}
    stretches: dict[str, list[tuple[int, Source]]] = {}
    for source in sources:
        for section, value in source.document.items():
            if section == INCLUDE:
                continue
            before = whole.get(section)
            if isinstance(before, list) and isinstance(value, list):
                stretches[section].append((len(before), source))
                whole[section] = [*before, *value]
            else:
                stretches[section] = [(0, source)]
                whole[section] = value

    def spot(path: Path) -> Spot:
        section, at = str(path[0]), path[1] if len(path) > 1 else 0
        number = at if isinstance(at, int) else 0
        start, source = next(
            ((start, source) for start, source in reversed(stretches.get(section, [])) if start <= number),
            (0, sources[0]),
        )
        there = (section, number - start, *path[2:]) if isinstance(at, int) and len(path) > 1 else path
        return Spot(file=source.name if len(sources) > 1 else None, line=source.line(there))

    return whole, spot
