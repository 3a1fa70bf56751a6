"""Own the environment's say in a config: `GEARSHIFT__SERVER__PORT=4001` sets `server.port`.

The rule: the name after `GEARSHIFT__` is a path, its steps parted by two underscores. A step means the key that is the
same but for case and for characters that a variable's name cannot have (`GPT_5_5` is `gpt-5.5`), else a new key in
lower case; in a list it is the number of an item, from 0. The value is read as YAML: `4001`, `true`, `[a, b]`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final, TypeAlias

from gearshift.config.document import Document, parse_yaml

PREFIX: Final = "GEARSHIFT__"

Path: TypeAlias = tuple[str | int, ...]


def apply(document: Document, environ: Mapping[str, str]) -> tuple[Document, dict[Path, str], list[str]]:
    """Give the document with its overrides, the variable behind each key that it changed or made, and the faults."""
    changed = deepcopy(document)
    origins: dict[Path, str] = {}
    faults: list[str] = []
    for variable in sorted(environ):
        if not variable.startswith(PREFIX):
            continue
        steps = variable.removeprefix(PREFIX).split("__")
        try:
            origins[_set(changed, steps, parse_yaml(environ[variable]))] = variable
        except ValueError as problem:
            faults.append(f"{variable}: {problem}")
    return changed, origins, faults


def _set(document: Document, steps: list[str], value: object) -> Path:
    """Put `value` at the path that `steps` mean, making mappings on the way; give the path from which all is new."""
    place: Any = document
    path: Path = ()
    new: Path = ()
    for at, step in enumerate(steps):
        key = _key(place, step)
        path = (*path, key)
        if isinstance(place, dict) and key not in place:
            new = new or path
            place[key] = {}
        if at == len(steps) - 1:
            place[key] = value
        place = place[key]
    return new or path


def _key(place: object, step: str) -> str | int:
    """Find the key of `place` that a step means."""
    if isinstance(place, list):
        if not step.isdecimal() or int(step) >= len(place):
            raise ValueError(f'found "{step}" for an item of a list, expected a number from 0 to {len(place) - 1}')
        return int(step)
    if not isinstance(place, dict):
        fault = f'found "{step}" inside a value that is no mapping, expected the name of a section'
        raise ValueError(fault)  # noqa: TRY004 - a fault of the variable, as the others are
    if not step:
        raise ValueError("found a step without a name, expected GEARSHIFT__SECTION__KEY")
    meant = [key for key in place if isinstance(key, str) and _plain(key) == _plain(step)]
    if len(meant) > 1:
        raise ValueError(f'found "{step}", which may be any of {", ".join(meant)}; set it in the file instead')
    return meant[0] if meant else step.lower()


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "_", name.lower())
