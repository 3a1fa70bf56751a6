"""Own how a rule's condition may be written; `gearshift.routing.rules` owns what it means.

    when     := {path: operand | {operator: operand, ...}, $and: [when, ...], $or: [when, ...], $not: when, ...}
    path     := metadata.<key> | one of PATHS
    operand  := text, number, true or false; a list of them for $in and $nin

Invariant: what passes here compiles there (a test of both holds them together), so that a fault in a rule is reported
beside every other fault of the config.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, get_args

from gearshift.config.names import suggestion
from gearshift.config.overrides import Path
from gearshift.config.values import show
from gearshift.types.chat import Task

METADATA: Final = "metadata."
PATHS: Final = (
    "model",
    "stream",
    "tools",
    "response_format",
    "reasoning_effort",
    "max_output_tokens",
    "session_id",
    "task",
)
TASKS: Final[tuple[str, ...]] = get_args(Task)
ORDERS: Final = ("$gt", "$gte", "$lt", "$lte")
OPERATORS: Final = ("$eq", "$ne", *ORDERS, "$in", "$nin", "$exists")
CONNECTIVES: Final = ("$and", "$or", "$not")

Fault = tuple[Path, str]


def faults_of(when: object, at: Path) -> Iterator[Fault]:
    """Find every fault of a condition that stands at the path `at`."""
    if not isinstance(when, dict):
        yield at, f'found {show(when)}, expected a mapping such as {{"metadata.plan": {{"$eq": "free"}}}}'
        return
    for key, value in when.items():
        here = (*at, key)
        if key == "$not":
            yield from faults_of(value, here)
        elif key in CONNECTIVES:
            yield from _of_list(value, here)
        elif key not in PATHS and not (key.startswith(METADATA) and key != METADATA):
            known = (f"{METADATA}<key>", *PATHS, *CONNECTIVES)
            yield (
                here,
                f"found an unknown member of a request, expected one of {', '.join(known)}{suggestion(key, known)}",
            )
        else:
            yield from _of_operators(value, here)


def _of_list(value: object, at: Path) -> Iterator[Fault]:
    if not isinstance(value, list) or not value:
        yield at, f"found {show(value)}, expected a list of conditions"
        return
    for number, inner in enumerate(value):
        yield from faults_of(inner, (*at, number))


def _of_operators(value: object, at: Path) -> Iterator[Fault]:
    operations = value if isinstance(value, dict) else {"$eq": value}
    if not operations:
        yield at, f"found no operator, expected one of {', '.join(OPERATORS)}"
    for operator, operand in operations.items():
        if operator not in OPERATORS:
            expected = f"expected one of {', '.join(OPERATORS)}{suggestion(operator, OPERATORS)}"
            yield (*at, operator), f"found an unknown operator, {expected}"
        elif wanted := _wanted(operator, operand) or (_no_task(operand) if at[-1] == "task" else None):
            yield (*at, operator) if operations is value else at, f"found {show(operand)}, expected {wanted}"


def _no_task(operand: object) -> str | None:
    """Say which tasks there are when one is named that is none: it would never match."""
    named = operand if isinstance(operand, list) else [operand]
    unknown = [str(each) for each in named if each not in TASKS and not isinstance(each, bool)]
    return f"one of {', '.join(TASKS)}{suggestion(unknown[0], TASKS)}" if unknown else None


def _wanted(operator: str, operand: object) -> str | None:
    """Say what an operator takes, None when the operand is such."""
    match operator:
        case "$exists":
            return None if isinstance(operand, bool) else "true or false"
        case "$in" | "$nin":
            fits = isinstance(operand, list) and all(isinstance(each, str | int | float) for each in operand)
            return None if fits else "a list of texts, numbers, true or false"
        case _ if operator in ORDERS:
            fits = isinstance(operand, str | int | float) and not isinstance(operand, bool)
            return None if fits else "a number or a text"
        case _:
            return None if isinstance(operand, str | int | float) else "a text, a number, true or false"
