"""Own the question whether routing pays: the production `decide`, over the dial, on recorded outcomes.

    table ─ per data set ─> pool (models, prompts all of them answered) ─> measure ─> report

Invariant: the numbers are of the code that ships: the choices are those of `gearshift.routing.decide.decide` (see
`choices`). Whether the prompts were trained on is for the caller to see to (`data.split`); the report counts those
that it cannot have been trained on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from msgspec.structs import replace

from gearshift import __version__
from gearshift.errors import DataError
from gearshift.learning.artifact import Artifact
from gearshift.learning.data import OutcomeTable, Prompt, position
from gearshift.learning.findings import Method
from gearshift.learning.manifest import Training
from gearshift.learning.measuring import Measured, measure
from gearshift.learning.metrics import ROUNDS
from gearshift.learning.pool import Pool
from gearshift.learning.prices import Stated, with_costs
from gearshift.learning.pricing import charges
from gearshift.learning.report import Report
from gearshift.types.catalog import Deployment, Price, Provider

DIALS: Final = tuple(float(each) for each in np.geomspace(1e-6, 1e2, 25))
"""Willingness to pay, USD for one whole unit of quality on one request."""
_COVERAGE: Final = 0.9
"""A model is in the pool of a data set when it answered so much of it, at a known cost."""
_RECORDED: Final = Provider(id="recorded", protocol="openai_chat", base_url="http://127.0.0.1:1")


def evaluate(
    artifact: Artifact,
    table: OutcomeTable,
    *,
    dials: Sequence[float] = DIALS,
    rest: OutcomeTable | None = None,
    stated: Stated | None = None,
) -> Report:
    """Measure an artefact on outcomes, data set by data set.

    Only models that the artefact has learned take part.

    Parameters
    ----------
    artifact : Artifact
    table : OutcomeTable
        The outcomes to measure on.
    dials : sequence of float
        Settings of willingness to pay, USD.
    rest : OutcomeTable, optional
        Other outcomes, such as those that the artefact was trained on: nearest neighbours and ridge regression learn
        from them. Without it they are not measured. Questions of `table` are left out of it.
    stated : mapping of str to Charge, optional
        Prices of models, which take the place of those that outcomes tell; they give costs where none is recorded.

    Raises
    ------
    DataError
        When the artefact has learned none of the models.
    """
    learned, stated = artifact.predictor(), stated or {}
    unknown = tuple(name for name in table.models if not learned.knows(name))
    if len(unknown) == len(table.models):
        raise DataError(
            f"found outcomes of {', '.join(unknown)}; expected some of the artefact's models: "
            f"{', '.join(artifact.parameters.models)}"
        )
    known = [name for name in table.models if learned.knows(name)]
    priced = with_costs(table.take(np.arange(len(table.prompts)), known), stated)
    prices = prices_of(artifact, priced, stated)
    others = None if rest is None else without(rest, table)
    found = [measure(learned, pool, dials, others) for pool in pools(priced, prices)]
    trained = artifact.manifest.training.datasets
    return Report(
        version=learned.version,
        unknown_models=unknown,
        sets=tuple(replace(each.report, trained=each.report.dataset in trained) for each in found),
        method=_method(artifact, table, len(dials), found),
    )


def _method(artifact: Artifact, table: OutcomeTable, dials: int, found: Sequence[Measured]) -> Method:
    training = artifact.manifest.training
    chosen = [each.chosen for each in found if each.chosen is not None]
    return Method(
        gearshift=__version__,
        training_digest=training.digest,
        data_digest=table.digest,
        prompts=len(table.prompts),
        unseen=unseen(training, table.prompts),
        holdout=training.holdout,
        seed=training.seed,
        dials=dials,
        resamples=ROUNDS,
        checked=sum(each.checked for each in chosen),
        differing=sum(each.differing for each in chosen),
    )


def unseen(training: Training, prompts: Iterable[Prompt]) -> int:
    """Count the prompts that training cannot have seen: it held them back, or did not have their data set."""
    return sum(
        prompt.dataset not in training.datasets or position(prompt, training.seed) < training.holdout
        for prompt in prompts
    )


def without(rest: OutcomeTable, table: OutcomeTable) -> OutcomeTable:
    """Leave the questions of `table` out of `rest`."""
    asked = {prompt.group for prompt in table.prompts}
    return rest.take(np.flatnonzero([prompt.group not in asked for prompt in rest.prompts]))


def prices_of(artifact: Artifact, table: OutcomeTable, stated: Stated) -> list[Price | None]:
    """Price models as stated, else as training saw them, else as this table does."""
    known = {model.name: model.charge.price() for model in artifact.manifest.models}
    known |= {name: charge.price() for name, charge in stated.items()}
    here = [charge.price() for charge in charges(table)]
    return [known.get(name) or price for name, price in zip(table.models, here, strict=True)]


def pools(table: OutcomeTable, prices: Sequence[Price | None]) -> list[Pool]:
    """Give what can be compared in each data set, by name; `prices` are of the table's models, in their order."""
    names = sorted({prompt.dataset for prompt in table.prompts})
    return [pool for pool in (_pool(table, name, prices) for name in names) if pool is not None]


def _pool(table: OutcomeTable, dataset: str, prices: Sequence[Price | None]) -> Pool | None:
    """Take models and prompts of a data set such that every model answered every prompt; None when nothing is left.

    Where costs are known, models without one are left out; where they are known of hardly any outcome, none counts.
    """
    rows = np.array([prompt.dataset == dataset for prompt in table.prompts])
    quality, cost = table.quality[rows], table.cost_usd[rows]
    seen = ~np.isnan(quality)
    paid = seen & ~np.isnan(cost)
    wanted = (paid.mean(axis=0) >= _COVERAGE) & np.array([price is not None for price in prices])
    priced = bool(wanted.any())
    if not priced:
        wanted, paid = seen.mean(axis=0) >= _COVERAGE, seen
    keep = paid[:, wanted].all(axis=1)
    if not wanted.any() or not keep.any():
        return None
    columns = np.flatnonzero(wanted).tolist()
    return Pool(
        dataset=dataset,
        prompts=tuple(table.prompts[row] for row in np.flatnonzero(rows)[keep]),
        deployments=tuple(recorded(table.models[column], prices[column] if priced else None) for column in columns),
        quality=quality[keep][:, wanted],
        cost=cost[keep][:, wanted] if priced else None,
        left_out=tuple(table.models[column] for column in np.flatnonzero(seen.any(axis=0) & ~wanted)),
    )


def recorded(model: str, price: Price | None) -> Deployment:
    """Make the deployment that stands for a recorded model."""
    return Deployment(id=f"recorded/{model}", model=model, name=model, provider=_RECORDED, price=price)
