"""Own what recorded calls cost: list prices worked out from costs and tokens, and what a price says of a model.

Invariant: a price that the outcomes do not tell is None, never 0.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from gearshift.learning.data import OutcomeTable
from gearshift.learning.estimators import Array
from gearshift.learning.manifest import MILLION, Charge
from gearshift.learning.parameters import PricePrior

_MIN_CALLS: Final = 10
_MIN_MODELS: Final = 6
_MIN_STD: Final = 0.1
"""A price never tells an ability better than this."""


def charges(table: OutcomeTable) -> list[Charge]:
    """Work out each model's charge, in the table's order."""
    return [
        _charge(table.cost_usd[:, column], table.input_tokens[:, column], table.output_tokens[:, column])
        for column in range(len(table.models))
    ]


def price_prior(dollars: Array, ability: Array) -> PricePrior:
    """Regress ability on the logarithm of a price (USD per million tokens, NaN for unknown), never downwards."""
    known = dollars > 0  # false for NaN
    spread = max(_MIN_STD, float(ability.std()))
    if known.sum() < _MIN_MODELS or np.ptp(np.log(dollars[known])) < 1:
        return PricePrior(std=spread)
    logs = np.log(dollars[known])
    slope = max(0.0, float(np.polyfit(logs, ability[known], 1)[0]))
    intercept = float((ability[known] - slope * logs).mean())
    left = float((ability[known] - intercept - slope * logs).std())
    return PricePrior(intercept=intercept, slope=slope, std=max(_MIN_STD, left))


def _charge(cost: Array, inputs: Array, outputs: Array) -> Charge:
    """Fit cost = input price x input + output price x output by least squares, neither below 0."""
    priced = ~np.isnan(cost)
    if not priced.any():
        return Charge()
    mean = float(cost[priced].mean())
    both = priced & ~np.isnan(inputs) & ~np.isnan(outputs)
    if both.sum() < _MIN_CALLS:
        return Charge(cost_usd=mean)
    tokens = np.column_stack([inputs[both], outputs[both]])
    found = np.linalg.lstsq(tokens * 1e-3, cost[both] * 1e3, rcond=None)[0]
    for column in np.flatnonzero(found < 0):  # one price is 0: the other explains all
        other = tokens[:, 1 - column]
        found = np.zeros(2)
        found[1 - column] = (other @ cost[both]) / (other @ other) * MILLION
    return Charge(input_price=float(found[0]), output_price=float(found[1]), cost_usd=mean)
