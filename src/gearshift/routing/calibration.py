"""Own what a calibration states, and when a router may rely on it.

A calibration is of one way to choose: `at_least` with this reference, these candidates, in this order of price, and
latency at no price. With other candidates, or where another one is the cheaper, other models would be chosen than those
whose loss was measured.

Invariant: `at_least` gets a margin only where all of that is the same, and a decision claims no more than was proven.
What a calibration holds is in range, so that what decides by it need not look again. How it comes about:
`gearshift.learning.guarantee`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from typing import Annotated, Final, Protocol, TypeAlias, runtime_checkable

from msgspec import Meta, Struct
from msgspec.structs import replace

from gearshift.accounting import list_price
from gearshift.routing.predict import Predictor
from gearshift.types.catalog import Deployment, Rates
from gearshift.types.decision import AtLeast, Objective

Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Level: TypeAlias = Annotated[float, Meta(gt=0, lt=1)]
Difference: TypeAlias = Annotated[float, Meta(ge=-1, le=1)]
Count: TypeAlias = Annotated[int, Meta(ge=0)]
Name: TypeAlias = Annotated[str, Meta(min_length=1)]
Digest: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Charges: TypeAlias = tuple[Count, Count]
"""Nano-USD per million tokens of input and of output."""

_DRIFT: Final = 0.05
"""A rate that moved by less, beside the reference's, is the same: prices worked out from outcomes are rounded."""


class Calibration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold a promise: with `margin`, mean quality is at least the reference's less `within`, with `confidence`.

    `models` are all candidates, the reference among them, as `by_price` names them; `charges` are what they were chosen
    at. It rests on `prompts`, of which
    `groups` are different questions, and `unseen` were certainly not trained on. `mean_loss` is the mean of the
    reference's score less the chosen model's, `bound` its upper confidence bound, `p_value` that of a mean loss above
    `within`; `cost_share` is the expected cost relative to the reference's. `data` is the SHA-256 of the outcomes.
    """

    reference: Name
    within: Share
    confidence: Level
    margin: Difference
    models: tuple[Name, ...]
    charges: tuple[Charges, ...]
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
        if len(self.charges) != len(self.models):
            raise ValueError(f"found {len(self.charges)} charges, expected one of each of {len(self.models)} models")
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


def by_price(deployments: Iterable[Deployment]) -> dict[str, Charges]:
    """Give the models whose price is known and what they charge, by rising list price (of each its lowest), then name.

    As everywhere in an artefact, the organisation and case of a name do not matter.
    """
    lowest: dict[str, tuple[int, Rates]] = {}
    for each in deployments:
        if each.price is None:
            continue
        name, price = plain(each.model), list_price(each.price)
        if name not in lowest or price < lowest[name][0]:
            lowest[name] = (price, each.price.rates)
    ordered = sorted(lowest.items(), key=lambda item: (item[1][0], item[0]))
    return {name: (rates.input, rates.output) for name, (_, rates) in ordered}


def calibrated(
    objective: Objective,
    predictor: Predictor | None,
    candidates: Sequence[Deployment],
    reference: Sequence[Deployment],
) -> Objective:
    """Give `at_least` the margin of the latest calibration that is of exactly this router; else the objective as it is.

    `reference` holds the deployments of the objective's model, which must be a candidate.
    """
    if not isinstance(objective, AtLeast) or objective.latency_price or not isinstance(predictor, Calibrated):
        return objective
    charges = by_price(candidates)
    wanted = (tuple(by_price(reference)), objective.within, objective.confidence, tuple(charges))
    for each in reversed(predictor.calibrations):
        if ((each.reference,), each.within, each.confidence, each.models) == wanted:
            return replace(objective, margin=each.margin, repriced=_repriced(each, list(charges.values())))
    return objective


def told(objective: Objective | None, candidates: Sequence[Deployment], fitting: AbstractSet[str]) -> str:
    """Say whether `at_least` was calibrated, and for what this request can be sent to; `fitting` are names of models.

    A narrower choice than the calibrated one takes other models, so the promise is not proven of it.
    """
    if not isinstance(objective, AtLeast):
        return ""
    if objective.margin is None:
        return "not calibrated"
    whole = all(each.price is None or each.model in fitting for each in candidates)
    but = [
        *(["at other prices"] if objective.repriced else []),
        *([] if whole else ["with models that do not fit this request"]),
    ]
    return f"{' '.join(['calibrated', ' and '.join(but)]).rstrip()}, margin {objective.margin:+.3f}"


def plain(model: str) -> str:
    """Spell a model's name without organisation and case."""
    return model.rpartition("/")[2].lower()


def _repriced(made: Calibration, now: Sequence[Charges]) -> bool:
    """Say whether a rate moved, beside the reference's: prices that all double change no choice."""
    base = made.models.index(made.reference)
    scale = _level(now[base]) / max(_level(made.charges[base]), 1)
    pairs = zip(made.charges, now, strict=True)
    return any(
        abs(rate - old * scale) > _DRIFT * old * scale for was, is_ in pairs for old, rate in zip(was, is_, strict=True)
    )


def _level(charges: Charges) -> int:
    return 3 * charges[0] + charges[1]
