"""Own the full-feedback data that logs are simulated from: what every model would score and cost on every prompt.

Invariant: the truth is known: the value of any policy is the mean over the whole population.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct

from gearshift.config.policy import PolicyConfig
from gearshift.learning.data import OutcomeTable, load
from gearshift.learning.estimators import Array, Index
from gearshift.learning.target import chances
from gearshift.types.catalog import NANO_PER_USD, Deployment, Provider
from gearshift.types.decision import Estimate

MODELS: Final = 4
"""Models of a pool: the cheapest to the dearest, evenly spaced by cost."""
RECORDED: Final = ("kor_bench", "mmlu_pro", "zeroeval")
_BENCH: Final = Provider(id="bench", protocol="openai_chat", base_url="http://127.0.0.1:1")


class Population(Struct, frozen=True, kw_only=True, eq=False):
    """Hold true and forecast outcomes, shapes (n_prompts, n_models); models ascend by mean cost (USD)."""

    name: str
    models: tuple[str, ...]
    score: Array
    cost: Array
    score_hat: Array
    cost_hat: Array

    def pi_e(self, policy: PolicyConfig) -> Array:
        """Let the production ranking choose for every prompt by its forecasts, shape (n_prompts, n_models)."""
        deployments = [Deployment(id=f"bench/{name}", model=name, name=name, provider=_BENCH) for name in self.models]
        number = {each.id: at for at, each in enumerate(deployments)}
        found = np.zeros(self.score.shape)
        for at, (scores, costs) in enumerate(zip(self.score_hat, self.cost_hat, strict=True)):
            options = [
                (each, Estimate(quality=score, quality_std=0.0, cost=round(cost * NANO_PER_USD), output_tokens=0.0))
                for each, score, cost in zip(deployments, scores.tolist(), costs.tolist(), strict=True)
            ]
            chosen = chances(policy, options)
            if isinstance(chosen, str):
                raise TypeError(f"found {chosen}, expected a choice: every candidate has a forecast")
            for name, chance in chosen.items():
                found[at, number[name]] = chance
        return found


def synthetic(seed: int, prompts: int = 5000) -> Population:
    """Make prompts of differing difficulty; dearer models are better, costs are log-normal, forecasts are biased."""
    rng = np.random.default_rng(seed)
    shape = (prompts, MODELS)
    ease = rng.normal(0, 1, (prompts, 1)) + rng.normal(0, 0.7, shape) + np.linspace(-0.5, 1.5, MODELS)
    chance = 1 / (1 + np.exp(-ease))
    length = rng.normal(0, 0.7, (prompts, 1)) + rng.normal(0, 0.4, shape)
    cost = 2e-4 * np.exp(length + np.linspace(0, 3.4, MODELS))
    return Population(
        name="synthetic",
        models=tuple(f"model-{number}" for number in range(MODELS)),
        score=(rng.random(shape) < chance).astype(np.float64),
        cost=cost,
        score_hat=np.clip(chance + 0.05 + rng.normal(0, 0.1, shape), 0, 1),
        cost_hat=cost * np.exp(rng.normal(0.1, 0.5, shape)),
    )


def recorded(folder: Path) -> Iterator[Population]:
    """Take pools of recorded outcomes; the forecast is a model's mean over the other prompts of the task, by halves."""
    for name in RECORDED:
        path = folder / f"{name}.parquet"
        if path.is_file():
            yield pool(name, load([path]))


def pool(name: str, table: OutcomeTable) -> Population:
    """Take models with a known cost of at least 90 % of the prompts, and the prompts that all of them answered."""
    known = ~np.isnan(table.cost_usd) & ~np.isnan(table.quality)
    columns = np.flatnonzero(known.mean(axis=0) >= 0.9)  # noqa: PLR2004 - said above
    dear = columns[np.argsort(np.nanmean(table.cost_usd[:, columns], axis=0))]
    taken = dear[np.linspace(0, len(dear) - 1, MODELS).round().astype(int)]
    rows = np.flatnonzero(known[:, taken].all(axis=1))
    score, cost = table.quality[np.ix_(rows, taken)], table.cost_usd[np.ix_(rows, taken)]
    task = np.unique([table.prompts[row].task for row in rows], return_inverse=True)[1]
    return Population(
        name=name,
        models=tuple(table.models[column] for column in taken),
        score=score,
        cost=cost,
        score_hat=_by_task(score, task),
        cost_hat=_by_task(cost, task),
    )


def _by_task(outcome: Array, task: Index) -> Array:
    """Forecast each half of the prompts by the other half's means over the task (over all, where it has none)."""
    half = np.arange(len(outcome)) % 2
    forecast = np.empty_like(outcome)
    for side in (0, 1):
        other = half != side
        forecast[~other] = outcome[other].mean(axis=0)
        for number in range(int(task.max()) + 1):
            seen = other & (task == number)
            if seen.any():
                forecast[~other & (task == number)] = outcome[seen].mean(axis=0)
    return forecast
