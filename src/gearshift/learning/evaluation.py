"""Own the question whether routing pays: the production `decide`, over the dial, on recorded outcomes.

    table ─ per data set ─> pool (models, prompts all of them answered) ─> decide at each willingness to pay
        ─> recorded score and cost of the choice ─> curve ─> against the hull of the single models, with intervals

Invariant: the numbers are of the code that ships: `gearshift.routing.decide.decide` makes every choice. Whether the
prompts were trained on is for the caller to see to (`data.split`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from gearshift.errors import DataError
from gearshift.learning import metrics
from gearshift.learning.artifact import Artifact
from gearshift.learning.data import OutcomeTable
from gearshift.learning.estimators import Array
from gearshift.learning.metrics import Interval, bootstrap, hull
from gearshift.learning.pricing import charges
from gearshift.learning.report import Baselines, PairReport, Point, Report, SetReport
from gearshift.routing.decide import decide
from gearshift.routing.policy import Best
from gearshift.routing.predict import Predictor
from gearshift.routing.router import Router
from gearshift.types.catalog import Deployment, Price, Provider
from gearshift.types.chat import Request
from gearshift.types.decision import Estimate, Snapshot, WillingnessToPay

DIALS: Final = tuple(float(each) for each in np.geomspace(1e-6, 1e2, 25))
"""Willingness to pay, USD for one whole unit of quality on one request."""
_COVERAGE: Final = 0.9
"""A model is in the pool of a data set when it answered so much of it, at a known cost."""
_PAIR: Final = 2
_RECORDED: Final = Provider(id="recorded", protocol="openai_chat", base_url="http://127.0.0.1:1")


class Pool(Struct, frozen=True, kw_only=True, eq=False):
    """Hold what can be compared in a data set: complete outcomes, shapes (n_prompts, n_models)."""

    dataset: str
    requests: tuple[Request, ...]
    deployments: tuple[Deployment, ...]
    quality: Array
    cost: Array | None


class _Remembered:
    """Ask a predictor about each request once: the dial changes what is chosen, not what is expected."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._known: dict[int, list[Estimate]] = {}

    @property
    def version(self) -> str:
        return self._predictor.version

    def predict(self, request: Request, deployments: Sequence[Deployment]) -> list[Estimate]:
        """Answer for the same deployments as the first time."""
        if id(request) not in self._known:
            self._known[id(request)] = self._predictor.predict(request, deployments)
        return self._known[id(request)]


def evaluate(artifact: Artifact, table: OutcomeTable, *, dials: Sequence[float] = DIALS) -> Report:
    """Measure an artefact on outcomes, data set by data set.

    Only models that the artefact has learned take part. Raises DataError when there are none.
    """
    learned = artifact.predictor()
    unknown = tuple(name for name in table.models if not learned.knows(name))
    if len(unknown) == len(table.models):
        raise DataError(
            f"found outcomes of {', '.join(unknown)}; expected some of the artefact's models: "
            f"{', '.join(artifact.parameters.models)}"
        )
    table = table.take(np.arange(len(table.prompts)), [name for name in table.models if learned.knows(name)])
    prices = _prices(artifact, table)
    names = sorted({prompt.dataset for prompt in table.prompts})
    pools = [_pool(table, name, prices) for name in names]
    return Report(
        version=learned.version,
        unknown_models=unknown,
        sets=tuple(_measure(learned, pool, dials) for pool in pools if pool is not None),
    )


def _prices(artifact: Artifact, table: OutcomeTable) -> list[Price | None]:
    """Price models as training saw them, else as this table does."""
    known = {model.name: model.charge.price() for model in artifact.manifest.models}
    here = [charge.price() for charge in charges(table)]
    return [known.get(name) or price for name, price in zip(table.models, here, strict=True)]


