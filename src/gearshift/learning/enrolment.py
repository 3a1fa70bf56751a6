"""Own enrolment: a model joins an artefact by a few outcomes, and nothing that was learned of the others moves.

    score(x) = level(x) + effect(x) + ability * slope(x) + offset + chance      level and slope are the artefact's

Two numbers are estimated, ability and offset. The price speaks first, outcomes correct it, and the more there are the
less the price counts. `effect` is what the outcomes of *known* models on the very prompt say beyond their forecasts:
that the prompts asked were hard then does not look like a weakness.
Invariant: of the models that were there, every forecast stays the same, to the bit.

References
----------
.. [1] Gelman et al., "Bayesian Data Analysis", 3rd ed., section 14.2: the normal linear model with a normal prior.
.. [2] Pukelsheim, "Optimal Design of Experiments", section 2.7: the c-criterion, by which prompts are suggested.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from gearshift.errors import DataError
from gearshift.learning.abilities import COIN, LUCK
from gearshift.learning.artifact import Artifact
from gearshift.learning.data import OutcomeTable, Prompt
from gearshift.learning.estimators import Array
from gearshift.learning.evaluation import recorded
from gearshift.learning.features import to_matrix
from gearshift.learning.lengths import overheads
from gearshift.learning.manifest import Charge, ModelFacts
from gearshift.learning.parameters import LENGTH, LEVEL, SHARED, SLOPE, Parameters
from gearshift.learning.pricing import charges
from gearshift.learning.tasks import posterior
from gearshift.routing.calibration import Calibration, plain

_OWN: Final = ("ability", "ability_std", "offset", "scale", "overhead")
"""What `Parameters` holds one number of for each model."""
_CHUNK: Final = 1024
_LEAST_NOISE: Final = 0.05
"""Variance of a score around its expectation, when known models seem to tell more than can be."""
_FEW: Final = 20
"""Scores of known models without which nothing is said of how hard the prompts are."""
_WORDY: Final = 0.5
"""Variance of the logarithm of one answer's length around its forecast."""
_MET: Final = 3.0
"""Expected prompts of a task from which on the newcomer counts as seen in it."""


class Outlook(Struct, frozen=True, kw_only=True, eq=False):
    """Hold what an artefact sees in prompts, whatever the model: all of shape (n,), but `task` (n, n_tasks)."""

    level: Array
    slope: Array
    length: Array
    task: Array


def enroll(artifact: Artifact, table: OutcomeTable, model: str, charge: Charge | None = None) -> Artifact:
    """Add `model` to an artefact.

    Parameters
    ----------
    artifact : Artifact
    table : OutcomeTable
        With outcomes of `model`; those of models that the artefact knows, on the same prompts, make it surer.
    model : str
        A new name, or one that was enrolled before, which then is enrolled anew.
    charge : Charge, optional
        What it charges; unless given, it is worked out from the table.

    Raises
    ------
    DataError
        When the table has no outcome of it, or the artefact was trained on it.
    """
    artifact = _without(artifact, model)
    if artifact.predictor().knows(model):
        raise DataError(f"{model}: the artefact was trained on it; expected a new model; to change it, train again")
    if model not in table.models:
        found = ", ".join(table.models[:5])
        raise DataError(f"found outcomes of {found}; expected some of {model}; check the name, or ask it some prompts")
    column = table.models.index(model)
    table = table.take(np.flatnonzero(~np.isnan(table.quality[:, column])))
    seen = look(artifact.parameters, table.prompts)
    charge = charge or charges(table)[column]
    strength, std, offset = _estimate(artifact, table, column, seen, charge)
    learned = _joined(
        artifact.parameters,
        model,
        seen=(seen.task.sum(axis=0) >= _MET).astype(np.uint8),
        ability=strength,
        ability_std=std,
        offset=offset,
        scale=_scale(artifact.parameters, table.output_tokens[:, column], seen.length),
        overhead=float(overheads(table)[column]),
    )
    scores = table.quality[:, column]
    facts = ModelFacts(
        name=model, outcomes=len(scores), mean_quality=round(float(scores.mean()), 6), charge=charge, enrolled=True
    )
    manifest = replace(
        artifact.manifest,
        models=(*artifact.manifest.models, facts),
        calibration=_untouched(artifact.manifest.calibration or (), model) or None,
    )
    return Artifact(manifest=manifest, parameters=learned)


def _untouched(calibrations: Sequence[Calibration], model: str) -> tuple[Calibration, ...]:
    """Keep what was calibrated without `model`; with it, other choices would be made now."""
    return tuple(each for each in calibrations if plain(model) not in each.models)


def suggest(artifact: Artifact, prompts: Sequence[Prompt], count: int) -> list[int]:
    """Choose the prompts whose outcomes would tell most of a new model's mean score over all of `prompts`.

    Greedy: each next one takes most off the variance of that mean, given the ones before; tasks may differ by as much
    as the known models' do, so no task is forgotten. Gives positions, the most telling first.
    """
    learned = artifact.parameters
    seen = look(learned, prompts)
    own = learned.mix[:, SHARED : SHARED + len(learned.models)].astype(np.float64)
    design = np.column_stack([seen.slope, np.ones(len(prompts)), seen.task])
    covariance = np.diag(np.concatenate([[learned.prior.std**2, LUCK**2], (own**2).mean(axis=1)]))
    target, chosen = design.mean(axis=0), list[int]()
    free = np.ones(len(prompts), bool)
    for _ in range(min(count, len(prompts))):
        lever = design @ covariance
        variance = (lever * design).sum(axis=1) + COIN
        gain = np.where(free, (lever @ target) ** 2 / variance, -1.0)
        best = int(gain.argmax())
        chosen.append(best)
        free[best] = False
        covariance -= np.outer(lever[best], lever[best]) / variance[best]
    return chosen


