"""Own what an entry says that its model costs: US dollars per token become US dollars per million tokens.

Source: https://docs.litellm.ai/docs/proxy/custom_pricing, read 2026-11-27.
Invariant: exact, and never less than LiteLLM's: a price with parts that Gearshift cannot charge is unknown.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from gearshift.config.values import MAX_USD
from gearshift.migration.findings import Findings, Reason, shown
from gearshift.migration.litellm.entries import Entry, unset
from gearshift.migration.litellm.numbers import number, plain
from gearshift.migration.litellm.purpose import embeds

_RATES: Final = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached_input",
    "cache_creation_input_token_cost": "cache_write",
}
_COST: Final = re.compile(r"(^|_)cost(_|$)|^cost_")
_CHARGED: Final = re.compile(r"_above_\d|per_second|per_character|per_query|per_request|per_reasoning_token|ptu")
"""Costs that the requests which are served here would incur, beside those per token."""
_MILLION: Final = 1_000_000

_NO_PART: Final = Reason(
    "a price has no such part, and one that left it out would be too low: the price counts as unknown",
    "state `price` of the deployment with rates that are high enough, or leave it to the catalogue",
)
_BESIDE: Final = Reason("a price has no such part; it is not charged", "see docs/reference/configuration.md, models")
_HALF: Final = Reason("a price is known with both input and output only", "state `price` of the deployment")
_NO_RATE: Final = Reason(
    f"expected US dollars per token, from 0 to {MAX_USD} per million", "state `price` of the deployment"
)


def is_cost(key: str) -> bool:
    """Say whether a setting is about money per use."""
    return _COST.search(key) is not None


def price_of(entry: Entry, findings: Findings) -> dict[str, int | float] | None:
    """Give the price of an entry's deployment as a config states it, None when it is not known."""
    stated = {key: (value, (*entry.path, "model_info", key)) for key, value in entry.info.items()}
    stated |= {key: (value, entry.where(key)) for key, value in entry.params.items()}
    rates: dict[str, int | float] = {}
    first = entry.where("input_cost_per_token")
    whole = True
    for key, (value, path) in stated.items():
        if not is_cost(key) or unset(value):
            continue
        rate = _per_million(value)
        if key in _RATES and rate is not None:
            first = path
            rates[_RATES[key]] = rate
        elif key in _RATES:
            findings.leave(path, shown(key, value), _NO_RATE)
            whole = False
        elif number(value) != 0:
            findings.leave(path, shown(key, value), _NO_PART if _CHARGED.search(key) else _BESIDE)
            whole = whole and not _CHARGED.search(key)
    if "input" in rates and embeds(entry):
        rates.setdefault("output", 0)  # a model of embeddings has none
    if rates and whole and not {"input", "output"} <= rates.keys():
        findings.leave(first, " and ".join(f"{each} only" for each in rates), _HALF)
        return None
    return {key: rates[key] for key in _RATES.values() if key in rates} if rates and whole else None


def _per_million(value: object) -> int | float | None:
    found = number(value)
    if found is None or not 0 <= found * _MILLION <= MAX_USD:
        return None
    return plain(Decimal(found * _MILLION).normalize())
