"""Own what a set of deployments needs of the learned parameters, next to each other in memory.

Deciding is a few small products between large tables, and reading these is what it costs: a table that holds just the
columns that are wanted, whole rows side by side, is read once.
Invariant: a deployment whose model is not in the parameters gets a prior from its price, and no deviation of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from gearshift.learning.parameters import SHARED, Floats, Parameters

Wanted = tuple[str, float | None]
"""A model and its blended price in USD per million tokens, None where that is not known."""


class Seat(NamedTuple):
    """Hold one deployment's own numbers; `seen`: its model was in training."""

    seen: bool
    ability: float
    ability_std: float
    offset: float
    scale: float
    overhead: float


class Seats(Struct, frozen=True):
    """Hold what a set of deployments needs, in their order.

    `table` (buckets, columns), `tail` (DENSE, columns) and `bias` (columns,) have columns SHARED, deviations, lengths
    (these are `n_own`), then the logits of the tasks, then the likeness to them times the rise of their trust.
    `mix` (n_tasks, n_own + 1) adds what the task tells to the own columns; its last column is all ones.
    `taught` (n_deployments, n_tasks) is 1 where the model was seen in the task, and everywhere for one that was in no
    training: that is for its spread, there is no deviation of it to trust.
    """

    each: tuple[Seat, ...]
    table: Floats
    tail: Floats
    bias: Floats
    mix: Floats
    taught: Floats


def find_seats(learned: Parameters, rows: Sequence[int], wanted: Sequence[Wanted], rise: Floats) -> Seats:
    """Gather what `wanted` needs; `rows` are the models' numbers in `learned`, -1 where it has none."""
    count, n_tasks, buckets = len(learned.models), len(learned.trust), learned.features.buckets
    at = np.array(rows, dtype=np.intp)
    seen = at >= 0
    own = np.concatenate([np.arange(SHARED), SHARED + at, SHARED + count + at])
    strange = np.flatnonzero(~np.concatenate([np.ones(SHARED, bool), seen, seen]))
    tasks = SHARED + 2 * count + np.arange(2 * n_tasks)
    columns = np.ascontiguousarray(learned.weights[:, np.concatenate([own, tasks])], np.float32)
    bias, mix = learned.bias[np.concatenate([own, tasks])], learned.mix[:, own].astype(np.float32)
    columns[:, strange], bias[strange], mix[:, strange] = 0.0, 0.0, 0.0
    likeness = slice(len(own) + n_tasks, None)
    columns[buckets:, likeness], bias[likeness] = 0.0, 0.0  # only words are alike
    columns[:, likeness] *= rise
    taught = learned.seen.T[at].astype(np.float32)
    taught[~seen] = 1.0
    return Seats(
        each=tuple(_seat(learned, row, dollars) for row, (_, dollars) in zip(rows, wanted, strict=True)),
        table=columns[:buckets],
        tail=columns[buckets:],
        bias=bias,
        mix=np.column_stack([mix, np.ones(n_tasks, np.float32)]),
        taught=taught,
    )


def _seat(learned: Parameters, row: int, dollars: float | None) -> Seat:
    if row < 0:
        guess, scale = learned.prior.ability(dollars), float(np.median(learned.scale))
        return Seat(seen=False, ability=guess, ability_std=learned.prior.std, offset=0.0, scale=scale, overhead=0.0)
    numbers = (learned.ability, learned.ability_std, learned.offset, learned.scale, learned.overhead)
    return Seat(True, *(float(each[row]) for each in numbers))  # noqa: FBT003 - of a tuple, in order