def look(learned: Parameters, prompts: Sequence[Prompt]) -> Outlook:
    """See prompts as the artefact does."""
    n_models, n_tasks = len(learned.models), len(learned.trust)
    own, tasks = slice(0, SHARED), slice(SHARED + 2 * n_models, SHARED + 2 * n_models + n_tasks)
    weights, mix = learned.weights.astype(np.float32), learned.mix[:, own].astype(np.float64)
    shared, chance = np.empty((len(prompts), SHARED)), np.empty((len(prompts), n_tasks))
    for start in range(0, len(prompts), _CHUNK):
        part = slice(start, start + _CHUNK)
        design = to_matrix([prompt.request for prompt in prompts[part]], learned.features)
        chance[part] = posterior(design @ weights[:, tasks] + learned.bias[tasks])
        shared[part] = design @ weights[:, own] + learned.bias[own] + chance[part] @ mix
    return Outlook(level=shared[:, LEVEL], slope=shared[:, SLOPE], length=shared[:, LENGTH], task=chance)


def _estimate(
    artifact: Artifact, table: OutcomeTable, column: int, seen: Outlook, charge: Charge
) -> tuple[float, float, float]:
    """Give ability, how well it is known (with the offset, where the slope is that of these prompts), and offset."""
    prior = artifact.parameters.prior
    guess = prior.ability(charge.dollars)
    effect, noise = _effect(artifact, table, column)
    design = np.column_stack([seen.slope, np.ones(len(noise))])
    left = table.quality[:, column] - seen.level - effect - guess * seen.slope
    precision = np.diag([prior.std**-2, LUCK**-2]) + design.T @ (design / noise[:, None])
    shift = np.linalg.solve(precision, design.T @ (left / noise))
    covariance, mean = np.linalg.inv(precision), np.array([seen.slope.mean(), 1.0])
    std = float(np.sqrt(mean @ covariance @ mean)) / max(abs(float(mean[0])), 0.5)
    if len(artifact.manifest.training.datasets) > 1:
        std = float(np.hypot(std, LUCK))  # these prompts are of one kind, and the artefact serves several
    return guess + float(shift[0]), std, float(shift[1])


def _effect(artifact: Artifact, table: OutcomeTable, column: int) -> tuple[Array, Array]:
    """Give what known models' outcomes on each prompt say beyond their forecasts, and the variance of what is left."""
    predictor = artifact.predictor()
    known = [place for place, name in enumerate(table.models) if place != column and predictor.knows(name)]
    scores = table.quality[:, known]
    counts = (~np.isnan(scores)).sum(axis=1)
    if counts.sum() < _FEW:
        return np.zeros(len(scores)), np.full(len(scores), COIN)
    pool = [recorded(table.models[place], None) for place in known]
    forecast = np.array([[each.quality for each in predictor.predict(one.request, pool)] for one in table.prompts])
    error, told = scores - forecast, np.maximum(1, counts)
    mean, whole = np.nansum(error, axis=1) / told, float(np.nanmean(error**2))
    alone = whole / told[counts > 0]  # what the mean would vary by, had the prompts nothing of their own
    shared = min(max(0.0, float((mean[counts > 0] ** 2 - alone).mean())), whole)
    own = whole - shared
    weight = shared / (shared + own / told + 1e-12) * (counts > 0)
    return weight * mean, np.maximum(_LEAST_NOISE, own + shared * (1 - weight))


def _scale(learned: Parameters, told: Array, length: Array) -> float:
    """Give the scale of its answers' lengths: the known models' median, corrected by what was recorded."""
    usual = np.log(learned.scale)
    prior, known = float(np.median(usual)), ~np.isnan(told)
    if not known.any():
        return float(np.exp(prior))
    found = float(np.log(max(1.0, told[known].mean()) / np.exp(length[known]).mean()))
    weight = known.sum() / (known.sum() + _WORDY / max(float(usual.var()), 1e-3))
    return float(np.exp(prior + weight * (found - prior)))


def _joined(learned: Parameters, model: str, *, seen: NDArray[np.uint8], **own: float) -> Parameters:
    """Add a model behind the others, without deviations; `own` are its entries in the arrays of (n_models,)."""
    count = len(learned.models)
    places = [SHARED + count, SHARED + 2 * count]
    appended = {name: np.append(getattr(learned, name), np.float32(value)) for name, value in own.items()}
    return replace(
        learned,
        models=(*learned.models, model),
        weights=np.insert(learned.weights, places, 0, axis=1),
        bias=np.insert(learned.bias, places, 0),
        mix=np.insert(learned.mix, places, 0, axis=1),
        seen=np.column_stack([learned.seen, seen]),
        **appended,
    )


def _without(artifact: Artifact, model: str) -> Artifact:
    """Take a model that was enrolled before out again; give the artefact as it is when there is none."""
    manifest, learned = artifact.manifest, artifact.parameters
    facts = next((each for each in manifest.models if each.name == model and each.enrolled), None)
    if facts is None:
        return artifact
    row, count = learned.models.index(model), len(learned.models)
    places = [SHARED + row, SHARED + count + row]
    shorter = {name: np.delete(getattr(learned, name), row) for name in _OWN}
    fewer = replace(
        learned,
        models=tuple(name for name in learned.models if name != model),
        weights=np.delete(learned.weights, places, axis=1),
        bias=np.delete(learned.bias, places),
        mix=np.delete(learned.mix, places, axis=1),
        seen=np.delete(learned.seen, row, axis=1),
        **shorter,
    )
    models = tuple(each for each in manifest.models if each is not facts)
    return Artifact(manifest=replace(manifest, models=models), parameters=fewer)
