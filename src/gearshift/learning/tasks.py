"""Own kinds of prompts: to which task a prompt belongs, and how much it is like that task's prompts.

    posterior(x) = softmax(x coef + bias)               which of the known tasks, if it is one of them
    likeness(x)  = cosine of rarity x to each task      whether it is one of them at all

What models differ in is above all the task (code, arithmetic, a format that one of them misses), so "this task" is
worth more to a forecast than any word. Tasks are those that the outcome data name; where a data set names none, its
prompts are clustered.

References
----------
.. [1] Zhang et al., "The Avengers" (2025): clusters of prompts with the mean score of each model route about as well as
   anything. Here classes are supervised where they can be, and only part of a regression.
.. [2] Dhillon and Modha, "Concept decompositions for large sparse text data using clustering", 2001: spherical k-means.
"""
# X is the name that scikit-learn gives a design.
# ruff: noqa: N803

from __future__ import annotations

from typing import Final, Self

import numpy as np

from gearshift.learning.estimators import Array, Design, Index, Mask, RidgePath

MAX_CLUSTERS: Final = 8
PER_CLUSTER: Final = 50
"""Prompts that a cluster has at least, on average."""
_ALPHAS: Final = (0.3, 1.0, 4.0)
_TEMPERATURES: Final = (0.03, 0.05, 0.08, 0.12, 0.2, 0.3)
_ROUNDS: Final = 20


class TaskClassifier:
    """Tell tasks apart: ridge regression of their indicators, then a softmax.

    Penalty and temperature are those of the least out-of-fold log loss.

    Attributes
    ----------
    coef_, bias_ : ndarray, shapes (dims, n_tasks) and (n_tasks,)
        Divided by the temperature already: logits are `x @ coef_ + bias_`.
    out_of_fold_ : ndarray, shape (n, n_tasks)
        Logits of the training prompts, each from the other folds.
    """

    def fit(self, X: Design, task: Index, fold: Index) -> Self:
        """Learn from the task of each prompt, numbered from 0; shapes (n, dims) and (n,)."""
        member = (task[:, None] == np.arange(task.max() + 1)).astype(np.float32)
        share, center = member.mean(axis=0), X.mean(axis=0)
        path = RidgePath(alphas=_ALPHAS).fit(X - center, member - share, fold)
        least, choice = np.inf, (len(_ALPHAS) - 1, max(_TEMPERATURES))
        for number, forecast in enumerate(path.out_of_fold_):
            for temperature in _TEMPERATURES:
                chance = posterior((forecast + share) / temperature)[np.arange(len(task)), task]
                loss = -float(np.log(np.maximum(chance, 1e-9)).mean())
                if loss < least:
                    least, choice = loss, (number, temperature)
        number, temperature = choice
        self.coef_ = path.coef(_ALPHAS[number]) / np.float32(temperature)
        self.bias_ = share / temperature - center @ self.coef_
        self.out_of_fold_ = (path.out_of_fold_[number] + share) / np.float32(temperature)
        return self


class TaskLikeness:
    """Compare prompts with tasks: cosine to the mean of a task's prompts, rare words counting more.

    Attributes
    ----------
    rarity_ : ndarray, shape (dims,)
        Logarithm of the inverse document frequency of each bucket; 0 for what is not a bucket.
    directions_ : ndarray, shape (dims, n_tasks)
        Mean directions, multiplied by the rarity: the likeness is `x @ directions_ / |x rarity_|`.
    out_of_fold_ : ndarray, shape (n, n_tasks)
        Likeness of the training prompts, each to the means of the other folds.
    """

    def __init__(self, *, buckets: int) -> None:
        """Take the number of hashed features, which come first."""
        self.buckets = buckets

    def fit(self, X: Design, task: Index, fold: Index) -> Self:
        """Learn from the task of each prompt; shapes (n, dims) and (n,)."""
        self.rarity_ = np.zeros(X.shape[1], np.float32)
        hashed = X[:, : self.buckets]
        self.rarity_[: self.buckets] = np.log((len(X) + 1) / ((hashed > 0).sum(axis=0) + 1))
        rare = unit(hashed * self.rarity_[: self.buckets])
        count = task.max() + 1
        sums = {each: _sums(rare[fold == each], task[fold == each], count) for each in np.unique(fold)}
        total = np.sum(list(sums.values()), axis=0)
        self.directions_ = np.zeros((X.shape[1], count), np.float32)
        self.directions_[: self.buckets] = (unit(total) * self.rarity_[: self.buckets]).T
        self.out_of_fold_ = np.zeros((len(X), count), np.float32)
        for each, part in sums.items():
            out = fold == each
            others = total - part if len(sums) > 1 else total
            self.out_of_fold_[out] = rare[out] @ unit(others).T
        return self


def posterior(logits: Design, known: Mask | None = None) -> Design:
    """Give the probability of each task, were it one of the `known`; shape of `logits`."""
    shown = logits if known is None else np.where(known, logits, np.float32(-np.inf))
    raised = np.exp(shown - shown.max(axis=1, keepdims=True))
    chance: Design = raised / raised.sum(axis=1, keepdims=True)
    return chance


def cluster(X: Design, count: int, seed: int) -> Index:
    """Cluster prompts by direction; gives the number of each one's cluster, shape (n,)."""
    directions = unit(X)
    rng = np.random.default_rng(seed)
    means = directions[rng.choice(len(X), count, replace=False)]
    label = np.zeros(len(X), np.int64)
    for _ in range(_ROUNDS):
        found = (directions @ means.T).argmax(axis=1)
        if (found == label).all():
            break
        label = found
        means = unit(_sums(directions, label, count))
    return np.unique(label, return_inverse=True)[1]


def unit(rows: Design) -> Design:
    """Scale rows to length 1; rows of zeros stay."""
    scaled: Design = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-9))
    return scaled


def _sums(rows: Design, label: Index, count: int) -> Design:
    """Add up the rows of each label; shape (count, dims)."""
    member = (label == np.arange(count)[:, None]).astype(np.float32)
    total: Design = member @ rows
    return total


def own_tasks(dataset: Index, task: Index) -> Array:
    """Tell which task belongs to which data set; 0 or 1, shape (n_datasets, n_tasks)."""
    owned = np.zeros((dataset.max() + 1, task.max() + 1))
    owned[dataset, task] = 1.0
    return owned
