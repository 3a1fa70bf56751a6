"""Own the sweep of the margin: what `at_least` loses and spends on each question, at every setting of its dial.

    estimates (once per prompt) ─ choose (all margins at once) ─> columns ─ a sample made again by `decide`
                                                                    └─> losses and costs, one row per question ─> Sweep

Invariants: the choices are those of `decide`. The grid is fixed, from the most cautious margin on: no outcome has a say
in it, as the test of a sequence demands. Prompts of one group are one observation, the mean of them: near-duplicates
tell nothing new.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct

from gearshift.learning.choices import Columns, Forecasts, Remembered, decided, forecasts
from gearshift.learning.estimators import Array
from gearshift.learning.guarantee import Promise, accepted, p_values
from gearshift.learning.pool import Pool
from gearshift.routing.objective import ROUNDING
from gearshift.routing.predict import Predictor
from gearshift.types.catalog import NANO_PER_USD
from gearshift.types.decision import AtLeast

GRID: Final = tuple(step / 200 for step in range(-50, 50)) + tuple(step / 20 for step in range(5, 21))
"""Margins, from the most cautious to "always the cheapest": fine where forecasts differ, coarse where hardly any do."""
_CHECKED: Final = 40
"""Prompts whose choices are made again by `decide`, at every margin."""
_SAVING: Final = 1e-6
"""Of the reference's cost: a setting that saves less is the reference."""


class Sweep(Struct, frozen=True, kw_only=True, eq=False):
    """Hold what each margin of `GRID` does on each question, shapes (n_groups, n_margins).

    `losses` are scores of the reference less those of the chosen models, in [-1, 1]. `costs` are *expected*, in USD,
    and `reference` (n_groups,) is what the reference is expected to cost.
    """

    losses: Array
    costs: Array
    reference: Array

    def take(self, rows: Columns) -> Sweep:
        """Give the part with these questions, in this order."""
        return Sweep(losses=self.losses[rows], costs=self.costs[rows], reference=self.reference[rows])

    @property
    def shares(self) -> Array:
        """Give the expected cost of each margin relative to the reference's, shape (n_margins,)."""
        shares: Array = self.costs.mean(axis=0) / self.reference.mean()
        return shares


def certified(sweep: Sweep, promise: Promise) -> int | None:
    """Choose the cheapest margin that is sure to keep the promise; of equals the most cautious. None: none saves.

    Fixed-sequence testing along `GRID` (see `guarantee`): the probability that any accepted margin breaks the promise
    is at most 1 - confidence.
    """
    passed = accepted(p_values(sweep.losses, promise.within, promise.confidence), promise.confidence)
    shares = sweep.shares[:passed]
    if not passed or shares.min() > 1 - _SAVING:
        return None
    return int(np.argmin(shares.round(9)))


def saving(sweep: Sweep) -> Columns:
    """Name the margins that save at all, certified or not."""
    return np.flatnonzero(sweep.shares <= 1 - _SAVING)


def sweep(predictor: Predictor, pool: Pool, reference: str) -> Sweep:
    """Let every margin choose for every prompt, and look up what the choice scored; groups become rows."""
    remembered = Remembered(predictor)
    expected = forecasts(remembered, pool)
    chosen = margin_choices(remembered, pool, expected, reference)
    base, rows = pool.models.index(reference), np.arange(len(pool.prompts))
    group = np.unique([prompt.group for prompt in pool.prompts], return_inverse=True)[1]
    size = np.bincount(group).astype(np.float64)

    def grouped(values: Array) -> Array:
        total = np.zeros((len(size), values.shape[1]))
        np.add.at(total, group, values)
        mean: Array = total / size[:, None]
        return mean

    usd = expected.cost / NANO_PER_USD
    return Sweep(
        losses=grouped(pool.quality[:, [base]] - pool.quality[rows, chosen].T),
        costs=grouped(usd[rows, chosen].T),
        reference=grouped(usd[:, [base]])[:, 0],
    )


def margin_choices(predictor: Predictor, pool: Pool, expected: Forecasts, reference: str) -> Columns:
    """Give the column of each choice, shape (n_margins, n_prompts).

    A sample is made again by `decide`; where one differs, it makes all.
    """
    swept = choose(expected, pool, reference)
    sample = np.unique(np.linspace(0, len(pool.prompts) - 1, _CHECKED).astype(np.intp))
    objectives = [AtLeast(model=reference, margin=margin) for margin in GRID]
    compared = (pool.deployments[pool.models.index(reference)],)
    if (decided(predictor, pool.take(sample), objectives, compared) == swept[:, sample]).all():
        return swept
    return decided(predictor, pool, objectives, compared)


def choose(expected: Forecasts, pool: Pool, reference: str) -> Columns:
    """Rank as `at_least` does: the cheapest above the bar, then of higher quality, then of the first id."""
    base = pool.models.index(reference)
    ids = np.argsort(np.argsort([deployment.id for deployment in pool.deployments]))
    keys = (np.broadcast_to(ids, expected.cost.shape), -expected.quality, expected.cost)
    place = np.argsort(np.lexsort(keys, axis=1), axis=1)
    chosen = []
    for margin in GRID:
        meets = expected.quality >= expected.quality[:, [base]] - margin - ROUNDING
        meets[:, base] = True
        chosen.append(np.where(meets, place, len(ids)).argmin(axis=1))
    return np.array(chosen)
