"""Own how strong models are on the whole: one number per model out of several data sets that each saw some of them.

Within a data set, mean scores are compared on the prompts that models share. Across data sets

    mean score of m in d = base_d + spread_d * ability_m + luck_dm

where `luck_dm` is what the model does in that data set only (its format, its task), so a model that one data set has
seen is known less well than one that four have, however many prompts there were.

Invariant: with one data set, abilities are exactly the differences of the (adjusted) mean scores.

References
----------
.. [1] DerSimonian and Laird, "Meta-analysis in clinical trials" (1986): random effects between studies.
.. [2] Finlay and Wilkinson, "The analysis of adaptation in a plant-breeding programme" (1963): the spread.
"""
# X and Y are the names that scikit-learn gives design and targets.
# ruff: noqa: N803

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct

from gearshift.learning.estimators import Array, Index

COIN: Final = 0.2
"""Variance of a right-or-wrong score around its expectation, averaged over hard and easy prompts."""
LUCK: Final = 0.1
"""Standard deviation between data sets of a model's mean score, beyond its ability."""
_ABILITY: Final = 0.2
"""Standard deviation of abilities, known beforehand; holds back what one small data set says of its own models."""
_SPREAD: Final = 0.5
"""Standard deviation of the spread around 1, known beforehand."""
_ROUNDS: Final = 50
_SETTLED: Final = 1e-7


class Abilities(Struct, frozen=True, kw_only=True, eq=False):
    """Hold `ability` and its standard deviation `std`, both of shape (n_models,); the mean ability is 0."""

    ability: Array
    std: Array


def estimate(Y: Array, dataset: Index) -> Abilities:
    """Estimate abilities from scores `Y` (n_prompts, n_models), NaN where not observed, and data set numbers."""
    sets = np.unique(dataset)
    effects, counts = np.zeros((len(sets), Y.shape[1])), np.zeros((len(sets), Y.shape[1]))
    for number, each in enumerate(sets):
        scores = Y[dataset == each]
        effects[number], counts[number] = within(scores), (~np.isnan(scores)).sum(axis=0)
    return _one(effects[0], counts[0]) if len(sets) == 1 else _across(effects, counts)


def within(scores: Array) -> Array:
    """Adjust the mean of each column for who answered which prompt, as differences from the grand mean.

    Prompts are random effects, as noisy as one observation. Shape (n_models,); unobserved models get 0.
    """
    seen = ~np.isnan(scores)
    per_prompt, per_model = seen.sum(axis=1), np.maximum(1, seen.sum(axis=0))
    known = np.where(seen, scores, 0.0)
    base = known.sum() / max(1, seen.sum())
    prompt, model = np.zeros(len(scores)), np.zeros(scores.shape[1])
    for _ in range(_ROUNDS):
        prompt = np.where(seen, known - base - model, 0.0).sum(axis=1) / (per_prompt + 1.0)
        settled = np.where(seen, known - base - prompt[:, None], 0.0).sum(axis=0) / per_model
        if np.abs(settled - model).max(initial=0.0) < _SETTLED:
            break
        model = settled
    return model


def _one(effects: Array, counts: Array) -> Abilities:
    known = counts > 0
    ability = np.where(known, effects - effects[known].mean(), 0.0)
    return Abilities(ability=ability, std=np.where(known, np.sqrt(COIN / np.maximum(1, counts)), _ABILITY))


def _across(effects: Array, counts: Array) -> Abilities:
    """Alternate between base, spread and ability until they settle (maximum a posteriori)."""
    weight = np.where(counts > 0, 1.0 / (LUCK**2 + COIN / np.maximum(1, counts)), 0.0)
    spread, ability, precision = np.ones(len(effects)), np.zeros(effects.shape[1]), np.ones(effects.shape[1])
    for _ in range(_ROUNDS):
        base = (weight * (effects - spread[:, None] * ability)).sum(axis=1) / weight.sum(axis=1)
        left = effects - base[:, None]
        spread = ((weight * left * ability).sum(axis=1) + _SPREAD**-2) / (
            (weight * ability**2).sum(axis=1) + _SPREAD**-2
        )
        precision = (weight * spread[:, None] ** 2).sum(axis=0) + _ABILITY**-2
        ability = (weight * left * spread[:, None]).sum(axis=0) / precision
        ability -= ability.mean()
    return Abilities(ability=ability, std=np.sqrt(1.0 / precision))
