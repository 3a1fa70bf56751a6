"""Own the file that `gearshift replay` reads: what a router would have aimed at, written as in `routers.NAME`.

Invariant: exactly one of `objective` and `weights`; every name is one that the log knows. All faults are reported at
once, as those of a config are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from gearshift.config import document, faults
from gearshift.config.names import Names
from gearshift.config.references import Candidate, Target
from gearshift.config.routers import ObjectiveConfig
from gearshift.config.section import Section
from gearshift.config.values import Number, fault, filled, show
from gearshift.errors import ConfigError
from gearshift.types.decision import Budget, Settled


def _not_replayed(value: object) -> None:
    raise fault(f"found {show(value)}, but a replay only weighs what was a candidate in the log; remove it")


class PolicyConfig(Section):
    """Hold a policy to replay.

    `candidates` narrows those of the log. `predictor` None: the forecasts that the log holds are used.
    """

    candidates: Annotated[tuple[Candidate, ...], AfterValidator(filled)] | None = None
    objective_: ObjectiveConfig | None = Field(default=None, alias="objective")
    weights: Annotated[dict[Target, Annotated[Number, Field(gt=0)]], AfterValidator(filled)] | None = None
    predictor: Annotated[str, AfterValidator(filled)] | None = None
    fallback: Annotated[None, BeforeValidator(_not_replayed)] = None
    rules: Annotated[None, BeforeValidator(_not_replayed)] = None
    cascade: Annotated[None, BeforeValidator(_not_replayed)] = None

    @model_validator(mode="after")
    def _check(self) -> PolicyConfig:
        found = [name for name, stated in (("objective", self.objective_), ("weights", self.weights)) if stated]
        if len(found) != 1:
            raise fault(f"found {' and '.join(found) or 'none of them'}, expected exactly one of objective, weights")
        if self.objective_ is not None and self.objective_.latency is not None:
            raise fault("found objective.latency, but the log does not hold how fast deployments were; remove it")
        if self.objective_ is not None and self.objective_.budget is not None:
            raise fault("found objective.budget, but its pace comes from spending; state willingness_to_pay instead")
        return self

    @property
    def objective(self) -> Settled | None:
        """Give what the policy tries to reach, None where it draws by weight."""
        aim = None if self.objective_ is None else self.objective_.objective
        return None if isinstance(aim, Budget) else aim


def load_policy(path: Path, names: Names) -> PolicyConfig:
    """Read the policy file at `path` against the names of a log; raise ConfigError with every fault."""
    try:
        return PolicyConfig.model_validate(document.read(path), context=names)
    except ValidationError as problem:
        raise ConfigError(faults.render(problem, PolicyConfig, {}), source=str(path)) from None
