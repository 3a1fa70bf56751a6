"""Own how a score comes about: prompts are hard or easy, models strong or weak, and some models are odd.

    score(x, m) = level(x) + ability_m * slope(x) + offset_m + trust_m(x) * deviation_m(x)

`level` and `slope` are functions of the prompt that all models share, so they are learned from every data set at once;
`deviation_m` is what model m does on its own (see `deviations`), and claims least. All three see the features and to
which task the prompt seems to belong (see `tasks`).

Invariant: on complete data from one data set where nothing can be learned from the text, the forecast of every model is
its mean score.

References
----------
.. [1] Finlay and Wilkinson, "The analysis of adaptation in a plant-breeding programme", Aust. J. Agric. Res. 14 (1963).
"""
# X and Y are the names that scikit-learn gives design and targets.
# ruff: noqa: N803

from __future__ import annotations

from typing import Final, Self

import numpy as np
from msgspec import Struct

from gearshift.learning.abilities import COIN, estimate
from gearshift.learning.deviations import Deviations, Evidence, Trust, ramp, weigh
from gearshift.learning.estimators import Array, Design, Index, ShrunkRidge
from gearshift.learning.tasks import TaskClassifier, TaskLikeness, own_tasks, posterior

TASK_WEIGHT: Final = 2.0
"""How much a task counts beside the words, whose vector has length 1 (1 to 3 hardly differ; 2026-11)."""
MAX_BLOCKS: Final = 5
_LEVEL_CAUTION: Final = 0.0
_SLOPE_CAUTION: Final = 1.0
"""In standard errors. A level moves all models alike and chooses nothing."""


class Prompts(Struct, frozen=True, kw_only=True, eq=False):
    """Hold what is known of prompts besides their features: numbers from 0, each of shape (n_prompts,).

    Every task belongs to one data set. Prompts of one question share a fold.
    """

    dataset: Index
    task: Index
    fold: Index

    @property
    def block(self) -> Index:
        """Deal the tasks of each data set into blocks; the largest part."""
        dealt = np.zeros(self.task.max() + 1, np.int64)
        for each in np.unique(self.dataset):
            own = np.unique(self.task[self.dataset == each])
            dealt[own] = np.arange(len(own)) % MAX_BLOCKS
        return np.asarray(dealt[self.task])


