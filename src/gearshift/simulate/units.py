"""Own unit conversion from plain phrases: `convert 5 miles to km`, `how many seconds are in 3 hours`.

A unit is a dimension (a vector of exponents), an exact factor to the base unit and, for temperatures, an offset.
`square`, `cubic` and `per` build areas, volumes and rates from the base table. Invariant: factors are exact fractions
by definition (international yard and pound 1959, US liquid gallon = 231 cubic inches, year = 365 days, kB = 1000 B).
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final, NamedTuple

from gearshift.simulate.arithmetic import evaluate

MAX_CHARACTERS: Final = 200

NOT_COMPARABLE: Final = "Those two units do not measure the same thing."


class Unit(NamedTuple):
    """Hold a unit: value in base units = value x `factor` + `offset`. `dimension` is sorted (base, exponent) pairs."""

    dimension: tuple[tuple[str, int], ...]
    factor: Fraction
    offset: Fraction = Fraction(0)


class Conversion(NamedTuple):
    """Hold a conversion that was understood: `value` `source` = `result` `target`."""

    value: Fraction
    source: str
    result: Fraction
    target: str


_TABLE: Final = {
    "length": """
        meter metre m = 1; kilometer kilometre km = 1000; decimeter dm = 1/10; centimeter centimetre cm = 1/100
        millimeter millimetre mm = 1/1000; micrometer micron = 1/1000000; nanometer nm = 1/1000000000
        inch inches in = 254/10000; foot feet ft = 3048/10000; yard yd = 9144/10000; mile mi = 1609344/1000
        nautical_mile nmi = 1852; light_year = 9460730472580800; fathom = 18288/10000; furlong = 201168/1000
    """,
    "mass": """
        gram g = 1; kilogram kilo kg = 1000; milligram mg = 1/1000; microgram = 1/1000000; tonne metric_ton = 1000000
        pound lb lbs = 45359237/100000; ounce oz = 45359237/1600000; stone = 45359237*14/100000
        short_ton us_ton = 45359237*2000/100000; carat = 1/5
    """,
    "time": """
        second sec s = 1; millisecond ms = 1/1000; microsecond = 1/1000000; minute min = 60; hour hr h = 3600
        day = 86400; week wk = 604800; fortnight = 1209600; year yr = 31536000; decade = 315360000
        century centuries = 3153600000
    """,
    "data": """
        bit = 1/8; kilobit kbit = 125; megabit mbit = 125000; gigabit gbit = 125000000; byte b = 1; kilobyte kb = 1000
        megabyte mb = 1000000; gigabyte gb = 1000000000; terabyte tb = 1000000000000; petabyte pb = 1000000000000000
        kibibyte kib = 1024; mebibyte mib = 1048576; gibibyte gib = 1073741824; tebibyte tib = 1099511627776
    """,
}
_VOLUMES: Final = """
    liter litre l = 1/1000; milliliter millilitre ml = 1/1000000; centiliter cl = 1/100000
    gallon gal = 231*16387064/1000000000000; quart qt = 231*16387064/4000000000000; pint pt = 231*16387064/8000000000000
    cup = 231*16387064/16000000000000; fluid_ounce fl_oz = 231*16387064/128000000000000
    tablespoon tbsp = 231*16387064/256000000000000; teaspoon tsp = 231*16387064/768000000000000
"""
_AREAS: Final = "hectare ha = 10000; acre = 40468564224/10000000"
_SPEEDS: Final = "mph = 1609344/3600000; kph kmh = 1000/3600; knot kn = 1852/3600"
_TEMPERATURES: Final = {
    ("kelvin", "k"): Unit((("temperature", 1),), Fraction(1)),
    ("celsius", "centigrade", "c"): Unit((("temperature", 1),), Fraction(1), Fraction(27315, 100)),
    ("fahrenheit", "f"): Unit((("temperature", 1),), Fraction(5, 9), Fraction(27315, 100) - 32 * Fraction(5, 9)),
}


def _read(rows: str, dimension: tuple[tuple[str, int], ...]) -> dict[str, Unit]:
    """Read rows such as `inch in = 254/10000` into units by name."""
    units: dict[str, Unit] = {}
    for row in re.split(r"[;\n]", rows):
        names, equals, factor = row.partition("=")
        value = evaluate(factor) if equals else None
        if isinstance(value, Fraction):
            units |= dict.fromkeys((name.replace("_", " ") for name in names.split()), Unit(dimension, value))
    return units


_UNITS: Final[dict[str, Unit]] = {
    **{name: unit for base, rows in _TABLE.items() for name, unit in _read(rows, ((base, 1),)).items()},
    **_read(_VOLUMES, (("length", 3),)),
    **_read(_AREAS, (("length", 2),)),
    **_read(_SPEEDS, (("length", 1), ("time", -1))),
    **{name: unit for names, unit in _TEMPERATURES.items() for name in names},
}
_PREFIXED_POWER: Final = {"square": 2, "sq": 2, "cubic": 3}
_SUFFIXED_POWER: Final = {"squared": 2, "^2": 2, "2": 2, "cubed": 3, "^3": 3, "3": 3}

_AMOUNT: Final = r"""
    (?P<amount> [-+]?[\d.,]+ (?:\s*/\s*\d+)? (?:\s(?:hundred|thousand|million|billion))?
              | half\ an? | an? | one | two | three | four | five | six | seven | eight | nine | ten | twelve )
