"""Own what a calibration states, and when a router may rely on it.

A calibration is of one way to choose: `at_least` with this reference, these candidates, in this order of price. With
other candidates, or where another one is the cheaper, other models would be chosen than those whose loss was measured.

Invariant: `at_least` gets a margin only where all of that is the same. What a calibration holds is in range, so that
what decides by it need not look again. How it comes about: `gearshift.learning.guarantee`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated, Protocol, TypeAlias, runtime_checkable

from msgspec import Meta, Struct
from msgspec.structs import replace

from gearshift.accounting import list_price
from gearshift.routing.predict import Predictor
from gearshift.types.catalog import Deployment
from gearshift.types.decision import AtLeast, Objective

Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Level: TypeAlias = Annotated[float, Meta(gt=0, lt=1)]
Difference: TypeAlias = Annotated[float, Meta(ge=-1, le=1)]
Count: TypeAlias = Annotated[int, Meta(ge=0)]
Name: TypeAlias = Annotated[str, Meta(min_length=1)]
Digest: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class Calibration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold a promise: with `margin`, mean quality is at least the reference's less `within`, with `confidence`.

    `models` are all candidates, the reference among them, as `by_price` names them. It rests on `prompts`, of which
    `groups` are different questions, and `unseen` were certainly not trained on. `mean_loss` is the mean of the
    reference's score less the chosen model's, `bound` its upper confidence bound, `p_value` that of a mean loss above
    `within`; `cost_share` is the expected cost relative to the reference's. `data` is the SHA-256 of the outcomes.
    """

    reference: Name
    within: Share
    confidence: Level
    margin: Difference
    models: tuple[Name, ...]
    prompts: Count
    groups: Count
    unseen: Count
    mean_loss: Difference
    bound: Difference
    p_value: Share
    cost_share: Share
    data: Digest
    date: date

    def __post_init__(self) -> None:
        """Check what one field says of another; msgspec reports a ValueError with its place in the document."""
        if self.reference not in self.models or len(set(self.models)) < len(self.models):
            raise ValueError(f"found the models {self.models}, expected {self.reference} among them, each once")
        if not 0 < self.groups <= self.prompts or self.unseen > self.prompts:
            raise ValueError(
                f"found {self.groups} groups and {self.unseen} unseen ones of {self.prompts} prompts, "
                "expected at least one group, and no more of either than of prompts"
            )

    def same_promise(self, other: Calibration) -> bool:
        """Say whether `other` is of the same promise and the same way to choose, so that the later one counts."""
        return (self.reference, self.within, self.confidence, self.models) == (
            other.reference,
            other.within,
            other.confidence,
            other.models,
        )


@runtime_checkable
class Calibrated(Protocol):
    """Be a predictor of which something was calibrated."""

    @property
    def calibrations(self) -> Sequence[Calibration]:
        """Give what was calibrated, the latest last."""
        ...


def by_price(deployments: Iterable[Deployment]) -> tuple[str, ...]:
    """Name the models whose price is known, by rising list price (of each its lowest), then by name.

    As everywhere in an artefact, the organisation and case of a name do not matter.
    """
    lowest: dict[str, int] = {}
    for each in deployments:
        if each.price is not None:
            name, price = plain(each.model), list_price(each.price)
            lowest[name] = min(price, lowest.get(name, price))
    return tuple(sorted(lowest, key=lambda name: (lowest[name], name)))


def calibrated(
    objective: Objective,
    predictor: Predictor | None,
    candidates: Sequence[Deployment],
    reference: Sequence[Deployment],
) -> Objective:
    """Give `at_least` the margin of the latest calibration that is of exactly this router; else the objective as it is.

    `reference` holds the deployments of the objective's model, which must be a candidate.
    """
    if not isinstance(objective, AtLeast) or not isinstance(predictor, Calibrated):
        return objective
    wanted = (by_price(reference), objective.within, objective.confidence, by_price(candidates))
    for each in reversed(predictor.calibrations):
        if ((each.reference,), each.within, each.confidence, each.models) == wanted:
            return replace(objective, margin=each.margin)
    return objective


def plain(model: str) -> str:
    """Spell a model's name without organisation and case."""
    return model.rpartition("/")[2].lower()
