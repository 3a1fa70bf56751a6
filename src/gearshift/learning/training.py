"""Own the way from outcomes to an artefact.

    table ─ split by prompt group ─> featurize ─> scores, lengths, prices, kinds of prompt ─> parameters ─> artefact
                     └─ held out ─────────────────────────────────────> evaluate ─> metrics in the manifest

Invariant: deterministic given table and seed. The held-out prompts choose nothing: every amount of shrinkage comes
from folds of the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import numpy as np

from gearshift.learning.abilities import LUCK
from gearshift.learning.artifact import Artifact, Charge, Manifest, ModelFacts, Training
from gearshift.learning.data import OutcomeTable, position, split, table_of
from gearshift.learning.estimators import Array, Design, Index
from gearshift.learning.evaluation import evaluate
from gearshift.learning.features import FeatureSpec, featurize
from gearshift.learning.lengths import LengthRegression
from gearshift.learning.outcomes import OutcomeRegression
from gearshift.learning.predictor import DEFAULT_OUTPUT_TOKENS, Parameters, Spread
from gearshift.learning.pricing import charges, price_prior

Progress: TypeAlias = Callable[[str, float], None]
"""Called with what is being done, and the share that is done."""

N_FOLDS: Final = 5
_FOLD_SEED: Final = 1_000_003
"""Keeps the folds independent of the split, which uses the seed itself."""
_MIN_KIND: Final = 20
_MAX_KINDS: Final = 64
_NEAR: Final = 0.05
_FAR: Final = 0.2
"""Standard deviations of expected scores where the outcomes have too few tasks or data sets to tell their own."""
QUALITY: Final = (
    "The expected score in 0..1, as the outcome data scored answers to prompts of this kind. "
    "Scores of several data sets are put on one scale by the models that they share."
)


def train(
    table: OutcomeTable,
    *,
    seed: int = 0,
    models: Sequence[str] | None = None,
    holdout: float = 0.0,
    progress: Progress | None = None,
) -> Artifact:
    """Fit a router to outcomes.

    Parameters
    ----------
    table : OutcomeTable
    seed : int
        Of folds and split.
    models : sequence of str, optional
        Learn these only.
    holdout : float
        Share of prompt groups, in [0, 1), that is held back and measured on; the same as `data.split` gives.
    progress : callable, optional

    Returns
    -------
    Artifact
        With the metrics of the held-out prompts in its manifest; none when nothing was held out.
    """
    tell = progress or (lambda _what, _share: None)
    if models is not None:
        table = table.take(np.arange(len(table.prompts)), models).observed()
    rest, held = split(table, holdout, seed)
    rest = rest.observed()
    tell("reading prompts", 0.0)
    design = dense(rest, FeatureSpec())
    fold = folds(rest, seed)
    tell("fitting scores", 0.1)
    scores = OutcomeRegression().fit(design, rest.quality, rest.datasets, fold)
    tell("fitting lengths", 0.6)
    lengths = LengthRegression(default=DEFAULT_OUTPUT_TOKENS).fit(design, rest.output_tokens, fold)
    parameters = _parameters(rest, design, scores, lengths)
    artifact = Artifact(manifest=_manifest(rest, parameters, seed, holdout), parameters=parameters)
    if held.prompts:
        tell("measuring", 0.9)
        artifact = measured(artifact, held)
    tell("done", 1.0)
    return artifact


def train_rows(rows: Iterable[Mapping[str, object]], out: Path, *, seed: int = 0) -> Artifact:
    """Fit a router to outcome rows of the form that files have, and save it."""
    artifact = train(table_of(rows), seed=seed)
    artifact.save(out)
    return artifact


def dense(table: OutcomeTable, spec: FeatureSpec) -> Design:
    """Featurise every prompt; shape (n_prompts, dims)."""
    design = np.zeros((len(table.prompts), spec.dims), np.float32)
    for row, prompt in enumerate(table.prompts):
        indices, values = featurize(prompt.request, spec)
        design[row, indices] = values
    return design


def folds(table: OutcomeTable, seed: int) -> Index:
    """Deal prompt groups into folds of equal size; shape (n_prompts,)."""
    places = np.array([position(prompt, seed + _FOLD_SEED) for prompt in table.prompts])
    return np.unique(places, return_inverse=True)[1] % N_FOLDS


def measured(artifact: Artifact, held: OutcomeTable) -> Artifact:
    """Put the metrics of prompts that were held out into the manifest."""
    report = evaluate(artifact, held)
    manifest = msgspec.structs.replace(artifact.manifest, metrics=report.summary())
    return Artifact(manifest=manifest, parameters=artifact.parameters)


def _parameters(
    table: OutcomeTable, design: Design, scores: OutcomeRegression, lengths: LengthRegression
) -> Parameters:
    """Lay what was learned out in the columns that `Parameters` states."""
    kinds, alike = _kinds(table, design)
    coef = np.hstack([scores.coef_[:, :2], lengths.coef_[:, :1], scores.coef_[:, 2:], lengths.coef_[:, 1:], kinds])
    mean = np.concatenate([scores.mean_[:2], lengths.mean_[:1], scores.mean_[2:], lengths.mean_[1:]])
    near, far = _spread(table, scores.out_of_fold())
    prices = [_dollars(charge) for charge in charges(table)]
    return Parameters(
        features=FeatureSpec(),
        models=table.models,
        aliases={},
        prior=price_prior(np.array(prices), scores.ability_),
        spread=Spread(near=near, far=far, alike=alike),
        weights=coef.astype(np.float16),
        bias=np.concatenate([mean, np.zeros(kinds.shape[1])]).astype(np.float32),
        ability=scores.ability_.astype(np.float32),
        ability_std=scores.strength_.std.astype(np.float32),
        scale=lengths.scale_.astype(np.float32),
    )


def _kinds(table: OutcomeTable, design: Design) -> tuple[Design, float]:
    """Give the mean direction of each task's prompts, shape (dims, n_kinds), and how alike nearly all prompts are."""
    names = [(prompt.dataset, prompt.task) for prompt in table.prompts]
    common = [name for name, count in Counter(names).most_common(_MAX_KINDS) if count >= _MIN_KIND]
    unit = design / np.maximum(np.linalg.norm(design, axis=1, keepdims=True), 1e-6)
    members = [np.array([name == each for name in names]) for each in common] or [np.ones(len(names), dtype=bool)]
    kinds = np.column_stack([unit[rows].mean(axis=0) for rows in members])
    kinds /= np.maximum(np.linalg.norm(kinds, axis=0), 1e-6)
    return kinds, float(np.quantile((unit @ kinds).max(axis=1), 0.1))


