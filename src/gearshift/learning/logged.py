"""Own the log as a replay sees it: rows in which a router chose freely, with what it chose among.

    rows ─ of the router? ─ chosen by it? ─ propensity? ─ alternatives? ─> choices
                       └──────────── left out, counted by reason ─────────┘

Invariant: a row without a propensity is left out and counted; it is never guessed. What is not known (score, cost,
estimate) is None. The outcome of a choice is that of its exchange, fallbacks included: what choosing it led to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from gearshift.config.names import Names
from gearshift.routing.estimate import Option
from gearshift.storage.store import Row
from gearshift.types.catalog import NANO_PER_USD, Deployment, Provider
from gearshift.types.decision import Estimate

Reason: TypeAlias = Literal[
    "other_router",
    "no_decision",
    "not_chosen",
    "no_propensity",
    "no_alternatives",
    "no_candidate",
    "no_estimate",
    "no_reference",
    "no_prompt",
]
REASONS: Final[Mapping[Reason, str]] = {
    "other_router": "decided by another router",
    "no_decision": "failed before a decision, or a decision that cannot be read",
    "not_chosen": "no policy chose: the caller or a rule named the model, or the predictor failed",
    "no_propensity": "no propensity in (0, 1]: it is not guessed",
    "no_alternatives": "the caller allowed no fallbacks, so the alternatives are not in the log",
    "no_candidate": "none of the policy's candidates could serve",
    "no_estimate": "a candidate has no estimate in the log; name a `predictor` in the policy",
    "no_reference": "the objective's reference was no candidate",
    "no_prompt": "no prompt to forecast from; `logging: {content: true}` keeps them",
}
"""Why a row is left out."""
_FREE: Final = frozenset({"objective", "weighted", "only_candidate"})
"""Reasons of decisions that a policy took."""


def listed(left_out: Counter[Reason]) -> str:
    """Write counts with their reasons, most first."""
    return "; ".join(f"{count:,} {REASONS[reason]}" for reason, count in left_out.most_common()) or "nothing"


class Choice(Struct, frozen=True, kw_only=True):
    """Hold one row of the log: what was chosen among which candidates, and what came of it.

    `setting` says under which router, config and policy; `cost` is USD, `score` in [0, 1].
    """

    setting: tuple[str, str, str]
    options: tuple[Option, ...]
    chosen: str
    propensity: float
    cost: float | None
    score: float | None
    session: str | None
    prompt: str | None


class Log(Struct, frozen=True, kw_only=True):
    """Hold the choices of a log; `left_out` counts the other rows by reason, `routers` all rows by router."""

    choices: list[Choice]
    left_out: Counter[Reason]
    routers: Counter[str]

    @property
    def names(self) -> Names:
        """List the models and deployments that were candidates."""
        found = {each.id: each.model for choice in self.choices for each, _ in choice.options}
        models = tuple(sorted(set(found.values())))
        return Names(providers=frozenset(), builtin=frozenset(), models=models, routers=(), deployments=found)


class _Candidate(Struct, frozen=True, kw_only=True):
    """Read a candidate as `documents.candidate` writes it."""

    deployment: str
    quality: float | None = None
    quality_std: float | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    output_tokens: float | None = None


class _Decision(Struct, frozen=True, kw_only=True):
    """Read a decision as `documents.decision` writes it."""

    router: str
    policy: str
    config: str
    reason: str
    chosen: str | None
    candidates: tuple[_Candidate, ...]


def read_log(rows: Iterable[Row], scores: Mapping[str, float], router: str) -> Log:
    """Take the rows in which `router` chose; `scores` are by exchange id."""
    log = Log(choices=[], left_out=Counter(), routers=Counter())
    decoder, known = msgspec.json.Decoder(_Decision), _Deployments()
    for row in rows:
        if row.router is not None:
            log.routers[row.router] += 1
        if row.router != router:
            log.left_out["no_decision" if row.router is None else "other_router"] += 1
            continue
        try:
            decision = decoder.decode(row.decision or "null")
        except msgspec.DecodeError:
            log.left_out["no_decision"] += 1
            continue
        if reason := _unusable(row, decision):
            log.left_out[reason] += 1
        else:
            log.choices.append(_choice(row, decision, scores.get(row.id), known))
    return log


def _unusable(row: Row, decision: _Decision) -> Reason | None:
    if decision.reason not in _FREE:
        return "not_chosen"
    if row.propensity is None or not 0 < row.propensity <= 1:
        return "no_propensity"
    names = [each.deployment for each in decision.candidates]
    if decision.chosen not in names or (decision.reason != "only_candidate" and len(names) == 1):
        return "no_alternatives"
    return None


def _choice(row: Row, decision: _Decision, score: float | None, known: _Deployments) -> Choice:
    return Choice(
        setting=(decision.router, decision.config, decision.policy),
        options=tuple((known.named(each.deployment), _estimate(each)) for each in decision.candidates),
        chosen=decision.chosen or "",
        propensity=row.propensity or 0.0,
        cost=None if row.cost is None else row.cost / NANO_PER_USD,
        score=score,
        session=row.session,
        prompt=row.prompt,
    )


def _estimate(found: _Candidate) -> Estimate | None:
    if found.quality is None or found.quality_std is None or found.output_tokens is None:
        return None
    return Estimate(
        quality=found.quality,
        quality_std=found.quality_std,
        cost=None if found.cost_usd is None else round(found.cost_usd * NANO_PER_USD),
        output_tokens=found.output_tokens,
        latency=found.latency_s,
    )


class _Deployments:
    """Make deployments of their ids, each once: all that ranking asks of them is their names."""

    def __init__(self) -> None:
        self._known: dict[str, Deployment] = {}

    def named(self, id_: str) -> Deployment:
        """Give the deployment `provider/model`."""
        if id_ not in self._known:
            provider, _, model = id_.partition("/")
            at = Provider(id=provider, protocol="", base_url="")
            self._known[id_] = Deployment(id=id_, model=model, name=model, provider=at)
        return self._known[id_]
