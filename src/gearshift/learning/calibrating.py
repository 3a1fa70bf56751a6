"""Own calibrating an artefact: outcomes in, the margin that keeps a promise out, or how many questions it would take.

    table ─ prompts that all candidates answered ─> pool ─> sweep ─ tests along the grid ─> Verdict, with a Calibration

Invariant: the choices are those of the production `decide`. What was left out is counted, and so are prompts that
training may have seen: forecasts are too good on them, and a promise that rests on them is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from gearshift.errors import DataError
from gearshift.learning.artifact import Artifact
from gearshift.learning.data import OutcomeTable
from gearshift.learning.evaluation import prices_of, recorded, unseen
from gearshift.learning.guarantee import Promise, accepted, needed, p_values, upper_bounds
from gearshift.learning.margins import GRID, Sweep, certified, saving, sweep
from gearshift.learning.pool import Pool
from gearshift.learning.prices import Stated
from gearshift.learning.rehearsal import rehearse
from gearshift.learning.verdict import Left, Setting, Verdict, rounded
from gearshift.routing.calibration import Calibration, by_price, plain
from gearshift.types.catalog import Price

ROUNDS: Final = 200
"""Splits of the rehearsal."""
_ORDER_SEED: Final = 3_000_017
_COVERAGE: Final = 0.9
"""A candidate must have answered so many of the prompts that the reference answered."""
_FEWEST: Final = 2


class Basis(Struct, frozen=True, kw_only=True, eq=False):
    """Hold what can be calibrated on, and what of the data cannot."""

    pool: Pool
    left: Left


def calibrate(
    artifact: Artifact, table: OutcomeTable, promise: Promise, *, today: date, stated: Stated | None = None
) -> Verdict:
    """Find the cheapest margin with which `at_least` keeps its promise.

    Parameters
    ----------
    artifact : Artifact
    table : OutcomeTable
        Outcomes of prompts that the artefact was not trained on; its models are the candidates.
    promise : Promise
    today : date
    stated : mapping of str to Charge, optional
        Prices of models, which take the place of those that outcomes tell.

    Raises
    ------
    DataError
        When the data has too little of the reference, or nobody knows its price.
    """
    predictor = artifact.predictor()
    found = basis(table, promise.reference, prices_of(artifact, table, stated or {}))
    swept = sweep(predictor, found.pool, promise.reference)
    swept = swept.take(np.random.default_rng(_ORDER_SEED).permutation(len(swept.losses)))
    settings = _settings(swept, promise)
    chosen = certified(swept, promise)
    verdict = Verdict(
        promise=promise,
        version=predictor.version,
        models=by_price(found.pool.deployments),
        prompts=len(found.pool.prompts),
        groups=len(swept.losses),
        unseen=unseen(artifact.manifest.training, found.pool.prompts),
        left=found.left,
        settings=settings,
        calibration=None,
        needed=_needed(swept, promise) if chosen is None else None,
        rehearsal=rehearse(swept, promise, size=len(swept.losses) // 2, rounds=ROUNDS),
    )
    if chosen is None:
        return verdict
    return replace(verdict, calibration=_calibration(verdict, settings[chosen], table.digest, today))


def with_calibration(artifact: Artifact, calibration: Calibration) -> Artifact:
    """Put a calibration into the manifest, in place of one of the same promise and candidates."""
    others = [each for each in artifact.manifest.calibration or () if not each.same_promise(calibration)]
    manifest = replace(artifact.manifest, calibration=(*others, calibration))
    return Artifact(manifest=manifest, parameters=artifact.parameters)


def basis(table: OutcomeTable, reference: str, prices: Sequence[Price | None]) -> Basis:
    """Take the prompts that the reference and all candidates answered; `prices` are of the table's models, in order."""
    base = table.take(np.arange(len(table.prompts)), [reference]).quality[:, 0]
    rows = ~np.isnan(base)
    seen = ~np.isnan(table.quality[rows])
    often = seen.mean(axis=0) >= _COVERAGE if rows.any() else np.zeros(len(table.models), bool)
    priced = np.array([price is not None for price in prices])
    if not priced[table.models.index(reference)]:
        raise DataError(f"found no price of {reference}, expected one; state it with --prices")
    wanted = np.flatnonzero(often & priced)
    whole = seen[:, wanted].all(axis=1)
    keep = np.flatnonzero(rows)[whole]
    questions = {table.prompts[row].group for row in keep}
    if len(questions) < _FEWEST:
        raise DataError(
            f"found {len(questions)} questions that {reference} and all candidates answered, "
            f"expected at least {_FEWEST}; add outcomes, or name fewer candidates with --models"
        )
    names = np.array(table.models, dtype=object)
    return Basis(
        pool=Pool(
            dataset="",
            prompts=tuple(table.prompts[row] for row in keep),
            deployments=tuple(recorded(table.models[column], prices[column]) for column in wanted.tolist()),
            quality=table.quality[np.ix_(keep, wanted)],
            cost=None,
        ),
        left=Left(
            without_reference=int((~rows).sum()),
            incomplete=int((~whole).sum()),
            seldom=tuple(names[~often]),
            unpriced=tuple(names[often & ~priced]),
        ),
    )


def _settings(swept: Sweep, promise: Promise) -> tuple[Setting, ...]:
    p = p_values(swept.losses, promise.within, promise.confidence)
    bounds = upper_bounds(swept.losses, promise.confidence)
    counts, passed = needed(swept.losses, promise.within, promise.confidence), accepted(p, promise.confidence)
    mean, shares = swept.losses.mean(axis=0), swept.shares
    return tuple(
        Setting(
            margin=margin,
            cost_share=float(shares[number]),
            mean_loss=float(mean[number]),
            bound=float(bounds[number]),
            p_value=float(p[number]),
            needed=rounded(float(counts[number])),
            accepted=number < passed,
        )
        for number, margin in enumerate(GRID)
    )


def _needed(swept: Sweep, promise: Promise) -> int | None:
    """Estimate how many questions let the first margin that saves pass, and all before it."""
    cheaper = saving(swept)
    if not len(cheaper):
        return None
    return rounded(float(needed(swept.losses[:, : cheaper[0] + 1], promise.within, promise.confidence).max()))


def _calibration(verdict: Verdict, setting: Setting, digest: str, today: date) -> Calibration:
    return Calibration(
        reference=plain(verdict.promise.reference),
        within=verdict.promise.within,
        confidence=verdict.promise.confidence,
        margin=setting.margin,
        models=verdict.models,
        prompts=verdict.prompts,
        groups=verdict.groups,
        unseen=verdict.unseen,
        mean_loss=setting.mean_loss,
        bound=setting.bound,
        p_value=setting.p_value,
        cost_share=setting.cost_share,
        data=digest,
        date=today,
    )