"""
_LEAD: Final = r"(?:please\ )?(?:convert|express|change|turn|what\ is|what's|how\ (?:much|long|far|heavy)\ is)\ "
_INTO: Final = r"(?:to|into|in|as|(?:is|equals|=)\ how\ many)"
_ASK: Final = tuple(
    re.compile(pattern, re.VERBOSE)
    for pattern in (
        # how many TARGET (are there) in AMOUNT SOURCE
        rf"how\ many\ (?P<target>.+?)\ (?:(?:are|is)\ )?(?:there\ )?(?:(?:in|make|equal)\ )?{_AMOUNT}\s?(?P<source>.+)",
        # convert AMOUNT SOURCE to TARGET
        rf"(?:{_LEAD})?{_AMOUNT}\s?(?P<source>[^\d\s].*?)\ {_INTO}\ (?P<target>.+)",
    )
)
_NOISE: Final = str.maketrans({"²": "^2", "³": "^3", "°": " ", "−": "-", "\u00a0": " ", "?": " "})  # noqa: RUF001


def convert(question: str) -> Conversion | str | None:
    """Convert what the question asks for.

    None: the question is not about units that are known here. A sentence: both units are known but not comparable.
    """
    if len(question) > MAX_CHARACTERS:
        return None
    text = " ".join(question.lower().translate(_NOISE).split()).rstrip(".!= ")
    for pattern in _ASK:
        match = pattern.fullmatch(text)
        amount = _amount(match["amount"]) if match else None
        if match is None or amount is None:
            continue
        source, target = find_unit(match["source"]), find_unit(match["target"])
        if source is None or target is None:
            continue
        if source.dimension != target.dimension:
            return NOT_COMPARABLE
        result = (amount * source.factor + source.offset - target.offset) / target.factor
        return Conversion(amount, match["source"], result, match["target"])
    return None


def _amount(text: str) -> Fraction | None:
    value = Fraction(1) if text in {"a", "an"} else evaluate(text)
    return value if isinstance(value, Fraction) else None


def find_unit(name: str) -> Unit | None:
    """Find a unit by name, symbol or plural, with `square`, `cubic`, `/` and `per` built up, or None."""
    over, per, under = re.sub(r"\s+per\s+|\s*/\s*", "/", name.strip()).partition("/")
    if not per:
        return _power(over)
    above, below = _power(over), _power(under)
    if above is None or below is None or above.offset or below.offset:
        return None
    exponents = dict(above.dimension)
    for base, exponent in below.dimension:
        exponents[base] = exponents.get(base, 0) - exponent
    return Unit(tuple(sorted((base, e) for base, e in exponents.items() if e)), above.factor / below.factor)


def _power(name: str) -> Unit | None:
    first, _, rest = name.partition(" ")
    if first in _PREFIXED_POWER:
        return _raised(_plain(rest), _PREFIXED_POWER[first])
    for suffix, power in _SUFFIXED_POWER.items():
        if name.endswith(suffix):
            return _raised(_plain(name.removesuffix(suffix).strip()), power)
    return _plain(name)


def _raised(unit: Unit | None, power: int) -> Unit | None:
    if unit is None or unit.dimension != (("length", 1),):
        return None
    return Unit((("length", power),), unit.factor**power)


def _plain(name: str) -> Unit | None:
    name = name.removeprefix("degrees ").removeprefix("degree ").removeprefix("us ")
    head, _, tail = name.partition(" ")
    singular = f"{head.removesuffix('s')} {tail}" if tail else ""  # "degrees of", "metric tons", "light years"
    for candidate in (name, name.removesuffix("s"), singular):
        if candidate in _UNITS:
            return _UNITS[candidate]
    return None
