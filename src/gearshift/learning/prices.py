"""Own prices that are stated beside the outcomes, for prompts whose cost nobody recorded.

Invariant: a cost that was recorded stays; one that cannot be worked out stays unknown, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import numpy as np
import yaml

from gearshift.errors import DataError
from gearshift.learning.data import OutcomeTable
from gearshift.learning.estimators import Array
from gearshift.learning.manifest import MILLION, Charge

Stated: TypeAlias = Mapping[str, Charge]
"""What models charge, by name."""

_MAX_BYTES: Final = 1024 * 1024
_FORM: Final = "expected lines `model: [input, output]` (USD per million tokens) or `model: USD per call`"


def read_prices(path: Path) -> Stated:
    """Read a YAML file of prices; raise DataError, naming the file and the model."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
        if len(text) > _MAX_BYTES:
            raise DataError(f"{path}: found more than {_MAX_BYTES} bytes; {_FORM}")
        found = yaml.safe_load(text)
    except (OSError, yaml.YAMLError, UnicodeDecodeError, RecursionError) as fault:
        raise DataError(f"{path}: found no readable YAML ({str(fault)[:200]}); {_FORM}") from fault
    if not isinstance(found, dict) or not found:
        raise DataError(f"{path}: found no mapping of models; {_FORM}")
    return {str(model): _charge(price, f"{path}: {str(model)[:100]}") for model, price in found.items()}


def _charge(price: object, where: str) -> Charge:
    try:
        numbers = msgspec.convert(price, float | tuple[float, float])
    except msgspec.ValidationError as fault:
        raise DataError(f"{where}: found {str(price)[:60]!r}; {_FORM}") from fault
    if not (np.isfinite(numbers).all() and np.min(numbers) >= 0):
        raise DataError(f"{where}: found {str(price)[:60]}; expected numbers of at least 0")
    if isinstance(numbers, float):
        return Charge(cost_usd=numbers)
    return Charge(input_price=numbers[0], output_price=numbers[1])


def with_costs(table: OutcomeTable, stated: Stated) -> OutcomeTable:
    """Fill in costs that were not recorded; prices per token need both token counts."""
    cost = table.cost_usd.copy()
    for column, model in enumerate(table.models):
        if model in stated:
            worked_out = _costs(table, column, stated[model])
            gaps = np.isnan(cost[:, column]) & ~np.isnan(table.quality[:, column])
            cost[gaps, column] = worked_out[gaps]
    return msgspec.structs.replace(table, cost_usd=cost)


def _costs(table: OutcomeTable, column: int, charge: Charge) -> Array:
    if charge.input_price is None or charge.output_price is None:
        flat = np.nan if charge.cost_usd is None else charge.cost_usd
        return np.full(len(table.prompts), flat)
    tokens = table.input_tokens[:, column] * charge.input_price + table.output_tokens[:, column] * charge.output_price
    cost: Array = tokens / MILLION
    return cost
