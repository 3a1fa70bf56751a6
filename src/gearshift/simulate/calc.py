"""Own the model `calc`: exact arithmetic and unit conversion, and an honest refusal of everything else."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final

from gearshift.simulate.arithmetic import evaluate
from gearshift.simulate.units import convert

SIGNIFICANT_DIGITS: Final = 12
_EXACT_DECIMALS: Final = 12


def reply(question: str) -> str:
    """Answer a question in words, or say that it is not one of arithmetic or units. Never raises."""
    conversion = convert(question)
    if isinstance(conversion, str):
        return conversion
    if conversion is not None:
        value, result = _written(conversion.value), _written(conversion.result)
        return f"{value} {conversion.source} = {result} {conversion.target}"
    value_or_excuse = evaluate(question)
    if not isinstance(value_or_excuse, Fraction):
        return value_or_excuse
    return _written(value_or_excuse)


def _written(value: Fraction) -> str:
    """Write a number exactly when 12 decimals suffice, else rounded to 12 significant digits with `about`."""
    if value.denominator == 1:
        return str(value.numerator)
    scaled = value * 10**_EXACT_DECIMALS
    if scaled.denominator == 1:
        sign, digits = "-" if scaled < 0 else "", str(abs(scaled.numerator)).rjust(_EXACT_DECIMALS + 1, "0")
        return f"{sign}{digits[:-_EXACT_DECIMALS]}.{digits[-_EXACT_DECIMALS:].rstrip('0')}"
    with localcontext() as context:
        context.prec = SIGNIFICANT_DIGITS
        return f"about {(Decimal(value.numerator) / Decimal(value.denominator)).normalize()}"
