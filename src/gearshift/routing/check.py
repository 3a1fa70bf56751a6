"""Own the shape of what rules out a deployment, and the parting of deployments by it.

Invariant: every deployment comes out once, as fitting or with the first reason against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from gearshift.types.catalog import Deployment
from gearshift.types.decision import Rejection, RejectionReason

Check: TypeAlias = Callable[[Deployment], Rejection | None]
_SHOWN_NAMES: Final = 5
_SHOWN_CHARACTERS: Final = 60


def part(deployments: Iterable[Deployment], checks: Sequence[Check]) -> tuple[list[Deployment], list[Rejection]]:
    """Part `deployments` into those that pass all checks, in their order, and the rejections of the others."""
    fits: list[Deployment] = []
    rejections: list[Rejection] = []
    for deployment in deployments:
        for check in checks:
            rejection = check(deployment)
            if rejection is not None:
                rejections.append(rejection)
                break
        else:
            fits.append(deployment)
    return fits, rejections


def reject(deployment: Deployment, reason: RejectionReason, detail: str) -> Rejection:
    """Rule out `deployment`; `detail` says found, expected, what to do."""
    return Rejection(deployment=deployment.id, reason=reason, detail=detail)


def some(names: Sequence[str]) -> str:
    """List names, cut short: a caller may have written them."""
    shown = ", ".join(name[:_SHOWN_CHARACTERS] for name in names[:_SHOWN_NAMES])
    rest = len(names) - _SHOWN_NAMES
    return f"{shown} and {rest} more" if rest > 0 else shown
