"""Own checking a promise afterwards: what a calibrated `at_least` loses and spends on other outcomes.

Invariant: choices are those that were calibrated, at the prices of then; what cannot be checked here is left out.
"""

from __future__ import annotations

import numpy as np

from gearshift.errors import DataError
from gearshift.learning.artifact import Artifact
from gearshift.learning.calibrating import basis
from gearshift.learning.data import OutcomeTable
from gearshift.learning.findings import PromiseReport
from gearshift.learning.margins import GRID, sweep
from gearshift.learning.metrics import bootstrap
from gearshift.routing.calibration import Calibration, plain
from gearshift.routing.predict import Predictor
from gearshift.types.catalog import Price, Rates


def kept(artifact: Artifact, table: OutcomeTable) -> tuple[PromiseReport, ...]:
    """Measure each calibration of the manifest whose models are all in `table`.

    Parameters
    ----------
    artifact : Artifact
    table : OutcomeTable
        Other outcomes than those that were calibrated on; where they are the same, the report says so.
    """
    predictor = artifact.predictor()
    found = (_kept(predictor, table, each) for each in artifact.manifest.calibration or ())
    return tuple(each for each in found if each is not None)


def _kept(predictor: Predictor, table: OutcomeTable, made: Calibration) -> PromiseReport | None:
    name = {plain(model): model for model in table.models}
    if made.margin not in GRID or not set(made.models) <= set(name):
        return None
    reference = name[made.reference]
    part = table.take(np.arange(len(table.prompts)), [name[model] for model in made.models])
    prices = [Price(rates=Rates(input=each[0], output=each[1]), source="calibration") for each in made.charges]
    try:
        pool = basis(part, reference, prices).pool
    except DataError:  # too few questions
        return None
    if len(pool.models) < len(made.models):
        return None
    swept, column = sweep(predictor, pool, reference), GRID.index(made.margin)
    losses = swept.losses[:, column]
    return PromiseReport(
        reference=made.reference,
        within=made.within,
        confidence=made.confidence,
        margin=made.margin,
        prompts=len(pool.prompts),
        questions=len(losses),
        loss=bootstrap(lambda rows: float(losses[rows].mean()), len(losses)),
        cost_share=float(swept.shares[column]),
        calibrated_on=table.digest == made.data,
    )
