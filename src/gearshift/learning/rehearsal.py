"""Own the rehearsal of a promise: calibrate on a part of the questions, see on the others whether it was kept, often.

Invariant: what is measured was not calibrated on. The other part is a sample too, so its luck counts against the
promise; the rate that is found is rather too high than too low.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from gearshift.learning.guarantee import Promise, wilson
from gearshift.learning.margins import Sweep, certified


class Rehearsal(Struct, frozen=True, kw_only=True):
    """Hold what came of `rounds` random splits.

    In `violations` of them the mean loss on the other questions was above `within`; `low` and `high` bound that rate
    (95 %, of the rounds' luck). In `refusals` no margin was certified, so nothing was lost. `mean_loss` and
    `cost_share` are means over all rounds, the reference alone where it was refused.
    """

    rounds: int
    calibrated_on: int
    measured_on: int
    violations: int
    low: float
    high: float
    refusals: int
    mean_loss: float
    cost_share: float

    @property
    def rate(self) -> float:
        """Give the share of rounds that broke the promise."""
        return self.violations / self.rounds


def rehearse(sweep: Sweep, promise: Promise, *, size: int, rounds: int, seed: int = 0) -> Rehearsal:
    """Calibrate on `size` questions drawn at random, and measure on all others, `rounds` times."""
    rng, groups = np.random.default_rng(seed), len(sweep.losses)
    losses, shares, refusals = np.zeros(rounds), np.ones(rounds), 0
    for each in range(rounds):
        order = rng.permutation(groups)
        found = certified(sweep.take(order[:size]), promise)
        if found is None:
            refusals += 1
            continue
        rest = sweep.take(order[size:])
        losses[each], shares[each] = rest.losses[:, found].mean(), rest.shares[found]
    violations = int((losses > promise.within).sum())
    low, high = wilson(violations, rounds)
    return Rehearsal(
        rounds=rounds,
        calibrated_on=size,
        measured_on=groups - size,
        violations=violations,
        low=low,
        high=high,
        refusals=refusals,
        mean_loss=float(losses.mean()),
        cost_share=float(shares.mean()),
    )
