"""Own the names that a config declares, and what a reference to one may be.

Invariant: the same `matches` decides when a config is checked and when the catalogue selects candidates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from itertools import islice
from typing import Final

from msgspec import Struct

MAX_COMPARED: Final = 300
_GLOB: Final = re.compile(r"[*?\[]")


class Names(Struct, frozen=True, kw_only=True):
    """Hold the names of a config.

    `deployments` maps the id `provider/model` to the name of its model, `unplaced` those built-in providers whose base
    URL is each customer's own to an example of it. `discovering` are the declared providers that are asked for their
    models, so that there may be more of these than the config declares.
    """

    providers: frozenset[str]
    builtin: frozenset[str]
    unplaced: Mapping[str, str] = {}
    models: tuple[str, ...]
    routers: tuple[str, ...]
    deployments: Mapping[str, str]
    discovering: frozenset[str] = frozenset()


def is_glob(pattern: str) -> bool:
    """Say whether a candidate is a pattern rather than a name."""
    return _GLOB.search(pattern) is not None


def matches(pattern: str, deployment: str, model: str) -> bool:
    """Say whether a candidate means the deployment `deployment` of the model `model`: by name, by id or by glob."""
    if is_glob(pattern):
        return fnmatchcase(deployment, pattern) or fnmatchcase(model, pattern)
    return pattern in {deployment, model}


def suggestion(found: str, known: Iterable[str]) -> str:
    """Give `; did you mean "x"?` for the closest known word, "" when none is close."""
    near = closest(found, known, 1)
    return f'; did you mean "{near[0]}"?' if near else ""


def closest(found: str, known: Iterable[str], count: int, cutoff: float = 0.6) -> list[str]:
    """Give the known words that are like `found`, closest first; upper and lower case are alike.

    Of many known words the first `MAX_COMPARED` are looked at: comparing two takes some 20 us, and callers wait.
    """
    spelled = {name.lower(): name for name in islice(known, MAX_COMPARED)}
    return [spelled[each] for each in get_close_matches(found.lower(), spelled, n=count, cutoff=cutoff)]
