"""Own what a migration tells beside the config: what it could not carry, and what it took for granted.

Invariant: nothing told holds a secret. A found text is shown only where its key is known to hold none, and a name that
looks like a key is not shown either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from gearshift.config.faults import locate
from gearshift.config.overrides import Path
from gearshift.config.values import show

Lines: TypeAlias = Callable[[Path], int]
"""Finds the line of a path in one file, from 1."""

_PLAIN: Final = re.compile(r"[\w .*:/@<>-]{1,80}", re.ASCII)
_HIDDEN: Final = "(not shown)"
_SECRET: Final = re.compile(r"key|secret|token|passw|credential|auth|private|salt|license", re.IGNORECASE)
_COUNT: Final = re.compile(r"cost|max_|min_|_limit|tokens$", re.IGNORECASE)
_LISTED: Final = 8


class Reason(NamedTuple):
    """Say why a setting is not carried, and what to do instead."""

    why: str
    do: str


class Spot(Struct, frozen=True, kw_only=True):
    """Hold where a path stands: its line, from 1, and the file where there are several."""

    file: str | None = None
    line: int


Spots: TypeAlias = Callable[[Path], Spot]


class Finding(Struct, frozen=True, kw_only=True):
    """Hold what was not carried: its place in the file, what stood there, why, and what to do.

    `line` is from 1, `file` is stated where there are several; None: not known.
    """

    where: str
    file: str | None = None
    line: int | None = None
    found: str
    why: str
    do: str

    @property
    def place(self) -> str:
        """Write where it stands, with its file and line."""
        if self.line is None:
            return self.where
        return f"{self.where} ({'' if self.file is None else self.file + ', '}line {self.line})"


class Findings:
    """Collect what a migration has to tell."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._left: list[tuple[Path, Finding]] = []
        self._assumptions: dict[str, None] = {}

    def leave(self, path: Path, found: str, reason: Reason) -> None:
        """Note that what stands at `path` is not carried; `found` names it and holds no secret."""
        self._left.append((path, Finding(where=place(path), found=found, why=reason.why, do=reason.do)))

    def assume(self, text: str) -> None:
        """Note what was taken for granted, once."""
        self._assumptions[text] = None

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Give what was taken for granted."""
        return tuple(self._assumptions)

    def not_carried(self, sections: Iterable[str], spot: Spots | None = None) -> tuple[Finding, ...]:
        """Give what was left, in the order of the file, whose top has these `sections`; `spot` finds a path in it."""
        order = {name: number for number, name in enumerate(sections)}

        def key(noted: tuple[Path, Finding]) -> tuple[int, int]:
            path = noted[0]
            number = path[1] if len(path) > 1 and isinstance(path[1], int) else -1
            return order.get(str(path[0]), len(order)) if path else -1, number

        ordered = sorted(self._left, key=key)
        return tuple(finding if spot is None else _placed(finding, spot(path)) for path, finding in ordered)


def place(path: Path) -> str:
    """Write a path as `model_list[0].litellm_params.api_key`."""
    return locate(tuple(step if isinstance(step, int) else spelled(step) for step in path), {})


def spelled(name: str) -> str:
    """Give a name for a message, unless it looks like a secret or is no name."""
    return name if _PLAIN.fullmatch(name) and show(name).startswith('"') else _HIDDEN


def shown(key: str, value: object, *, plain: bool = False) -> str:
    """Name the value of `key` for a message; `plain`: a text here is known to be no secret."""
    if _SECRET.search(key) and not _COUNT.search(key) and not isinstance(value, bool):
        return f"a value {_HIDDEN}"
    match value:
        case str():
            return spelled(value) if plain else f"a text {_HIDDEN}"
        case list() if plain and value and all(isinstance(each, str) for each in value):
            more = "" if len(value) <= _LISTED else f" and {len(value) - _LISTED} more"
            return ", ".join(spelled(each) for each in value[:_LISTED]) + more
        case list():
            return f"a list of {len(value)}"
        case _:
            return show(value)


def _placed(finding: Finding, spot: Spot) -> Finding:
    return replace(finding, file=spot.file, line=spot.line)
