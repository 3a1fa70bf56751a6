"""Own the manifest of a router artefact: what was learned from what, in words and plain numbers.

Invariant: it holds all that a person may ask of an artefact, and no number that serving multiplies. The format is that
of `docs/reference/artifacts.md`.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from gearshift.learning.features import FeatureSpec
from gearshift.learning.parameters import DEFAULT_OUTPUT_TOKENS, PricePrior, Spread
from gearshift.routing.calibration import Calibration
from gearshift.types.catalog import NANO_PER_USD, Price, Rates

SCHEMA: Final = 2
MILLION: Final = 1_000_000


class Charge(Struct, frozen=True, kw_only=True):
    """Hold what a model charged: USD per million tokens if it could be worked out, and the mean of one call."""

    input_price: float | None = None
    output_price: float | None = None
    cost_usd: float | None = None

    @property
    def dollars(self) -> float | None:
        """Blend it to USD per million tokens, at three of input to one of output."""
        if self.input_price is None or self.output_price is None:
            return None
        return (3 * self.input_price + self.output_price) / 4

    def price(self) -> Price | None:
        """Give a price for forecasts; a mean cost alone becomes the price of an answer of the default length."""
        if self.input_price is not None and self.output_price is not None:
            return _price(self.input_price, self.output_price)
        return None if self.cost_usd is None else _price(0.0, self.cost_usd / DEFAULT_OUTPUT_TOKENS * MILLION)


class ModelFacts(Struct, frozen=True, kw_only=True):
    """Hold what the manifest says of a model; `enrolled`: it joined later, by `outcomes` (see `enrolment`)."""

    name: str
    outcomes: int
    mean_quality: float
    charge: Charge
    enrolled: bool = False


class Task(Struct, frozen=True, kw_only=True):
    """Hold a kind of prompt that was learned: where it is from, its name there, and how many prompts it had."""

    dataset: str
    name: str
    prompts: int


class Training(Struct, frozen=True, kw_only=True):
    """Hold where an artefact comes from; `digest` is the SHA-256 of the outcomes that it was fitted to.

    `holdout` is the share of prompt groups that were held back, by `seed` (`gearshift.learning.data.split`).
    """

    digest: str
    seed: int
    holdout: float
    prompts: int
    outcomes: int
    datasets: dict[str, int]


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold the manifest.

    `metrics` is a report of held-out prompts, `calibration` what `gearshift calibrate` found, `files` the SHA-256 of
    every other file.
    """

    schema: int = SCHEMA
    quality: str
    features: FeatureSpec
    models: tuple[ModelFacts, ...]
    tasks: tuple[Task, ...]
    aliases: dict[str, str]
    prior: PricePrior
    spread: Spread
    training: Training
    metrics: dict[str, Any]
    calibration: tuple[Calibration, ...] | None = None
    sources: tuple[dict[str, str], ...] = ()
    files: dict[str, str] = {}


def _price(input_price: float, output_price: float) -> Price:
    rates = Rates(input=round(input_price * NANO_PER_USD), output=round(output_price * NANO_PER_USD))
    return Price(rates=rates, source="outcomes")
