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
from gearshift.learning.artifact import Artifact
from gearshift.learning.data import OutcomeTable, position, split, table_of
from gearshift.learning.estimators import Array, Design, Index
from gearshift.learning.evaluation import evaluate
from gearshift.learning.features import FeatureSpec, to_matrix
from gearshift.learning.lengths import LengthRegression, overheads
from gearshift.learning.manifest import Manifest, ModelFacts, Task, Training
from gearshift.learning.outcomes import OutcomeRegression, Prompts
from gearshift.learning.parameters import DEFAULT_OUTPUT_TOKENS, Parameters, Spread
from gearshift.learning.pricing import charges, price_prior
from gearshift.learning.tasks import MAX_CLUSTERS, PER_CLUSTER, cluster

Progress: TypeAlias = Callable[[str, float], None]
"""Called with what is being done, and the share that is done."""

N_FOLDS: Final = 5
_FOLD_SEED: Final = 1_000_003
"""Keeps the folds independent of the split, which uses the seed itself."""
_MIN_TASK: Final = 20
"""Prompts of a task; those of smaller ones are taken together."""
_MAX_TASKS: Final = 16
"""Tasks of one data set, the largest ones: more cost serving time and told hardly more (RouteLLM's APGR; 2026-11)."""
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
    design = to_matrix([prompt.request for prompt in rest.prompts], FeatureSpec())
    kinds, prompts = tasks(rest, design, seed)
    tell("fitting scores", 0.1)
    scores = OutcomeRegression(buckets=FeatureSpec().buckets).fit(design, rest.quality, prompts)
    tell("fitting lengths", 0.6)
    lengths = LengthRegression(default=DEFAULT_OUTPUT_TOKENS).fit(design, rest.output_tokens, prompts.fold)
    parameters = _parameters(rest, scores, lengths)
    artifact = Artifact(manifest=_manifest(rest, parameters, kinds, (seed, holdout)), parameters=parameters)
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


def folds(table: OutcomeTable, seed: int) -> Index:
    """Deal prompt groups into folds of equal size; shape (n_prompts,)."""
    places = np.array([position(prompt, seed + _FOLD_SEED) for prompt in table.prompts])
    return np.unique(places, return_inverse=True)[1] % N_FOLDS


def measured(artifact: Artifact, held: OutcomeTable) -> Artifact:
    """Put the metrics of prompts that were held out into the manifest."""
    report = evaluate(artifact, held)
    manifest = msgspec.structs.replace(artifact.manifest, metrics=report.summary())
    return Artifact(manifest=manifest, parameters=artifact.parameters)


def tasks(table: OutcomeTable, design: Design, seed: int) -> tuple[tuple[Task, ...], Prompts]:
    """Give every prompt the number of its task; the prompts of a data set with a single task are clustered."""
    names = np.array([prompt.task for prompt in table.prompts], dtype=object)
    dataset = table.datasets
    titles = sorted({prompt.dataset for prompt in table.prompts})
    kept = {
        (each, name)
        for each in range(len(titles))
        for name, count in Counter(names[dataset == each].tolist()).most_common(_MAX_TASKS)
        if count >= _MIN_TASK
    }
    label = np.array([name if (each, name) in kept else "" for each, name in zip(dataset.tolist(), names, strict=True)])
    for each in range(len(titles)):
        rows = np.flatnonzero(dataset == each)
        count = min(MAX_CLUSTERS, len(rows) // PER_CLUSTER)
        if len(set(label[rows].tolist())) == 1 and count > 1:
            found = cluster(design[rows, : FeatureSpec().buckets], count, seed)
            label = label.astype(object)
            label[rows] = [f"{label[rows[0]]}#{number}" for number in found]
    pairs = list(zip(dataset.tolist(), label.tolist(), strict=True))
    order = {pair: number for number, pair in enumerate(sorted(set(pairs)))}
    counts = Counter(pairs)
    named = tuple(Task(dataset=titles[each], name=name, prompts=counts[each, name]) for each, name in order)
    task = np.array([order[pair] for pair in pairs])
    return named, Prompts(dataset=dataset, task=task, fold=folds(table, seed))


def _parameters(table: OutcomeTable, scores: OutcomeRegression, lengths: LengthRegression) -> Parameters:
    """Lay what was learned out in the columns that `Parameters` states."""
    classes, likeness = scores.tasks_, scores.likeness_
    words = (scores.coef_[:, :2], lengths.coef_[:, :1], scores.coef_[:, 2:], lengths.coef_[:, 1:])
    mix = np.zeros((len(scores.trust_), lengths.coef_.shape[1] + scores.mix_.shape[1]), np.float16)
    mix[:, :2], mix[:, 3 : 3 + len(table.models)] = scores.mix_[:, :2], scores.mix_[:, 2:]
    mean = (scores.mean_[:2], lengths.mean_[:1], scores.mean_[2:], lengths.mean_[1:], classes.bias_)
    near, far = _spread(table, scores.out_of_fold())
    prices = np.array([np.nan if each.dollars is None else each.dollars for each in charges(table)])
    return Parameters(
        features=FeatureSpec(),
        models=table.models,
        aliases={},
        prior=price_prior(prices, scores.ability_),
        spread=Spread(near=near, far=far),
        weights=np.hstack([*words, classes.coef_, likeness.directions_]).astype(np.float16),
        bias=np.concatenate([*mean, np.zeros(len(mix))]).astype(np.float32),
        mix=mix,
        rarity=likeness.rarity_.astype(np.float16),
        trust=np.array([(each.low, each.high, each.slope) for each in scores.trust_], np.float32),
        seen=scores.seen_.astype(np.uint8),
        ability=scores.ability_.astype(np.float32),
        ability_std=scores.strength_.std.astype(np.float32),
        offset=scores.offset_.astype(np.float32),
        scale=lengths.scale_.astype(np.float32),
        overhead=overheads(table),
    )


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
        part = part[:, (~np.isnan(part)).sum(axis=0) >= _MIN_TASK]
        count = (~np.isnan(part)).sum(axis=0)
        biases.extend(np.nanmean(part, axis=0) ** 2 - np.nanvar(part, axis=0) / np.maximum(1, count))
    for each in np.unique(table.datasets):
        scores = table.quality[table.datasets == each]
        levels.append(np.nanmean(scores[:, ~np.isnan(scores).all(axis=0)]))
    near = float(np.sqrt(max(0.0, np.mean(biases)))) if biases else _NEAR
    few = len(levels) < 3  # noqa: PLR2004
    return max(near, _NEAR / 5), _FAR if few else float(np.hypot(np.std(levels, ddof=1), LUCK))


def _manifest(table: OutcomeTable, parameters: Parameters, kinds: tuple[Task, ...], how: tuple[int, float]) -> Manifest:
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
        tasks=kinds,
        aliases=parameters.aliases,
        prior=parameters.prior,
        spread=parameters.spread,
        training=Training(
            digest=table.digest,
            seed=how[0],
            holdout=how[1],
            prompts=len(table.prompts),
            outcomes=int(seen.sum()),
            datasets=dict(sorted(Counter(prompt.dataset for prompt in table.prompts).items())),
        ),
        metrics={},
    )