class OutcomeRegression:
    """Fit tasks, level, ability, slope, deviations and trust.

    Parameters
    ----------
    buckets : int
        The hashed features, which come first.

    Attributes
    ----------
    tasks_, likeness_ : TaskClassifier, TaskLikeness
    ability_, offset_ : ndarray, shape (n_models,)
        Points of score above the average model where the slope is 1, and what the ability does not explain.
    mean_, coef_, mix_ : ndarray, shapes (2 + n_models,), (dims, 2 + n_models), (n_tasks, 2 + n_models)
        Columns: level, slope, then the deviation of each model: `mean_ + x @ coef_ + posterior(x) @ mix_`.
    trust_ : list of Trust
        One per task.
    seen_ : ndarray of bool, shape (n_tasks, n_models)
        In which tasks each model was seen.
    """

    def __init__(self, *, buckets: int) -> None:
        """Keep the hyperparameter."""
        self.buckets = buckets

    def fit(self, X: Design, Y: Array, prompts: Prompts) -> Self:
        """Learn from scores.

        Parameters
        ----------
        X : ndarray of float32, shape (n_prompts, dims)
        Y : ndarray, shape (n_prompts, n_models)
            Scores in [0, 1]; NaN where not observed.
        prompts : Prompts
        """
        self.tasks_ = TaskClassifier().fit(X, prompts.task, prompts.fold)
        self.likeness_ = TaskLikeness(buckets=self.buckets).fit(X, prompts.task, prompts.fold)
        self.strength_ = estimate(Y, prompts.dataset)
        self.ability_ = self.strength_.ability
        rest = self._fit_shared(self._designed(X), Y, prompts)
        block = prompts.block
        own = self.deviations_ = Deviations().fit(
            self._designed(X), rest, prompts.fold, block, lambda each: self._designed(X, prompts.task[block == each])
        )
        self.offset_ = own.offset_
        self._fit_trust(rest, prompts)
        parts = np.hstack([self.level_.coef_, self.slope_.coef_, own.coef_])
        count = self.tasks_.coef_.shape[1]
        self.mix_, self.coef_ = np.float32(TASK_WEIGHT) * parts[:count], parts[count:]
        shared = [part.mean_ - part.center_ @ part.coef_ for part in (self.level_, self.slope_)]
        self.mean_ = np.concatenate([*shared, own.bias_])
        return self

    def out_of_fold(self) -> Array:
        """Forecast the training prompts, each from the other folds; shape (n_prompts, n_models)."""
        level, slope = self.level_.out_of_fold_, self.slope_.out_of_fold_
        trust = self._trust(self.likeness_.out_of_fold_.astype(np.float64))
        forecast: Array = level + self.ability_ * slope + self.offset_ + trust * self.deviations_.out_of_fold_
        return forecast

    def predict(self, X: Design) -> Array:
        """Forecast scores, not clipped; shape (n, n_models)."""
        chance = posterior(X @ self.tasks_.coef_ + self.tasks_.bias_)
        parts = self.mean_ + X @ self.coef_ + chance @ self.mix_
        length = np.maximum(np.linalg.norm(X * self.likeness_.rarity_, axis=1, keepdims=True), 1e-9)
        trust = self._trust((X @ self.likeness_.directions_) / length)
        forecast: Array = parts[:, :1] + self.ability_ * parts[:, 1:2] + self.offset_ + trust * parts[:, 2:]
        return forecast

    def _designed(self, X: Design, hidden: Index | None = None) -> Design:
        """Put the tasks' probabilities, from the other folds, before the features; `hidden` tasks are not known."""
        known = None if hidden is None else ~np.isin(np.arange(self.tasks_.coef_.shape[1]), hidden)
        if known is not None and not known.any():
            known = None
        chance = posterior(self.tasks_.out_of_fold_, known)
        return np.hstack([np.float32(TASK_WEIGHT) * chance, X], dtype=np.float32)

    def _fit_shared(self, X: Design, Y: Array, prompts: Prompts) -> Array:
        """Fit slope and level; give what is left of each score, shape (n_prompts, n_models)."""
        seen, fold = ~np.isnan(Y), prompts.fold
        count = np.maximum(1, seen.sum(axis=1))
        strength = np.where(seen, self.ability_, 0.0).sum(axis=1) / count
        score = np.nansum(Y, axis=1) / count
        lever = np.where(seen, self.ability_ - strength[:, None], 0.0)
        gap = np.where(seen, Y - score[:, None], 0.0)
        power = (lever**2).sum(axis=1)
        steepness = (lever * gap).sum(axis=1) / np.maximum(power, 1e-9)
        self.slope_ = ShrunkRidge(caution=_SLOPE_CAUTION).fit(X, steepness[:, None], fold, power / (power + COIN))
        if not power.any():
            self.slope_.mean_[:] = self.slope_.out_of_fold_[:] = 1.0  # models never met: they differ everywhere alike
        slope = self.slope_.out_of_fold_[:, 0]
        self.level_ = ShrunkRidge(caution=_LEVEL_CAUTION).fit(X, (score - strength * slope)[:, None], fold)
        alone = count == 1
        level = np.where(alone, self.level_.out_of_fold_[:, 0], score - strength * slope)
        return np.where(seen, Y - level[:, None] - self.ability_ * slope[:, None], np.nan)

    def _fit_trust(self, rest: Array, prompts: Prompts) -> None:
        """Learn for each data set how far the deviations of the models that were seen there are trusted."""
        own, likeness = self.deviations_, self.likeness_.out_of_fold_.astype(np.float64)
        owned = own_tasks(prompts.dataset, prompts.task)
        self.trust_ = [Trust(low=0.0, high=1.0, slope=0.0)] * owned.shape[1]
        block, blocks = prompts.block, np.zeros(owned.shape[1], np.int64)
        blocks[prompts.task] = block
        for each, tasks in enumerate(owned > 0):
            rows = np.flatnonzero(prompts.dataset == each)
            if not len(rows):
                continue
            other = np.where(tasks & (blocks != block[rows, None]), likeness[rows], -1.0).max(axis=1)
            near = Evidence(
                likeness=np.where(tasks, likeness[rows], -1.0).max(axis=1),
                forecast=own.out_of_fold_[rows].astype(np.float64),
                target=rest[rows] - own.offset_,
            )
            far = Evidence(
                likeness=other, forecast=own.out_of_block_[rows], target=rest[rows] - own.block_offset_[rows]
            )
            found = weigh(near, far)
            for task in np.flatnonzero(tasks):
                self.trust_[task] = found
        seen = ~np.isnan(rest)
        member = prompts.task == np.arange(owned.shape[1])[:, None]
        self.seen_ = member.astype(np.float32) @ seen.astype(np.float32) > 0

    def _trust(self, likeness: Array) -> Array:
        """Give how far each model's deviation is trusted; shapes (n, n_tasks) and (n, n_models)."""
        low, high, slope = np.array([(each.low, each.high, each.slope) for each in self.trust_]).T
        each = slope * ramp(likeness, low, high)
        return np.array([np.where(seen, each, 0.0).max(axis=1) for seen in self.seen_.T]).T
