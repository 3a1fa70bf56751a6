"""Own forecasting while serving: a request and deployments in, quality, spread, length and cost out.

Invariant: pure and bounded: one gather and two matrix-vector products, whatever the length of the conversation. A
deployment whose model the artefact has not seen gets a prior from its price, with a wide `quality_std`.

    quality(x, m) = level(x) + ability_m * slope(x) + offset_m + trust_m(x) * deviation_m(x)   (see `outcomes`)
    tokens(x, m)  = scale_m * exp(length(x) + length_m(x))
    std(x, m)^2   = known * near^2 + (1 - known) * far^2 + (slope(x) * ability_std_m)^2        (known: 1 at full trust)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from gearshift import tokens
from gearshift.accounting import expected_cost
from gearshift.learning.embedding import load_words
from gearshift.learning.features import DENSE, FeatureSpec, featurize
from gearshift.types.catalog import NANO_PER_USD, Deployment, Price
from gearshift.types.chat import Request
from gearshift.types.decision import Estimate

Floats = NDArray[np.float32]
Halves = NDArray[np.float16]

DEFAULT_OUTPUT_TOKENS: Final = 256.0
"""Taken for the length of an answer where no outcome told any."""
LEVEL, SLOPE, LENGTH, SHARED = 0, 1, 2, 3
"""Columns of the weights that all models share, and how many these are."""
_MAX_LOG_TOKENS: Final = 11.5
_MAX_TOKENS: Final = float(np.exp(_MAX_LOG_TOKENS))
"""100,000: more than any model answers."""
_MAX_STD: Final = 0.5
"""Of anything between 0 and 1."""


class PricePrior(Struct, frozen=True, kw_only=True):
    """Hold what a price says about ability: `intercept + slope * ln(USD per million tokens)`, give or take `std`."""

    intercept: float = 0.0
    slope: float = 0.0
    std: float = 0.2


class Spread(Struct, frozen=True, kw_only=True):
    """Hold how far expected scores are off: `near` the training prompts and `far` from them, as standard deviations."""

    near: float
    far: float


class Parameters(Struct, frozen=True, kw_only=True, eq=False):
    """Hold all that is learned.

    `weights` has shape (dims, columns) and `bias` (columns,), with columns = SHARED + 2 n_models + 2 n_tasks: what
    models share, the deviations, the lengths, then the logits of the tasks and the likeness to them. `mix`, of shape
    (n_tasks, SHARED + 2 n_models), adds what the task tells. `rarity` has shape (dims,). `trust` (n_tasks, 3) holds
    low, high and slope of each task's trust, `seen` (n_tasks, n_models) is 1 where the model was seen in the task.
    `ability`, `ability_std`, `offset`, `scale` (tokens) and `overhead` (input tokens beyond our own count) have shape
    (n_models,).
    """

    features: FeatureSpec
    models: tuple[str, ...]
    aliases: dict[str, str]
    prior: PricePrior
    spread: Spread
    weights: Halves
    bias: Floats
    mix: Halves
    rarity: Halves
    trust: Floats
    seen: NDArray[np.uint8]
    ability: Floats
    ability_std: Floats
    offset: Floats
    scale: Floats
    overhead: Floats


class _Seats(Struct, frozen=True):
    """Hold what a set of deployments needs of the parameters, in their order; `seen`: the model was in training.

    `weights`, `bias` and `mix` have columns SHARED, deviations, lengths.
    `taught` (n_deployments, n_tasks) is 1 where the model was seen in the task; a model that was in no training counts
    as seen in all, for its spread, and has no deviation.
    """

    seen: NDArray[np.bool_]
    all_seen: bool
    weights: Floats
    bias: Floats
    mix: Floats
    taught: Floats
    ability: Floats
    ability_std: Floats
    offset: Floats
    scale: Floats
    overhead: Floats


class _Forecast(NamedTuple):
    """Hold forecasts, each of shape (n_deployments,): expected score, its standard deviation, tokens of the answer."""

    quality: Floats
    std: Floats
    output: Floats


class LearnedPredictor:
    """Forecast by learned parameters; implements `gearshift.routing.predict.Predictor`."""

    def __init__(self, parameters: Parameters, *, version: str) -> None:
        """Take parameters that have been checked (`artifact.load`) and the short digest of their manifest."""
        self.parameters = parameters
        self._version = version
        self._row = {_plain(name): number for number, name in enumerate(parameters.models)}
        self._row |= {_plain(alias): parameters.models.index(name) for alias, name in parameters.aliases.items()}
        self._row |= {name: number for number, name in enumerate(parameters.models)}
        low, high, self._trust = np.ascontiguousarray(parameters.trust.T)
        self._low, self._rise = low, 1 / np.maximum(high - low, np.float32(1e-9))
        self._rarity = parameters.rarity.astype(np.float32)
        own, n_tasks = SHARED + 2 * len(parameters.models), len(low)
        self._logits = parameters.weights[:, own : own + n_tasks].astype(np.float32)
        self._logit_bias = parameters.bias[own : own + n_tasks]
        self._directions = parameters.weights[: parameters.features.buckets, own + n_tasks :].astype(np.float32)
        self._seats = lru_cache(maxsize=16)(self._find_seats)
        load_words()  # not while a request waits

    @property
    def version(self) -> str:
        """Give the short digest of the manifest."""
        return self._version

    def knows(self, model: str) -> bool:
        """Say whether outcomes of the model were learned from."""
        return self._find(model) >= 0

    def predict(self, request: Request, deployments: Sequence[Deployment]) -> list[Estimate]:
        """Forecast each deployment's answer; in their order."""
        if not deployments:
            return []
        seats = self._seats(tuple((each.model, _dollars(each.price)) for each in deployments))
        found = self._forecast(request, seats)
        longest = request.sampling.max_output_tokens
        output = found.output if longest is None else np.minimum(found.output, longest)
        asked = np.maximum(1, tokens.estimate(request) + seats.overhead)
        return [
            Estimate(
                quality=quality,
                quality_std=std,
                cost=None if deployment.price is None else expected_cost(deployment.price, round(sent), length),
                output_tokens=length,
            )
            for deployment, quality, std, sent, length in zip(
                deployments, *(each.tolist() for each in (found.quality, found.std, asked, output)), strict=True
            )
        ]

    def _forecast(self, request: Request, seats: _Seats) -> _Forecast:
        learned, count = self.parameters, len(seats.seen)
        indices, values = featurize(request, learned.features)
        cut, buckets = len(values) - DENSE, learned.features.buckets
        words, hits, dense = values[:cut], indices[:cut], values[cut:]
        logits = words @ self._logits[hits] + dense @ self._logits[buckets:] + self._logit_bias
        rare = words * self._rarity[hits]
        likeness = (words @ self._directions[hits]) / max(float(rare @ rare) ** 0.5, 1e-9)
        known = _between((likeness - self._low) * self._rise, 0.0, 1.0)
        own = words @ seats.weights[hits] + dense @ seats.weights[buckets:] + seats.bias
        parts = own + _chances(logits) @ seats.mix
        slope = lever = parts[SLOPE]
        if not seats.all_seen:  # of a model known by its price only: dearer is never worse, and never surely equal
            slope = np.where(seats.seen, slope, max(0.0, slope))
            lever = np.where(seats.seen, lever, max(1.0, lever))
        trust = (seats.taught * (known * self._trust)).max(axis=1)
        quality = parts[LEVEL] + seats.ability * slope + seats.offset + trust * parts[SHARED : SHARED + count]
        near = (seats.taught * known).max(axis=1)
        spread = learned.spread
        std = np.sqrt(spread.far**2 + near * (spread.near**2 - spread.far**2) + (lever * seats.ability_std) ** 2)
        length = _between(parts[LENGTH] + parts[SHARED + count :], -_MAX_LOG_TOKENS, _MAX_LOG_TOKENS)
        output = _between(seats.scale * np.exp(length), 1.0, _MAX_TOKENS)
        return _Forecast(_between(quality, 0.0, 1.0), np.minimum(std, _MAX_STD), output)

    def _find_seats(self, wanted: tuple[tuple[str, float | None], ...]) -> _Seats:
        learned, count = self.parameters, len(self.parameters.models)
        at = np.array([self._find(model) for model, _ in wanted], dtype=np.intp)
        seen = at >= 0
        own = np.concatenate([np.arange(SHARED), SHARED + at, SHARED + count + at])
        strange = np.flatnonzero(~np.concatenate([np.ones(SHARED, bool), seen, seen]))
        weights, bias = learned.weights[:, own].astype(np.float32), learned.bias[own]
        mix, taught = learned.mix[:, own].astype(np.float32), learned.seen.T[at].astype(np.float32)
        for each in (weights, mix):
            each[:, strange] = 0.0
        bias[strange], taught[~seen] = 0.0, 1.0
        guess = np.array([_guess(learned.prior, dollars) for _, dollars in wanted], np.float32)
        return _Seats(
            seen=seen,
            all_seen=bool(seen.all()),
            weights=weights,
            bias=bias,
            mix=mix,
            taught=taught,
            ability=np.where(seen, learned.ability[at], guess),
            ability_std=np.where(seen, learned.ability_std[at], np.float32(learned.prior.std)),
            offset=np.where(seen, learned.offset[at], np.float32(0)),
            scale=np.where(seen, learned.scale[at], np.float32(np.median(learned.scale))),
            overhead=np.where(seen, learned.overhead[at], np.float32(0)),
        )

    def _find(self, model: str) -> int:
        return self._row.get(model, self._row.get(_plain(model), -1))


def _chances(logits: Floats) -> Floats:
    """Give the probability of each task (softmax)."""
    raised = np.exp(logits - logits.max())
    chances: Floats = raised / raised.sum()
    return chances


def _between(values: Floats, low: float, high: float) -> Floats:
    """Clip; three times as fast as `np.clip` on a few numbers."""
    clipped: Floats = np.minimum(np.maximum(values, low), high)
    return clipped


def _guess(prior: PricePrior, dollars: float | None) -> float:
    """Give the ability that a price speaks for; without one, or for a free model, the average."""
    return 0.0 if dollars is None or dollars <= 0 else prior.intercept + prior.slope * float(np.log(dollars))


def _dollars(price: Price | None) -> float | None:
    """Blend a price to USD per million tokens, at three of input to one of output."""
    return None if price is None else (3 * price.rates.input + price.rates.output) / (4 * NANO_PER_USD)


def _plain(model: str) -> str:
    """Spell a model's name without organisation and case."""
    return model.rpartition("/")[2].lower()