def _spread(table: OutcomeTable, forecast: Array) -> tuple[float, float]:
    """Measure how far mean scores are from their forecasts: per task, and per data set as if it were new.

    Near: the errors of tasks, less what chance alone makes of them. Far: what a model's mean score differs between
    data sets, whatever its ability.
    """
    error = np.clip(forecast, 0, 1) - table.quality
    tasks = np.unique([f"{prompt.dataset}/{prompt.task}" for prompt in table.prompts], return_inverse=True)[1]
    biases, levels = [], []
    for task in np.unique(tasks):
        part = error[tasks == task]
        part = part[:, (~np.isnan(part)).sum(axis=0) >= _MIN_KIND]
        count = (~np.isnan(part)).sum(axis=0)
        biases.extend(np.nanmean(part, axis=0) ** 2 - np.nanvar(part, axis=0) / np.maximum(1, count))
    for each in np.unique(table.datasets):
        scores = table.quality[table.datasets == each]
        levels.append(np.nanmean(scores[:, ~np.isnan(scores).all(axis=0)]))
    near = float(np.sqrt(max(0.0, np.mean(biases)))) if biases else _NEAR
    few = len(levels) < 3  # noqa: PLR2004
    return max(near, _NEAR / 5), _FAR if few else float(np.hypot(np.std(levels, ddof=1), LUCK))


def _manifest(table: OutcomeTable, parameters: Parameters, seed: int, holdout: float) -> Manifest:
    seen = ~np.isnan(table.quality)
    facts = tuple(
        ModelFacts(
            name=name,
            outcomes=int(seen[:, column].sum()),
            mean_quality=round(float(np.nanmean(table.quality[:, column])), 6),
            charge=charge,
        )
        for column, (name, charge) in enumerate(zip(table.models, charges(table), strict=True))
    )
    return Manifest(
        quality=QUALITY,
        features=parameters.features,
        models=facts,
        aliases=parameters.aliases,
        prior=parameters.prior,
        spread=parameters.spread,
        training=Training(
            digest=table.digest,
            seed=seed,
            holdout=holdout,
            prompts=len(table.prompts),
            outcomes=int(seen.sum()),
            datasets=dict(sorted(Counter(prompt.dataset for prompt in table.prompts).items())),
        ),
        metrics={},
    )


def _dollars(charge: Charge) -> float:
    """Blend a charge to USD per million tokens, at three of input to one of output; NaN for unknown."""
    if charge.input_price is None or charge.output_price is None:
        return float("nan")
    return (3 * charge.input_price + charge.output_price) / 4
