"""Own stretches of time as options take them: `7d`, `12h`."""

from __future__ import annotations

from typing import Final

from gearshift.errors import DataError
from gearshift.types.catalog import Seconds

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def seconds(text: str, option: str) -> Seconds:
    """Read a stretch of time such as `7d`; raise DataError naming the `option`."""
    if not (text[:-1].isdecimal() and text[-1:] in _UNITS):
        raise DataError(f"{option}: found {text!r}, expected a number and one of {', '.join(_UNITS)}, such as 7d")
    return float(text[:-1]) * _UNITS[text[-1]]
