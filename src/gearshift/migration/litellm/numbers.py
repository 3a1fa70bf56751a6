"""Own numbers as LiteLLM's users write them: `0.5`, `"30"`, `1e-6` (which is a text to YAML).

Invariant: exact. A number is a Decimal of what was written, never of a float's bits.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

_MAX_CHARACTERS: Final = 40
"""Also the greatest power of ten: `1e999999999` is short to write and long to count."""


def number(value: object) -> Decimal | None:
    """Give a finite number, None when a value is none."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float | str)
        or len(str(value)[: _MAX_CHARACTERS + 1]) > _MAX_CHARACTERS
    ):
        return None
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found.adjusted()) <= _MAX_CHARACTERS else None


def whole(value: object) -> int | None:
    """Give a whole number above 0, None when a value is none."""
    found = number(value)
    return int(found) if found is not None and 0 < found < 2**53 and found == found.to_integral_value() else None


def plain(value: Decimal) -> int | float:
    """Write a number as YAML and JSON do: whole ones without a point."""
    return int(value) if value == value.to_integral_value() else float(value)
