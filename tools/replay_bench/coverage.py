"""Own the simulation: many logs of one population, each replayed, and how often the intervals hold the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from gearshift.config.policy import PolicyConfig
from gearshift.learning import offpolicy
from gearshift.learning.estimators import Array
from gearshift.learning.offpolicy import WEIGHTED, Estimator, LoggedDecisions, interval
from gearshift.learning.support import effective, refusals, support
from tools.replay_bench.population import Population

LOW, HIGH = 0.93, 0.98
"""Between these the coverage of a 95 % interval is taken to be right."""
ESTIMATORS: Final[tuple[Estimator, ...]] = (*WEIGHTED, "dm")
_NAMES: Final = {"ips": "IPS", "snips": "SNIPS", "dr": "DR"}


class Design(Struct, frozen=True, kw_only=True):
    """Hold how logs are drawn and what is asked of them.

    `weights` are those of the log, `clip` cuts importance weights. `model` is `forecasts` or `means`, as in
    `learning.replay.Measure`.
    """

    population: Population
    logged: str
    weights: tuple[float, ...]
    asked: str
    policy: PolicyConfig
    rows: int
    model: str = "forecasts"
    clip: float | None = None


class Finding(Struct, frozen=True, kw_only=True):
    """Hold what was found for one outcome of a design, over the logs that were not refused.

    `coverage` (of the value) and `width` (mean, relative to the truth) are by estimator, `apart` is DR's coverage of
    the difference to the log's own policy; `refused` counts logs.
    """

    design: Design
    outcome: str
    truth: float
    effective: float
    refused: int
    logs: int
    coverage: Mapping[Estimator, float]
    width: Mapping[Estimator, float]
    apart: float

    @property
    def missed(self) -> list[str]:
        """Name what does not cover as promised; the direct method and clipped weights promise nothing."""
        found = {**{_NAMES[each]: self.coverage[each] for each in WEIGHTED}, "DR - log": self.apart}
        return [name for name, share in found.items() if self.promised and not LOW <= share <= HIGH]

    @property
    def promised(self) -> int:
        """Count the coverages that are promised."""
        return 0 if self.refused == self.logs or self.design.clip is not None else len(WEIGHTED) + 1


def run(design: Design, logs: int, seed: int) -> list[Finding]:
    """Simulate `logs` logs of a design and replay each."""
    pi_e = design.population.pi_e(design.policy)
    people = design.population
    return [
        _outcome(design, pi_e, ("score", people.score, people.score_hat, 1.0), np.random.default_rng(seed), logs),
        _outcome(design, pi_e, ("cost", people.cost, people.cost_hat, np.inf), np.random.default_rng(seed), logs),
    ]


def _outcome(
    design: Design,
    pi_e: Array,
    outcome: tuple[str, Array, Array, float],
    rng: np.random.Generator,
    logs: int,
) -> Finding:
    name, reward, forecast, most = outcome
    share = np.array(design.weights) / sum(design.weights)
    truth = float((pi_e * reward).sum(axis=1).mean())
    gain = truth - float((share * reward).sum(axis=1).mean())
    held: dict[str, list[bool]] = {each: [] for each in (*ESTIMATORS, "apart")}
    width: dict[Estimator, list[float]] = {each: [] for each in ESTIMATORS}
    sizes, refused = [], 0
    for _ in range(logs):
        at = rng.integers(0, len(reward), design.rows)
        action = rng.choice(len(share), design.rows, p=share)
        log = LoggedDecisions(
            action=action, reward=reward[at, action], pscore=share[action], block=np.arange(design.rows)
        )
        sizes.append(effective(offpolicy.importance(log, pi_e[at]), log.block))
        explored = np.tile(share > 0, (design.rows, 1)).astype(np.float64)
        if refusals(support(log, pi_e[at], explored, design.clip)):
            refused += 1
            continue
        expected = forecast[at] if design.model == "forecasts" else np.full(pi_e[at].shape, np.nan)
        q_hat = offpolicy.outcome_model(log, expected)
        found = offpolicy.estimates(log, pi_e[at], q_hat, design.clip)
        for each, terms in found.items():
            value = interval(terms, log.block, 0.0, most)
            held[each].append(value.low <= truth <= value.high)
            width[each].append((value.high - value.low) / truth)
        apart = interval(offpolicy.less(found["dr"], offpolicy.on_policy(log)), log.block)
        held["apart"].append(apart.low <= gain <= apart.high)
    return Finding(
        design=design,
        outcome=name,
        truth=truth,
        effective=float(np.mean(sizes)),
        refused=refused,
        logs=logs,
        coverage={each: _mean(held[each]) for each in ESTIMATORS},
        width={each: _mean(width[each]) for each in ESTIMATORS},
        apart=_mean(held["apart"]),
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
