"""Own the sweep of the dial: which model `gearshift.routing.decide.decide` takes for each prompt at each setting.

    estimates (once per prompt) ─ choose (all settings at once) ─> columns ─ a sample made again by `decide` ─> Chosen

Invariant: the choices are those of `decide`. That `choose` agrees with it on any estimates is a property test
(`tests/unit/learning/test_choices.py`); besides, every sweep is checked on a sample, and one difference is enough for
`decide` to make all choices.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from gearshift.learning.estimators import Array
from gearshift.learning.pool import Pool
from gearshift.routing.decide import decide
from gearshift.routing.policy import Best
from gearshift.routing.predict import Predictor
from gearshift.routing.router import Router
from gearshift.types.catalog import NANO_PER_USD, Deployment
from gearshift.types.chat import Request
from gearshift.types.decision import Estimate, Objective, Snapshot, WillingnessToPay

_CHECKED: Final = 40
"""Prompts of a pool whose choices are made again by `decide`, at every setting."""

Columns = NDArray[np.intp]


class Forecasts(Struct, frozen=True, kw_only=True, eq=False):
    """Hold what is expected, shapes (n_prompts, n_models); `cost` in nano-USD, NaN where unknown."""

    quality: Array
    quality_std: Array
    cost: Array


class Chosen(Struct, frozen=True, kw_only=True, eq=False):
    """Hold the column of each choice, shape (n_dials, n_prompts), and how many were checked by `decide`."""

    columns: Columns
    checked: int
    differing: int


class Remembered:
    """Ask a predictor about each request once: the dial changes what is chosen, not what is expected."""

    def __init__(self, predictor: Predictor) -> None:
        """Take the predictor whose answers to keep."""
        self._predictor = predictor
        self._known: dict[int, list[Estimate]] = {}

    @property
    def version(self) -> str:
        """Give the predictor's."""
        return self._predictor.version

    def predict(self, request: Request, deployments: Sequence[Deployment]) -> list[Estimate]:
        """Answer for the same deployments as the first time."""
        if id(request) not in self._known:
            self._known[id(request)] = self._predictor.predict(request, deployments)
        return self._known[id(request)]


def forecasts(predictor: Predictor, pool: Pool) -> Forecasts:
    """Ask about every prompt."""
    found = [predictor.predict(prompt.request, pool.deployments) for prompt in pool.prompts]
    return Forecasts(
        quality=np.array([[each.quality for each in row] for row in found]),
        quality_std=np.array([[each.quality_std for each in row] for row in found]),
        cost=np.array([[np.nan if each.cost is None else each.cost for each in row] for row in found]),
    )


def choices(predictor: Predictor, pool: Pool, expected: Forecasts, dials: Sequence[float]) -> Chosen:
    """Sweep the dial (willingness to pay, USD), and check a sample of the choices."""
    swept = choose(expected, pool.deployments, dials)
    sample = np.unique(np.linspace(0, len(pool.prompts) - 1, _CHECKED).astype(np.intp))
    objectives = [WillingnessToPay(usd=dial) for dial in dials]
    made = decided(predictor, pool.take(sample), objectives)
    differing = int((made != swept[:, sample]).sum())
    sound = np.isfinite(expected.quality).all() and np.isfinite(expected.cost).all()
    if differing or not sound:
        swept = decided(predictor, pool, objectives)
    return Chosen(columns=swept, checked=made.size, differing=differing)


def choose(expected: Forecasts, deployments: Sequence[Deployment], dials: Sequence[float]) -> Columns:
    """Rank as `willingness_to_pay` does: by worth, then lower cost, higher quality, first id."""
    order = np.argsort(np.array([deployment.id for deployment in deployments]))
    quality, cost = expected.quality[:, order], expected.cost[:, order]
    usd = cost / NANO_PER_USD
    best = [np.lexsort((-quality, cost, usd - quality * dial), axis=1)[:, 0] for dial in dials]
    return order[np.array(best)]


def decided(
    predictor: Predictor, pool: Pool, objectives: Sequence[Objective], reference: tuple[Deployment, ...] = ()
) -> Columns:
    """Let the production code decide every prompt by every objective; shape (n_objectives, n_prompts)."""
    column = {deployment.id: number for number, deployment in enumerate(pool.deployments)}
    snapshot, dice = Snapshot(now=0.0, deployments=pool.deployments), random.Random(0)  # noqa: S311 - no secret
    made = []
    for objective in objectives:
        router = Router(
            name="evaluate",
            deployments=pool.deployments,
            policy=Best(),
            objective=objective,
            predictor=predictor,
            reference=reference,
        )
        made.append([decide(each.request, snapshot, router, dice).chosen.deployment.id for each in pool.prompts])
    return np.array([[column[name] for name in row] for row in made])
