"""Own what can be compared in a data set: prompts that every model of the pool answered.

Invariant: the outcomes are complete, so every choice can be looked up and all models are compared on the same prompts.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from gearshift.learning.data import Prompt
from gearshift.learning.estimators import Array, Index
from gearshift.learning.findings import Baselines, Single
from gearshift.types.catalog import Deployment


class Pool(Struct, frozen=True, kw_only=True, eq=False):
    """Hold complete outcomes, shapes (n_prompts, n_models); `cost` in USD for one call, None where none is known.

    `left_out` are models of the data set that answered too little of it, or at no known cost.
    """

    dataset: str
    prompts: tuple[Prompt, ...]
    deployments: tuple[Deployment, ...]
    quality: Array
    cost: Array | None
    left_out: tuple[str, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """Give the names of the columns."""
        return tuple(deployment.model for deployment in self.deployments)

    @property
    def best(self) -> int:
        """Find the single model with the best mean score; among equals the cheapest."""
        dearness = np.zeros_like(self.quality) if self.cost is None else self.cost
        return int(np.lexsort((dearness.mean(axis=0), -self.quality.mean(axis=0)))[0])

    def take(self, rows: Index) -> Pool:
        """Give the part with these prompts, by position."""
        return Pool(
            dataset=self.dataset,
            prompts=tuple(self.prompts[row] for row in rows),
            deployments=self.deployments,
            quality=self.quality[rows],
            cost=None if self.cost is None else self.cost[rows],
        )

    def tasks(self, least: int) -> dict[str, Index]:
        """Give the positions of the prompts of each task that has at least so many, unless there is but one task."""
        names = np.array([prompt.task for prompt in self.prompts])
        found = {str(name): np.flatnonzero(names == name) for name in np.unique(names)}
        return {name: rows for name, rows in found.items() if name and len(rows) >= least and len(found) > 1}

    def oracle(self) -> tuple[Array, Array | None]:
        """Give score and cost of the cheapest of the best on each prompt, shape (n_prompts,) each."""
        top = self.quality.max(axis=1)
        if self.cost is None:
            return top, None
        return top, np.where(self.quality == top[:, None], self.cost, np.inf).min(axis=1)

    def singles(self) -> tuple[Single, ...]:
        """Measure every model alone, in the order of the columns."""
        cost = [None] * len(self.deployments) if self.cost is None else self.cost.mean(axis=0).tolist()
        quality = self.quality.mean(axis=0).tolist()
        return tuple(
            Single(model=model, quality=score, cost_usd=usd)
            for model, score, usd in zip(self.models, quality, cost, strict=True)
        )

    def baselines(self) -> Baselines:
        """Measure the best single model, the mean one, and the oracle."""
        best, cost = self.best, self.cost
        top, oracle = self.oracle()
        return Baselines(
            best_model=self.models[best],
            best_quality=float(self.quality[:, best].mean()),
            best_cost_usd=None if cost is None else float(cost[:, best].mean()),
            random_quality=float(self.quality.mean()),
            random_cost_usd=None if cost is None else float(cost.mean()),
            oracle_quality=float(top.mean()),
            oracle_cost_usd=None if oracle is None else float(oracle.mean()),
        )
