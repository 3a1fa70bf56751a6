"""Own what else could forecast scores: tuned nearest neighbours, and a ridge regression per model.

They see the features that the artefact sees, learn from the prompts that they are given, and choose by the same rule at
the same expected costs; so a difference to the router is one of its quality forecasts.

Invariant: neighbours and penalties are tuned on folds of the training prompts, dealt by question; the measured prompts
choose nothing.

References
----------
.. [1] "Rethinking predictive modeling for LLM routing" (2025), arXiv 2505.12601: tuned kNN matches learned routers.
.. [2] Hu et al., "RouterBench" (2024): the KNN router.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct
from scipy.linalg import cho_factor, cho_solve  # type: ignore[import-untyped]

from gearshift.learning.data import OutcomeTable, Prompt, position
from gearshift.learning.estimators import Array, Design, Index
from gearshift.learning.features import FeatureSpec, to_matrix
from gearshift.learning.pool import Pool

NEIGHBOURS: Final = (5, 10, 20, 40, 80, 160)
PENALTIES: Final = (1.0, 4.0, 15.0, 60.0)
MAX_PROMPTS: Final = 8000
"""Work grows with the square (memory) and cube (ridge) of the training prompts; of more, so many are taken."""
_MIN_PROMPTS: Final = 20
_WHOLE: Final = 50
_MOST: Final = 0.9
_BLOCK: Final = 512
"""Prompts whose neighbours are sorted at once: positions take twice the memory of the similarities."""
_FOLDS: Final = 5
_FOLD_SEED: Final = 2_000_003


class Rival(Struct, frozen=True, kw_only=True, eq=False):
    """Hold the forecasts of one rival for a pool's prompts, shape (n_prompts, n_models)."""

    name: str
    setting: str
    prompts: int
    quality: Array


class _Lesson(Struct, frozen=True, kw_only=True, eq=False):
    """Hold what is learned from: similarities of prompts (dot products of centred or unit vectors), scores, folds."""

    own: Design
    other: Design
    scores: Array
    fold: Index


def rivals(table: OutcomeTable, pool: Pool) -> tuple[Rival, ...]:
    """Fit on `table`, forecast the prompts of `pool`; nothing when a model or nearly all prompts are missing there."""
    if not set(pool.models) <= set(table.models):
        return ()
    rows = _rows(table, pool)
    part = table.take(rows, pool.models)
    if len(rows) < _MIN_PROMPTS or np.isnan(part.quality).all(axis=0).any():
        return ()
    learned, asked = (to_matrix([each.request for each in group.prompts], FeatureSpec()) for group in (part, pool))
    fold = _folds(part.prompts)
    return (
        _nearest(_lesson(_unit(learned), _unit(asked), part.quality, fold)),
        _ridge(_lesson(learned - learned.mean(axis=0), asked - learned.mean(axis=0), part.quality, fold)),
    )


def _rows(table: OutcomeTable, pool: Pool) -> Index:
    """Take prompts that most models of the pool answered; when these are few, those that any did."""
    seen = ~np.isnan(table.quality[:, [table.models.index(name) for name in pool.models]])
    rows = np.flatnonzero(seen.mean(axis=1) >= _MOST)
    if len(rows) < _WHOLE:
        rows = np.flatnonzero(seen.any(axis=1))
    if len(rows) > MAX_PROMPTS:
        places = [position(table.prompts[row], _FOLD_SEED) for row in rows]
        rows = np.sort(rows[np.argsort(places)[:MAX_PROMPTS]])
    return rows


def _folds(prompts: Sequence[Prompt]) -> Index:
    """Deal questions into folds."""
    places = np.array([position(prompt, _FOLD_SEED) for prompt in prompts])
    return np.unique(places, return_inverse=True)[1] % _FOLDS


def _unit(design: Design) -> Design:
    """Scale rows to length 1."""
    scaled: Design = design / np.maximum(np.linalg.norm(design, axis=1, keepdims=True), np.float32(1e-6))
    return scaled


def _lesson(learned: Design, asked: Design, scores: Array, fold: Index) -> _Lesson:
    return _Lesson(own=learned @ learned.T, other=asked @ learned.T, scores=scores, fold=fold)


def _nearest(lesson: _Lesson) -> Rival:
    """Average the scores of the nearest prompts; how many is tuned by squared error out of fold."""
    apart = lesson.own.copy()
    apart[lesson.fold[:, None] == lesson.fold] = -np.inf
    tried = [each for each in NEIGHBOURS if each <= len(apart) // 2] or [1]
    errors = [float(np.nanmean((each - lesson.scores) ** 2)) for each in _averages(apart, lesson.scores, tried)]
    best = tried[int(np.argmin(errors))]
    return Rival(
        name="kNN",
        setting=f"k = {best}, of {', '.join(map(str, tried))}",
        prompts=len(apart),
        quality=_averages(lesson.other, lesson.scores, [best])[0],
    )


def _averages(alike: Design, scores: Array, tried: Sequence[int]) -> list[Array]:
    """Give forecasts for each number of neighbours; a model that no neighbour was asked about gets its mean."""
    blocks = np.array_split(alike, max(1, len(alike) // _BLOCK))
    nearest = np.vstack([np.argsort(-block, axis=1, kind="stable")[:, : max(tried)] for block in blocks])
    seen, known, mean = ~np.isnan(scores), np.nan_to_num(scores), np.nanmean(scores, axis=0)
    total, count = np.zeros((len(alike), scores.shape[1])), np.zeros((len(alike), scores.shape[1]))
    found = []
    for number in range(max(tried)):
        total += known[nearest[:, number]]
        count += seen[nearest[:, number]]
        if number + 1 in tried:
            found.append(np.where(count > 0, total / np.maximum(count, 1), mean))
    return found


def _ridge(lesson: _Lesson) -> Rival:
    """Regress each model's score on the features; its penalty is tuned by squared error out of fold."""
    mean = np.nanmean(lesson.scores, axis=0)
    targets = np.nan_to_num(lesson.scores - mean)  # a gap counts as "like the mean"
    errors = []
    for penalty in PENALTIES:
        out_of_fold = np.zeros_like(targets)
        for each in np.unique(lesson.fold):
            out, kept = lesson.fold == each, lesson.fold != each
            weights = _solve(lesson.own[np.ix_(kept, kept)], penalty, targets[kept])
            out_of_fold[out] = lesson.own[np.ix_(out, kept)] @ weights
        errors.append(np.nanmean((lesson.scores - mean - out_of_fold) ** 2, axis=0))
    best = np.argmin(errors, axis=0)
    quality = np.zeros((len(lesson.other), len(mean)))
    for number in np.unique(best):
        columns = np.flatnonzero(best == number)
        quality[:, columns] = lesson.other @ _solve(lesson.own, PENALTIES[number], targets[:, columns])
    used = ", ".join(f"{PENALTIES[number]:g}" for number in np.unique(best))
    return Rival(
        name="ridge per model",
        setting=f"penalties {used}, of {', '.join(f'{each:g}' for each in PENALTIES)}",
        prompts=len(targets),
        quality=np.clip(quality + mean, 0, 1),
    )


def _solve(gram: Design, penalty: float, right: Array) -> Array:
    """Solve (gram + penalty I) w = right."""
    penalised = gram + np.float32(penalty) * np.eye(len(gram), dtype=np.float32)
    solution: Array = cho_solve(cho_factor(penalised, lower=True, overwrite_a=True, check_finite=False), right)
    return solution
