"""Own forecasting while serving: a request and deployments in, quality, spread, length and cost out.

Invariant: pure and bounded: one gather and three matrix-vector products, whatever the length of the conversation. A
deployment whose model the artefact has not seen gets a prior from its price, with a wide `quality_std`.

    quality(x, m) = level(x) + ability_m * slope(x) + offset_m + trust_m(x) * deviation_m(x)   (see `outcomes`)
    tokens(x, m)  = scale_m * exp(length(x) + length_m(x))
    std(x, m)^2   = known * near^2 + (1 - known) * far^2 + (slope(x) * ability_std_m)^2        (known: 1 at full trust)

What runs over words and tasks runs in numpy, in as few calls as it can: on a few numbers a call costs more than its
arithmetic. What runs over models, of which there are few, runs in Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import exp, sqrt
from typing import Final, NamedTuple

import numpy as np

from gearshift import tokens
from gearshift.accounting import expected_cost
from gearshift.learning.embedding import load_words
from gearshift.learning.features import Features, featurize
from gearshift.learning.parameters import LENGTH, LEVEL, SHARED, SLOPE, Parameters
from gearshift.learning.seats import Seat, Seats, Wanted, find_seats
from gearshift.routing.calibration import plain
from gearshift.types.catalog import NANO_PER_USD, Deployment, Price
from gearshift.types.chat import Request
from gearshift.types.decision import Estimate

_MAX_LOG: Final = 11.5
_MAX_TOKENS: Final = exp(_MAX_LOG)
"""About 100,000: more than any model answers."""
_MAX_STD: Final = 0.5
"""Of anything between 0 and 1."""


class _Sums(NamedTuple):
    """Hold what is known of a request: of the models together, then, in the order of the seats, of each.

    `trusts`: how far its deviation counts; `nears`: how near the request is to its training, from 0 to 1.
    """

    level: float
    slope: float
    length: float
    deviations: list[float]
    lengths: list[float]
    trusts: list[float]
    nears: list[float]


class LearnedPredictor:
    """Forecast by learned parameters; implements `gearshift.routing.predict.Predictor`."""

    def __init__(self, parameters: Parameters, *, version: str) -> None:
        """Take parameters that have been checked (`artifact.load`) and the short digest of their manifest."""
        self.parameters = parameters
        self._version = version
        self._row = {plain(name): number for number, name in enumerate(parameters.models)}
        self._row |= {plain(alias): parameters.models.index(name) for alias, name in parameters.aliases.items()}
        self._row |= {name: number for number, name in enumerate(parameters.models)}
        low, high, slope = parameters.trust.T
        self._rise = 1 / np.maximum(high - low, np.float32(1e-9))
        self._floor = low * self._rise
        self._trust = np.stack([slope, np.ones_like(slope)])
        self._rarity = parameters.rarity.astype(np.float32)
        near, far = parameters.spread.near, parameters.spread.far
        self._near, self._far = near * near, far * far
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
        seats = self._seats(tuple([(each.model, _dollars(each.price)) for each in deployments]))
        sums = self._sum(featurize(request, self.parameters.features), seats)
        sent, limit = tokens.estimate(request), request.sampling.max_output_tokens
        longest = _MAX_TOKENS if limit is None else limit
        estimates: list[Estimate] = []
        for place, (deployment, seat) in enumerate(zip(deployments, seats.each, strict=True)):
            price, output = deployment.price, min(_output(seat, sums, place), longest)
            cost = None if price is None else expected_cost(price, round(max(1, sent + seat.overhead)), output)
            quality, std = self._quality(seat, sums, place)
            estimates.append(Estimate(quality=quality, quality_std=std, cost=cost, output_tokens=output))
        return estimates

    def _sum(self, seen: Features, seats: Seats) -> _Sums:
        """Add up what words and tasks say."""
        sums = seen.values @ seats.table.take(seen.buckets, axis=0)
        sums += seen.dense @ seats.tail
        sums += seats.bias
        n_tasks, n_own = len(seats.mix), seats.mix.shape[1] - 1
        logits, likeness = sums[n_own : n_own + n_tasks], sums[n_own + n_tasks :]
        *mixed, total = (np.exp(logits - np.maximum.reduce(logits)) @ seats.mix).tolist()  # softmax, undivided
        own = [one + other / total for one, other in zip(sums[:n_own].tolist(), mixed, strict=True)]
        rare = seen.values * self._rarity.take(seen.buckets)
        length = max(float(rare @ rare) ** 0.5, 1e-9)
        known = np.minimum(np.maximum(likeness * np.float32(1 / length) - self._floor, 0.0), 1.0)
        trusts, nears = np.maximum.reduce((known * self._trust)[:, None] * seats.taught, axis=2).tolist()
        end = SHARED + len(seats.each)
        return _Sums(own[LEVEL], own[SLOPE], own[LENGTH], own[SHARED:end], own[end:], trusts, nears)

    def _quality(self, seat: Seat, sums: _Sums, place: int) -> tuple[float, float]:
        """Give the expected score and its standard deviation.

        Of a model that is known by its price only: dearer is never worse, and never surely equal.
        """
        slope, lever = (sums.slope, sums.slope) if seat.seen else (max(0.0, sums.slope), max(1.0, sums.slope))
        score = sums.level + seat.ability * slope + seat.offset + sums.trusts[place] * sums.deviations[place]
        variance = self._far + sums.nears[place] * (self._near - self._far) + (lever * seat.ability_std) ** 2
        return min(max(score, 0.0), 1.0), min(sqrt(variance), _MAX_STD)

    def forget(self) -> None:
        """Let go of what was gathered for sets of deployments; what is asked for again is gathered again."""
        self._seats.cache_clear()

    def _find_seats(self, wanted: tuple[Wanted, ...]) -> Seats:
        return find_seats(self.parameters, [self._find(model) for model, _ in wanted], wanted, self._rise)

    def _find(self, model: str) -> int:
        return self._row.get(model, self._row.get(plain(model), -1))


def _output(seat: Seat, sums: _Sums, place: int) -> float:
    """Give the expected tokens of the answer."""
    length = min(max(sums.length + sums.lengths[place], -_MAX_LOG), _MAX_LOG)
    return min(max(seat.scale * exp(length), 1.0), _MAX_TOKENS)


def _dollars(price: Price | None) -> float | None:
    """Blend a price to USD per million tokens, at three of input to one of output."""
    return None if price is None else (3 * price.rates.input + price.rates.output) / (4 * NANO_PER_USD)
