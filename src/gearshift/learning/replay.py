"""Own a replay: what this log would have cost and scored under another policy.

    log ─> choices ─ production ranking ─> chances of each deployment ─┐
             └─ propensity, score, cost ───────────────────────────────┴─> IPS, SNIPS, DM, DR, or a refusal

Invariant: the log's own value, the policy's and their difference are of the same rows. Where support is too thin the
weighted estimates are refused; the direct method stays, as what it is: a model's opinion.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import numpy as np
from msgspec import Struct, structs

from gearshift.config.policy import PolicyConfig
from gearshift.errors import DataError
from gearshift.learning import offpolicy
from gearshift.learning.estimators import Array, Index
from gearshift.learning.logged import Choice, Log, Reason, listed
from gearshift.learning.offpolicy import WEIGHTED, Estimated, LoggedDecisions
from gearshift.learning.support import MIN_EFFECTIVE, Support, refusals, support
from gearshift.learning.target import Chances, Forecaster, chances
from gearshift.types.catalog import NANO_PER_USD
from gearshift.types.decision import Estimate

Tried: TypeAlias = dict[tuple[object, ...], set[str]]
_CERTAIN: Final = 1 - 1e-9


class Versus(Struct, frozen=True, kw_only=True):
    """Hold what a policy is estimated to be worth, and by how much that differs from the log."""

    value: Estimated
    difference: Estimated


class Measure(Struct, frozen=True, kw_only=True):
    """Hold the answer for one outcome, per request: `log` as it was, the policy by each estimator.

    `refused` says why ips, snips and dr are None. dm and dr are None too where the model does not know a candidate;
    `model` says what it is: `forecasts` of a predictor, fitted to the log, or its `means`. With no rows all are None.
    """

    rows: int
    log: Estimated | None = None
    ips: Versus | None = None
    snips: Versus | None = None
    dr: Versus | None = None
    dm: Versus | None = None
    model: str = ""
    support: Support | None = None
    refused: tuple[str, ...] = ()


class Move(Struct, frozen=True, kw_only=True, rename={"source": "from", "target": "to"}):
    """Hold how many rows (expected, where there is chance in the policy) would go elsewhere."""

    source: str
    target: str
    rows: float


class Replay(Struct, frozen=True, kw_only=True):
    """Hold the answer: rows used and left out, who would be chosen instead, and both outcomes. Costs are USD."""

    rows: int
    left_out: dict[Reason, int]
    changed: float
    moves: tuple[Move, ...]
    shares: dict[str, tuple[float, float]]
    """Share of the rows by deployment: in the log, under the policy."""
    quality: Measure
    cost: Measure


class Outcome(Struct, frozen=True, kw_only=True):
    """Hold what is measured: how it is `seen` in a row and `expected` of a candidate; it is from 0 to `most`."""

    name: str
    seen: Callable[[Choice], float | None]
    expected: Callable[[Estimate], float | None]
    most: float


_QUALITY: Final = Outcome(
    name="score", seen=lambda choice: choice.score, expected=lambda estimate: estimate.quality, most=1.0
)
_COST: Final = Outcome(
    name="cost",
    seen=lambda choice: choice.cost,
    expected=lambda estimate: None if estimate.cost is None else estimate.cost / NANO_PER_USD,
    most=np.inf,
)


class Slate(Struct, frozen=True, kw_only=True, eq=False):
    """Hold the rows that can be replayed as arrays: `names` number the actions, matrices are (n, n_actions)."""

    choices: list[Choice]
    names: tuple[str, ...]
    action: Index
    pi_e: Array
    explored: Array
    block: Index


def replay(log: Log, policy: PolicyConfig, *, forecast: Forecaster | None = None, clip: float | None = None) -> Replay:
    """Replay `policy` on a log.

    `forecast` None: the log's own estimates are used. `clip` as in `offpolicy.importance`. Raises DataError when no
    row can be replayed.
    """
    rows, left_out = _placed(log, policy, forecast)
    if not rows:
        raise DataError(f"found no row to replay, expected some; left out: {listed(left_out)}")
    slate = _slate(rows, _tried(log.choices))
    moves = _moves(slate)
    taken = np.bincount(slate.action, minlength=len(slate.names)) / len(rows)
    return Replay(
        rows=len(rows),
        left_out=dict(left_out.most_common()),
        changed=sum(each.rows for each in moves) / len(rows),
        moves=moves,
        shares={
            name: (float(old), float(new))
            for name, old, new in zip(slate.names, taken, slate.pi_e.mean(axis=0), strict=True)
        },
        quality=measure(slate, _QUALITY, clip),
        cost=measure(slate, _COST, clip),
    )


def _placed(
    log: Log, policy: PolicyConfig, forecast: Forecaster | None
) -> tuple[list[tuple[Choice, Chances]], Counter[Reason]]:
    """Let the policy choose at every row; what it cannot is left out, with its reason."""
    placed: list[tuple[Choice, Chances]] = []
    left_out = log.left_out.copy()
    for choice in log.choices:
        options = choice.options if forecast is None else forecast(choice)
        if isinstance(options, str):
            left_out[options] += 1
            continue
        found = chances(policy, options)
        if isinstance(found, str):
            left_out[found] += 1
        else:
            placed.append((structs.replace(choice, options=options), found))
    return placed, left_out


def _slate(rows: Sequence[tuple[Choice, Chances]], tried: Tried) -> Slate:
    names = sorted({each.id for choice, _ in rows for each, _ in choice.options})
    number = {name: at for at, name in enumerate(names)}
    pi_e, explored = np.zeros((len(rows), len(names))), np.zeros((len(rows), len(names)))
    for at, (choice, found) in enumerate(rows):
        for name, chance in found.items():
            pi_e[at, number[name]] = chance
        explored[at, [number[name] for name in tried[_setting(choice)]]] = 1.0
    return Slate(
        choices=[choice for choice, _ in rows],
        names=tuple(names),
        action=np.array([number[choice.chosen] for choice, _ in rows], dtype=np.int64),
        pi_e=pi_e,
        explored=explored,
        block=_blocks([choice.session for choice, _ in rows]),
    )


def _blocks(sessions: Sequence[str | None]) -> Index:
    """Give rows of one session the same number; a row without one is alone."""
    known: dict[str | int, int] = {}
    keys = [at if session is None else session for at, session in enumerate(sessions)]
    return np.array([known.setdefault(key, len(known)) for key in keys], dtype=np.int64)


def _setting(choice: Choice) -> tuple[object, ...]:
    """Say under which conditions a choice was taken; a certain one could not have been another."""
    certain = choice.chosen if choice.propensity >= _CERTAIN else ""
    return (*choice.setting, frozenset(each.id for each, _ in choice.options), certain)


def _tried(choices: Sequence[Choice]) -> Tried:
    """Find what was ever chosen under the same conditions: all that is known to have been possible."""
    tried: Tried = {}
    for choice in choices:
        tried.setdefault(_setting(choice), set()).add(choice.chosen)
    return tried


def _moves(slate: Slate) -> tuple[Move, ...]:
    """Count who would go where, most first."""
    found = []
    for source, name in enumerate(slate.names):
        rows = slate.pi_e[slate.action == source].sum(axis=0)
        found += [
            Move(source=name, target=other, rows=float(rows[target]))
            for target, other in enumerate(slate.names)
            if target != source and rows[target] > 0
        ]
    return tuple(sorted(found, key=lambda move: -move.rows))


def measure(slate: Slate, outcome: Outcome, clip: float | None) -> Measure:
    """Estimate one outcome on the rows in which it is known."""
    known = [at for at, choice in enumerate(slate.choices) if outcome.seen(choice) is not None]
    if not known:
        return Measure(rows=0, refused=(f"found no row with a known {outcome.name}, expected {MIN_EFFECTIVE} or more",))
    choices = [slate.choices[at] for at in known]
    log = LoggedDecisions(
        action=slate.action[known],
        reward=np.array([outcome.seen(choice) for choice in choices], dtype=np.float64),
        pscore=np.array([choice.propensity for choice in choices]),
        block=slate.block[known],
    )
    pi_e = slate.pi_e[known]
    base = support(log, pi_e, slate.explored[known], clip)
    q_hat, model = _model(log, choices, slate.names, outcome)
    as_it_was, why = offpolicy.on_policy(log), refusals(base)
    found = {
        name: Versus(
            value=offpolicy.interval(terms, log.block, 0.0, outcome.most),
            difference=offpolicy.interval(offpolicy.less(terms, as_it_was), log.block),
        )
        for name, terms in offpolicy.estimates(log, pi_e, q_hat, clip).items()
        if not (why and name in WEIGHTED)
    }
    return Measure(
        rows=len(known),
        log=offpolicy.interval(as_it_was, log.block, 0.0, outcome.most),
        ips=found.get("ips"),
        snips=found.get("snips"),
        dr=found.get("dr"),
        dm=found.get("dm"),
        model=model,
        support=base,
        refused=why,
    )


def _model(
    log: LoggedDecisions, choices: Sequence[Choice], names: Sequence[str], outcome: Outcome
) -> tuple[Array, str]:
    """Fit the forecasts of the candidates to the log; without any it is the mean of each deployment."""
    number = {name: at for at, name in enumerate(names)}
    forecast = np.full((len(choices), len(names)), np.nan)
    for at, choice in enumerate(choices):
        for deployment, estimate in choice.options:
            value = None if estimate is None else outcome.expected(estimate)
            forecast[at, number[deployment.id]] = np.nan if value is None else value
    model = "means" if np.isnan(forecast).all() else "forecasts"
    return offpolicy.outcome_model(log, forecast), model