def _pool(table: OutcomeTable, dataset: str, prices: list[Price | None]) -> Pool | None:
    """Take models and prompts of a data set such that every model answered every prompt; None when nothing is left."""
    rows = np.array([prompt.dataset == dataset for prompt in table.prompts])
    quality, cost = table.quality[rows], table.cost_usd[rows]
    seen = ~np.isnan(quality)
    wanted = seen.mean(axis=0) >= _COVERAGE
    priced = np.isfinite(cost).any()
    if priced:
        paid = seen & ~np.isnan(cost)
        wanted &= (paid.mean(axis=0) >= _COVERAGE) & np.array([price is not None for price in prices])
        seen = paid
    keep = seen[:, wanted].all(axis=1)
    if not wanted.any() or not keep.any():
        return None
    columns = np.flatnonzero(wanted)
    chosen = np.flatnonzero(rows)[keep]
    return Pool(
        dataset=dataset,
        requests=tuple(table.prompts[row].request for row in chosen),
        deployments=tuple(recorded(table.models[column], prices[column] if priced else None) for column in columns),
        quality=quality[keep][:, wanted],
        cost=cost[keep][:, wanted] if priced else None,
    )


def recorded(model: str, price: Price | None) -> Deployment:
    """Make the deployment that stands for a recorded model."""
    return Deployment(id=f"recorded/{model}", model=model, name=model, provider=_RECORDED, price=price)


def _measure(learned: Predictor, pool: Pool, dials: Sequence[float]) -> SetReport:
    predictor = _Remembered(learned)
    found = [predictor.predict(request, pool.deployments) for request in pool.requests]
    forecast = np.array([[each.quality for each in estimates] for estimates in found])
    chosen = np.zeros((0, len(pool.requests)), np.intp)
    best = _best(pool)
    curve = None
    if pool.cost is not None and len(pool.deployments) > 1:
        chosen = np.array([_choices(predictor, pool, dial) for dial in dials])
        curve = _Curve(pool, chosen, best)
    return SetReport(
        dataset=pool.dataset,
        prompts=len(pool.requests),
        models=len(pool.deployments),
        ece=metrics.ece(forecast.ravel(), pool.quality.ravel()),
        baselines=_baselines(pool, best),
        points=() if curve is None else curve.points(dials),
        gain=None if curve is None else curve.interval(curve.gain),
        parity=None if curve is None else curve.interval(lambda rows: curve.cost_at(rows, 1.0)),
        near_parity=None if curve is None else curve.interval(lambda rows: curve.cost_at(rows, 0.98)),
        aiq=None if curve is None else curve.aiq(),
        pair=_pair(pool, forecast, best) if len(pool.deployments) == _PAIR else None,
    )


def _best(pool: Pool) -> int:
    """Find the single model with the best mean score; among equals the cheapest."""
    dearness = np.zeros_like(pool.quality) if pool.cost is None else pool.cost
    return int(np.lexsort((dearness.mean(axis=0), -pool.quality.mean(axis=0)))[0])


def _choices(predictor: Predictor, pool: Pool, dial: float) -> NDArray[np.intp]:
    """Decide every request at one willingness to pay; gives the column of the choice, shape (n_prompts,)."""
    router = Router(
        name="evaluate",
        deployments=pool.deployments,
        policy=Best(),
        objective=WillingnessToPay(usd=dial),
        predictor=predictor,
    )
    column = {deployment.id: number for number, deployment in enumerate(pool.deployments)}
    snapshot, dice = Snapshot(now=0.0, deployments=pool.deployments), random.Random(0)  # noqa: S311 - no secret
    return np.array([column[decide(each, snapshot, router, dice).chosen.deployment.id] for each in pool.requests])


