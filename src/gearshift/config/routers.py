"""Own the `routers` section: named policies that callers use as if they were models.

Invariant: a router has exactly one of `candidates`, `weights`, `rules` and `cascade`.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import AfterValidator, Field, model_validator

from gearshift.config.references import Candidate, Route, Target
from gearshift.config.section import Section
from gearshift.config.values import Duration, Number, Whole, fault, filled, show
from gearshift.types.decision import AtLeast, AtMost, Budget, CostTier, Objective, Stay, WillingnessToPay

DEFAULT_TIER: Final = "medium"
BUILTIN: Final = "builtin"
"""The predictor that ships with Gearshift."""


def _exactly_one(section: Section, keys: tuple[str, ...]) -> None:
    found = [key for key in keys if key in section.model_fields_set]
    if len(found) != 1:
        raise fault(f"found {' and '.join(found) or 'none of them'}, expected exactly one of {', '.join(keys)}")


class AtLeastConfig(Section):
    """Hold the quality to keep: that of `model`, less `within` (of a score from 0 to 1)."""

    model: Target
    within: Annotated[Number, Field(ge=0, le=1)] = 0.0
    confidence: Annotated[Number, Field(gt=0, lt=1)] = 0.95


class AtMostConfig(Section):
    """Hold the cost to keep under: that of `model`, or US dollars per thousand requests."""

    model: Target | None = None
    usd_per_1k_requests: Annotated[Number, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _check(self) -> AtMostConfig:
        _exactly_one(self, ("model", "usd_per_1k_requests"))
        return self


class BudgetConfig(Section):
    """Hold US dollars to spend in each day or month (UTC), evenly."""

    usd: Annotated[Number, Field(gt=0)]
    per: Literal["day", "month"]


class LatencyConfig(Section):
    """Hold how slow an answer may begin: seconds to the first token that 95 of 100 streams keep under."""

    p95_first_token: Duration


class ObjectiveConfig(Section):
    """Hold what a router tries to reach, as the file says it."""

    willingness_to_pay: Annotated[Number, Field(ge=0)] | None = None
    at_least: AtLeastConfig | None = None
    at_most: AtMostConfig | None = None
    cost_tier: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    budget: BudgetConfig | None = None
    latency: LatencyConfig | None = None
    latency_price: Annotated[Number, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _check(self) -> ObjectiveConfig:
        _exactly_one(self, ("willingness_to_pay", "at_least", "at_most", "budget", "cost_tier"))
        return self

    @property
    def objective(self) -> Objective:
        """Give the objective as the router knows it."""
        first = None if self.latency is None else self.latency.p95_first_token
        return msgspec.structs.replace(self._untimed, p95_first_token=first, latency_price=self.latency_price)

    @property
    def _untimed(self) -> Objective:
        if self.willingness_to_pay is not None:
            return WillingnessToPay(usd=self.willingness_to_pay)
        if (floor := self.at_least) is not None:
            return AtLeast(model=floor.model, within=floor.within, confidence=floor.confidence)
        if (ceiling := self.at_most) is not None:
            return AtMost(model=ceiling.model, usd_per_1k_requests=ceiling.usd_per_1k_requests)
        if self.budget is not None:
            return Budget(usd=self.budget.usd, per=self.budget.per)
        return CostTier(tier=self.cost_tier or DEFAULT_TIER)


class Rule(Section):
    """Hold a condition (`conditions.py`) and the target that it leads to; without `when` it always holds."""

    when: dict[str, Any] = Field(default_factory=dict)
    use: Route


class AcceptConfig(Section):
    """Hold when an answer is good enough: by a judge's score, or by how many samples agree with it."""

    judge: Target | None = None
    min_score: Annotated[Number, Field(ge=0, le=1)] | None = None
    samples: Annotated[Whole, Field(ge=2, le=10)] | None = None
    min_agreement: Annotated[Number, Field(gt=0, le=1)] | None = None

    @model_validator(mode="after")
    def _check(self) -> AcceptConfig:
        _exactly_one(self, ("judge", "samples"))
        ways = {"judge": "min_score", "samples": "min_agreement"}
        for way, bound in ways.items():
            stated = getattr(self, way) is not None, getattr(self, bound) is not None
            if stated == (True, False):
                raise fault(f"found {way} without {bound}, expected both")
            if stated == (False, True):
                raise fault(f"found {bound} without {way}; remove it, or state {way}")
        return self


class CascadeStep(Section):
    """Hold a step of a cascade: a model, and when its answer is good enough."""

    model: Target
    accept: AcceptConfig | None = None


def _escalating(steps: tuple[CascadeStep, ...]) -> tuple[CascadeStep, ...]:
    if len(steps) < 2:  # noqa: PLR2004
        raise fault(f"found {len(steps)} step, expected two or more: a cascade escalates to somebody")
    for at, step in enumerate(steps[:-1]):
        if step.accept is None:
            raise fault(f"found no accept in step {at}, expected one in every step but the last")
    if steps[-1].accept is not None:
        raise fault("found accept in the last step, expected none: there is nobody to escalate to; remove it")
    return steps


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    for at, value in enumerate(values):
        if value in values[:at]:
            raise fault(f"found {show(value)} twice, expected each candidate once")
    return values


def _reachable(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    for at, rule in enumerate(rules[:-1]):
        if not rule.when:
            raise fault(f"found rules after rule {at}, which always holds; expected the one without `when` to be last")
    return rules


class RouterConfig(Section):
    """Hold one router. `objective` counts only with `candidates`."""

    candidates: Annotated[tuple[Candidate, ...], AfterValidator(filled), AfterValidator(_distinct)] | None = None
    predictor: Annotated[str, AfterValidator(filled)] = BUILTIN
    objective_: ObjectiveConfig = Field(default=ObjectiveConfig(cost_tier=DEFAULT_TIER), alias="objective")
    fallback: Target | None = None
    weights: Annotated[dict[Target, Annotated[Number, Field(gt=0)]], AfterValidator(filled)] | None = None
    rules: Annotated[tuple[Rule, ...], AfterValidator(filled), AfterValidator(_reachable)] | None = None
    session: Stay = "turn"
    cascade: Annotated[tuple[CascadeStep, ...], AfterValidator(_escalating)] | None = None

    @model_validator(mode="after")
    def _check(self) -> RouterConfig:
        _exactly_one(self, ("candidates", "weights", "rules", "cascade"))
        for key in ("predictor", "objective_"):
            if key in self.model_fields_set and self.candidates is None:
                raise fault(f"found {key.rstrip('_')} without candidates, expected it only beside them; remove it")
        if "session" in self.model_fields_set and self.cascade is not None:
            raise fault("found session beside cascade, whose steps are taken anew for each request; remove it")
        if "session" in self.model_fields_set and self.rules is not None:
            raise fault("found session beside rules, expected it at the routers that the rules lead to; move it there")
        return self

    @property
    def objective(self) -> Objective:
        """Give what the router tries to reach."""
        return self.objective_.objective
