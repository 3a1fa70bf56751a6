"""Own Martian's words for routing: `routing_constraint`.

A cost is at most a number of US dollars for the request, or what a model costs; a quality is at least a score in
[0, 1], or what a model reaches. One of both is stated, by one of both.
Source: withmartian/martian-sdk-python, `models/RouterConstraints.py` (read 2026-11-27).
"""

from __future__ import annotations

from typing import Final, Literal

from gearshift.protocols.fields import NUMBER, TEXT, Misfit, maybe
from gearshift.protocols.json_patch import Members
from gearshift.protocols.wishes import INNER, MAX_USD, Wishes, checked_name, refuse_rest
from gearshift.types.asking import Constraint

NAME: Final = "routing_constraint"
KINDS: Final[dict[str, Literal["cost", "quality"]]] = {"cost_constraint": "cost", "quality_constraint": "quality"}
VALUES: Final = ("numeric_value", "model_name")
_MOST: Final = {"cost": MAX_USD, "quality": 1}


def decode_constraint(wishes: Wishes, members: Members) -> None:
    """Take `routing_constraint`."""
    outer = maybe(members, NAME, INNER)
    if outer is None:
        return
    said = {name: inner for name in KINDS if (inner := maybe(outer, name, INNER, f"{NAME}.")) is not None}
    refuse_rest(outer, f"{NAME}.", tuple(KINDS))
    if len(said) != 1:
        found = " and ".join(said) or "neither"
        raise Misfit(NAME, f"found {found}, expected one of {' and '.join(KINDS)}")
    ((name, inner),) = said.items()
    wishes.add("constraint", _constraint(KINDS[name], inner, f"{NAME}.{name}"), f"{NAME}.{name}")


def _constraint(of: Literal["cost", "quality"], inner: Members, at: str) -> Constraint:
    number, model = maybe(inner, "numeric_value", NUMBER, f"{at}."), maybe(inner, "model_name", TEXT, f"{at}.")
    refuse_rest(inner, f"{at}.", VALUES)
    if (number is None) == (model is None):
        found = "neither" if number is None else " and ".join(VALUES)
        raise Misfit(at, f"found {found}, expected one of {' and '.join(VALUES)}")
    if number is not None and not 0 <= number <= _MOST[of]:
        unit = "US dollars" if of == "cost" else "a score"
        raise Misfit(f"{at}.numeric_value", f"found {number:g}, expected {unit}, from 0 to {_MOST[of]}")
    return Constraint(of=of, number=number, model=None if model is None else checked_name(model, f"{at}.model_name"))
