"""Own forecasting while serving: a request and deployments in, quality, spread, length and cost out.

Invariant: pure and bounded: one gather and one matrix-vector product, whatever the length of the conversation. A
deployment whose model the artefact has not seen gets a prior from its price, with a wide `quality_std`.

    quality(x, m) = level(x) + ability_m * slope(x) + deviation_m(x)                       (see `outcomes`)
    tokens(x, m)  = scale_m * exp(length(x) + length_m(x))
    std(x, m)^2   = known * near^2 + (1 - known) * far^2 + (slope(x) * ability_std_m)^2    (known: see `_familiarity`)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from gearshift import tokens
from gearshift.accounting import expected_cost
from gearshift.learning.features import FeatureSpec, featurize
from gearshift.types.catalog import NANO_PER_USD, Deployment, Price
from gearshift.types.chat import Request
from gearshift.types.decision import Estimate

Floats = NDArray[np.float32]

DEFAULT_OUTPUT_TOKENS: Final = 256.0
"""Taken for the length of an answer where no outcome told any."""
LEVEL, SLOPE, LENGTH, SHARED = 0, 1, 2, 3
"""Columns of the weights that all models share, and how many these are."""
_MAX_LOG_TOKENS: Final = 11.5
"""e^11.5 is 100,000 tokens, more than any model answers."""


class PricePrior(Struct, frozen=True, kw_only=True):
    """Hold what a price says about ability: `intercept + slope * ln(USD per million tokens)`, give or take `std`."""

    intercept: float = 0.0
    slope: float = 0.0
    std: float = 0.2


class Spread(Struct, frozen=True, kw_only=True):
    """Hold how far expected scores are off: `near` the training prompts and `far` from them, as standard deviations.

    A prompt is near when its similarity to the nearest kind of training prompt is `alike` or more, far at half of it.
    """

    near: float
    far: float
    alike: float


class Parameters(Struct, frozen=True, kw_only=True, eq=False):
    """Hold all that is learned.

    `weights` has shape (dims, SHARED + 2 n_models + n_kinds) and `bias` its number of columns: what models share, the
    deviations, the lengths, then the mean direction of each kind of training prompt. `ability`, `ability_std` and
    `scale` (tokens) have shape (n_models,).
    """

    features: FeatureSpec
    models: tuple[str, ...]
    aliases: dict[str, str]
    prior: PricePrior
    spread: Spread
    weights: Floats
    bias: Floats
    ability: Floats
    ability_std: Floats
    scale: Floats


class _Seats(Struct, frozen=True):
    """Hold where each deployment of a set stands in the parameters; -1: not seen in training."""

    column: NDArray[np.intp]
    seen: NDArray[np.bool_]
    ability: Floats
    ability_std: Floats
    scale: Floats


class LearnedPredictor:
    """Forecast by learned parameters; implements `gearshift.routing.predict.Predictor`."""

    def __init__(self, parameters: Parameters, *, version: str) -> None:
        """Take parameters that have been checked (`artifact.load`) and the short digest of their manifest."""
        self.parameters = parameters
        self._version = version
        self._weights = parameters.weights.astype(np.float32)
        self._row = {_plain(name): number for number, name in enumerate(parameters.models)}
        self._row |= {_plain(alias): parameters.models.index(name) for alias, name in parameters.aliases.items()}
        self._row |= {name: number for number, name in enumerate(parameters.models)}
        self._seats = lru_cache(maxsize=256)(self._find_seats)

    @property
    def version(self) -> str:
        """Give the short digest of the manifest."""
        return self._version

    def knows(self, model: str) -> bool:
        """Say whether outcomes of the model were learned from."""
        return self._find(model) >= 0

    def predict(self, request: Request, deployments: Sequence[Deployment]) -> list[Estimate]:
        """Forecast each deployment's answer; in their order."""
        quality, std, output = self._forecast(request, deployments)
        longest = request.sampling.max_output_tokens
        if longest is not None:
            output = np.minimum(output, longest)
        asked = tokens.estimate(request)
        return [
            Estimate(
                quality=q,
                quality_std=s,
                cost=None if deployment.price is None else expected_cost(deployment.price, asked, length),
                output_tokens=length,
            )
            for deployment, q, s, length in zip(
                deployments, quality.tolist(), std.tolist(), output.tolist(), strict=True
            )
        ]

    def _forecast(self, request: Request, deployments: Sequence[Deployment]) -> tuple[Floats, Floats, Floats]:
        """Forecast quality, its standard deviation and output tokens, each of shape (n_deployments,)."""
        learned, count = self.parameters, len(self.parameters.models)
        indices, values = featurize(request, learned.features)
        found = values @ self._weights[indices] + learned.bias
        seats = self._seats(tuple((each.model, _dollars(each.price)) for each in deployments))
        own = np.where(seats.seen, found[SHARED + seats.column], np.float32(0))
        # Of a model known by its price only: dearer is never taken for worse, and never for surely equal.
        slope = np.where(seats.seen, found[SLOPE], max(0.0, found[SLOPE]))
        lever = np.where(seats.seen, found[SLOPE], max(1.0, found[SLOPE]))
        quality = np.clip(found[LEVEL] + seats.ability * slope + own, 0, 1)
        known = _familiarity(found[SHARED + 2 * count :], float(np.sqrt(values @ values)), learned.spread)
        base = known * learned.spread.near**2 + (1 - known) * learned.spread.far**2
        std = np.sqrt(base + (lever * seats.ability_std) ** 2)
        length = found[LENGTH] + np.where(seats.seen, found[SHARED + count + seats.column], np.float32(0))
        output = seats.scale * np.exp(np.clip(length, -_MAX_LOG_TOKENS, _MAX_LOG_TOKENS))
        return quality, np.minimum(std, 0.5), np.clip(output, 1, np.exp(_MAX_LOG_TOKENS))

    def _find_seats(self, wanted: tuple[tuple[str, float | None], ...]) -> _Seats:
        learned = self.parameters
        column = np.array([self._find(model) for model, _ in wanted], dtype=np.intp)
        seen = column >= 0
        guess = [_guess(learned.prior, dollars) for _, dollars in wanted]
        return _Seats(
            column=np.maximum(column, 0),
            seen=seen,
            ability=np.where(seen, learned.ability[column], np.array(guess, np.float32)),
            ability_std=np.where(seen, learned.ability_std[column], np.float32(learned.prior.std)),
            scale=np.where(seen, learned.scale[column], np.float32(np.median(learned.scale))),
        )

    def _find(self, model: str) -> int:
        return self._row.get(model, self._row.get(_plain(model), -1))


def _familiarity(similarities: Floats, length: float, spread: Spread) -> float:
    """Say in [0, 1] how much a prompt is like a kind of prompt that was trained on."""
    if not len(similarities):
        return 1.0
    nearest = float(similarities.max()) / max(length, 1e-6)
    return min(1.0, max(0.0, 2 * nearest / max(spread.alike, 1e-6) - 1))


def _guess(prior: PricePrior, dollars: float | None) -> float:
    """Give the ability that a price speaks for; without one, or for a free model, the average."""
    return 0.0 if dollars is None or dollars <= 0 else prior.intercept + prior.slope * float(np.log(dollars))


def _dollars(price: Price | None) -> float | None:
    """Blend a price to USD per million tokens, at three of input to one of output."""
    return None if price is None else (3 * price.rates.input + price.rates.output) / (4 * NANO_PER_USD)


def _plain(model: str) -> str:
    """Spell a model's name without organisation and case."""
    return model.rpartition("/")[2].lower()
