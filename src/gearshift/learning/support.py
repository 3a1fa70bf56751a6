"""Own whether a log can answer for a policy: effective samples, and how much of the policy it never explored.

Invariant: a value that rests on too little is refused, with what is missing; it is never shown with a wide interval
instead. The bars are where intervals still cover (`make bench-replay`, docs/reference/replay.md).
"""

from __future__ import annotations

from math import ceil
from typing import Final

import numpy as np
from msgspec import Struct

from gearshift.learning.estimators import Array, Index
from gearshift.learning.offpolicy import LoggedDecisions, importance

MIN_EFFECTIVE: Final = 100
"""Effective samples below which a value is refused: from here on intervals of skewed costs cover too."""
MAX_UNSUPPORTED: Final = 0.01
"""Share of the policy's choices that the log may have never explored: a score may be off by as much."""


class Support(Struct, frozen=True, kw_only=True):
    """Hold what an estimate rests on.

    `effective` is the effective sample size of the weights, `unsupported` the share of the policy's choices that the
    log never explored, `mean_weight` 1 but for chance and for what is unsupported. `clip` None: no weight was cut.
    """

    rows: int
    effective: float
    unsupported: float
    mean_weight: float
    max_weight: float
    clip: float | None
    clipped_rows: int


def support(log: LoggedDecisions, pi_e: Array, explored: Array, clip: float | None) -> Support:
    """Measure the support of a log for a policy.

    Parameters
    ----------
    log : LoggedDecisions
    pi_e : ndarray, shape (n, n_actions)
    explored : ndarray of 0 and 1, shape (n, n_actions)
        Whether the log could have taken the action at this row.
    clip : float, optional
        As in `importance`.
    """
    raw = importance(log, pi_e)
    cut = importance(log, pi_e, clip)
    return Support(
        rows=len(raw),
        effective=effective(cut, log.block),
        unsupported=float((pi_e * (1 - explored)).sum() / len(raw)) if len(raw) else 0.0,
        mean_weight=float(raw.mean()) if len(raw) else 0.0,
        max_weight=float(raw.max(initial=0.0)),
        clip=clip,
        clipped_rows=int((cut < raw).sum()),
    )


def effective(weights: Array, block: Index) -> float:
    """Give the effective sample size (sum w)^2 / sum w^2, with the weights of a block as one.

    References
    ----------
    Kish 1965, "Survey Sampling", section 8.2; Owen 2013, "Monte Carlo theory, methods and examples", eq. 9.13.
    """
    sums = np.bincount(block, weights=weights)
    squares = float((sums**2).sum())
    return float(sums.sum() ** 2 / squares) if squares > 0 else 0.0


def refusals(found: Support) -> tuple[str, ...]:
    """Say why no value is stated, each with what it would take; none: it is well supported."""
    why = []
    if found.unsupported > MAX_UNSUPPORTED:
        why.append(
            f"found {found.unsupported:.1%} of the policy's choices never explored in the log, "
            f"expected at most {MAX_UNSUPPORTED:.0%}; log with weights over these models for a while"
        )
    if found.effective < MIN_EFFECTIVE:
        needed = ceil(found.rows * MIN_EFFECTIVE / found.effective) if found.effective else 0
        more = f"about {needed:,} rows like these" if needed else "rows in which the log chose as the policy would"
        why.append(
            f"found {found.effective:.0f} effective samples in {found.rows:,} rows, expected at least "
            f"{MIN_EFFECTIVE}; it takes {more}"
        )
    return tuple(why)