class _Curve:
    """Hold recorded score and cost of what each dial chose, shape (n_dials, n_prompts), beside those of each model."""

    def __init__(self, pool: Pool, chosen: NDArray[np.intp], best: int) -> None:
        everyone = np.arange(len(pool.requests))
        self._scores, self._costs = pool.quality, pool.cost if pool.cost is not None else np.zeros(())
        self._score, self._cost = self._scores[everyone, chosen], self._costs[everyone, chosen]
        self._best = best

    def points(self, dials: Sequence[float]) -> tuple[Point, ...]:
        """Give the curve, with what a random mix of single models scores at the same cost."""
        mix = hull(self._costs.mean(axis=0), self._scores.mean(axis=0)).at(self._cost.mean(axis=1))
        columns = (dials, self._score.mean(axis=1), self._cost.mean(axis=1), mix)
        return tuple(
            Point(willingness_to_pay=dial, quality=float(quality), cost_usd=float(cost), mix_quality=float(mixed))
            for dial, quality, cost, mixed in zip(*columns, strict=True)
        )

    def interval(self, statistic: metrics.Statistic) -> Interval:
        """Bootstrap over prompts."""
        return bootstrap(statistic, self._score.shape[1])

    def gain(self, rows: NDArray[np.intp]) -> float:
        """See `metrics.gain`."""
        return metrics.gain(self._router(rows), self._singles(rows))

    def cost_at(self, rows: NDArray[np.intp], share: float) -> float | None:
        """Give the router's cost at this share of the best single model's quality, relative to that model's cost."""
        best_score, best_cost = self._scores[rows, self._best].mean(), self._costs[rows, self._best].mean()
        cost = self._router(rows).cost_of(float(share * best_score))
        return None if cost is None or best_cost <= 0 else cost / float(best_cost)

    def aiq(self) -> tuple[float, float]:
        """Give AIQ of router and single models, up to the largest cost of either."""
        everyone = np.arange(self._score.shape[1])
        router, singles = self._router(everyone), self._singles(everyone)
        highest = float(max(router.cost[-1], singles.cost[-1]))
        return metrics.aiq(router, highest), metrics.aiq(singles, highest)

    def _router(self, rows: NDArray[np.intp]) -> metrics.Hull:
        return hull(self._cost[:, rows].mean(axis=1), self._score[:, rows].mean(axis=1))

    def _singles(self, rows: NDArray[np.intp]) -> metrics.Hull:
        return hull(self._costs[rows].mean(axis=0), self._scores[rows].mean(axis=0))


def _baselines(pool: Pool, best: int) -> Baselines:
    """Measure the best single model, the mean one, and the oracle: the cheapest of the best on each prompt."""
    cost = pool.cost
    dearness = np.zeros_like(pool.quality) if cost is None else cost
    top = pool.quality.max(axis=1)
    oracle = np.where(pool.quality == top[:, None], dearness, np.inf).min(axis=1)
    return Baselines(
        best_model=pool.deployments[best].model,
        best_quality=float(pool.quality[:, best].mean()),
        best_cost_usd=None if cost is None else float(cost[:, best].mean()),
        random_quality=float(pool.quality.mean()),
        random_cost_usd=None if cost is None else float(cost.mean()),
        oracle_quality=float(top.mean()),
        oracle_cost_usd=None if cost is None else float(oracle.mean()),
    )


def _pair(pool: Pool, forecast: Array, strong: int) -> PairReport:
    """Measure a pair as RouteLLM does: by the expected difference, which needs no price."""
    win = forecast[:, strong] - forecast[:, 1 - strong]
    better, worse = pool.quality[:, strong], pool.quality[:, 1 - strong]

    def threshold(recovered: float) -> Interval:
        return bootstrap(lambda rows: metrics.cpt(win[rows], better[rows], worse[rows], recovered), len(win))

    return PairReport(
        strong=pool.deployments[strong].model,
        weak=pool.deployments[1 - strong].model,
        apgr=bootstrap(lambda rows: metrics.apgr(win[rows], better[rows], worse[rows]), len(win)),
        cpt_50=threshold(0.5),
        cpt_80=threshold(0.8),
    )
