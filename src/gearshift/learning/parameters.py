"""Own what is learned: the numbers of a predictor, by what they are of.

Invariant: plain arrays of stated shapes; they say nothing of files (see `artifact`) and nothing of how they are used
(see `predictor`).
"""

from __future__ import annotations

from math import log
from typing import Final, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from gearshift.learning.features import FeatureSpec

Floats: TypeAlias = NDArray[np.float32]
Halves: TypeAlias = NDArray[np.float16]

DEFAULT_OUTPUT_TOKENS: Final = 256.0
"""Taken for the length of an answer where no outcome told any."""
LEVEL, SLOPE, LENGTH, SHARED = 0, 1, 2, 3
"""Columns of the weights that all models share, and how many these are."""


class PricePrior(Struct, frozen=True, kw_only=True):
    """Hold what a price says about ability: `intercept + slope * ln(USD per million tokens)`, give or take `std`."""

    intercept: float = 0.0
    slope: float = 0.0
    std: float = 0.2

    def ability(self, dollars: float | None) -> float:
        """Give the ability that a price speaks for; without one, or for a free model, the average."""
        return 0.0 if dollars is None or dollars <= 0 else self.intercept + self.slope * log(dollars)


class Spread(Struct, frozen=True, kw_only=True):
    """Hold how far expected scores are off: `near` the training prompts and `far` from them, as standard deviations."""

    near: float
    far: float


class Parameters(Struct, frozen=True, kw_only=True, eq=False):
    """Hold all that is learned.

    `weights` has shape (dims, columns) and `bias` (columns,), with columns = SHARED + 2 n_models + 2 n_tasks: what
    models share, the deviations, the lengths, then the logits of the tasks and the likeness to them. `mix`, of shape
    (n_tasks, SHARED + 2 n_models), adds what the task tells. `rarity` has shape (dims,). `trust` (n_tasks, 3) holds
    low, high and slope of each task's trust, `seen` (n_tasks, n_models) is 1 where the model was seen in the task.
    `ability`, `ability_std`, `offset`, `scale` (tokens) and `overhead` (input tokens beyond our own count) have shape
    (n_models,).
    """

    features: FeatureSpec
    models: tuple[str, ...]
    aliases: dict[str, str]
    prior: PricePrior
    spread: Spread
    weights: Halves
    bias: Floats
    mix: Halves
    rarity: Halves
    trust: Floats
    seen: NDArray[np.uint8]
    ability: Floats
    ability_std: Floats
    offset: Floats
    scale: Floats
    overhead: Floats
