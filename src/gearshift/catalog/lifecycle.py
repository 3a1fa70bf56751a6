"""Own what is said of a model whose end is known: to the operator, in time, and once.

Invariant: nothing is refused for it. A list of days can be wrong, and the upstream will say.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

from gearshift.types.catalog import Deployment

NOTICE: Final = timedelta(days=90)
"""How long before a model's last day that is worth a word."""


def notices(deployments: Iterable[Deployment], today: date) -> dict[str, str]:
    """Say of each deployment that ends soon, or has ended, when it does and who says so; by id."""
    found = ((each.id, _notice(each, today)) for each in deployments)
    return {name: notice for name, notice in found if notice}


def _notice(each: Deployment, today: date) -> str:
    known = each.lifecycle
    if known is None:
        return ""
    if known.retires is None:
        return f"{each.name} is deprecated, says {known.source}; choose its successor"
    day = date.fromisoformat(known.retires)
    if day > today + NOTICE:
        return ""
    ends = "was to be retired" if day <= today else "is to be retired"
    return f"{each.name} {ends} on {known.retires}, says {known.source}; choose its successor"
