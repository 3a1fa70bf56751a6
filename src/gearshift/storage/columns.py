"""Own what the columns of the store are of: a column's name says its type, the same in every table."""

from __future__ import annotations

from typing import Final, TypeAlias

from sqlalchemy import BigInteger, Column, Double, Integer, LargeBinary, Text

Kind: TypeAlias = Double[float] | Integer | BigInteger | LargeBinary | Text
_TIMES: Final = frozenset({"created", "ended", "expires", "revoked", "deleted", "at"})
_REALS: Final = _TIMES | {"duration", "first_token", "overhead", "quality", "propensity", "score"}
_SMALL: Final = frozenset({"stream", "status", "usage_estimated", "estimated", "calendar"})
_WHOLE: Final = frozenset({"cost", "baseline_cost", "bound", "amount", "revision", "version", "oldest", "n"})
_BYTES: Final = frozenset({"prompt_z", "answer_z"})


def columns(required: str, optional: str = "") -> list[Column[object]]:
    """Make columns by their names: those that always have a value, and those that may have none."""
    made = [Column(each, _kind(each), nullable=False) for each in required.split()]
    return [*made, *(Column(each, _kind(each), nullable=True) for each in optional.split())]


def _kind(name: str) -> Kind:
    if name in _REALS:
        return Double()
    if name in _SMALL:
        return Integer()
    if name in _WHOLE or name.endswith("_tokens"):
        return BigInteger()
    return LargeBinary() if name in _BYTES else Text()
