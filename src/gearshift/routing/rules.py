"""Own what a rule's condition means; `gearshift.config.conditions` owns how it may be written, and reports its faults.

    rules:
      - {when: {"metadata.plan": {"$in": ["free", "trial"]}, "tools": false}, use: small}
      - {use: auto}

The operators are MongoDB's, as in Cloudflare's dynamic routes; a bare value is short for `$eq`. Several keys of one
mapping must all hold; an empty mapping always holds. The first rule that holds counts.

Invariants: a rule is compiled once, and matching never raises. Values of another type than the operand do not match
(true is not 1). What the request does not have matches only `$exists: false` and the negations `$ne`, `$nin`, `$not`.
No regular expressions: a config must not be able to stall the gateway.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from msgspec import Struct

from gearshift.config.conditions import METADATA
from gearshift.routing.task import task_of
from gearshift.types.chat import Request

Scalar: TypeAlias = str | int | float | bool
Condition: TypeAlias = Callable[[Request], bool]
Reader: TypeAlias = Callable[[Request], Scalar | None]
Test: TypeAlias = Callable[[Scalar | None], bool]

READERS: Final[Mapping[str, Reader]] = {
    "model": lambda request: request.model,
    "stream": lambda request: request.stream,
    "tools": lambda request: bool(request.tools),
    "response_format": lambda request: request.response_format.kind if request.response_format else None,
    "reasoning_effort": lambda request: request.sampling.reasoning_effort,
    "max_output_tokens": lambda request: request.sampling.max_output_tokens,
    "session_id": lambda request: request.routing.session_id,
    "task": task_of,
}
"""What a condition may look at, besides `metadata.<key>`."""
_ORDERS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


class Rule(Struct, frozen=True, kw_only=True):
    """Hold a compiled rule: requests for which `when` holds go to `use`. `where` is its place in the config."""

    when: Condition
    use: str
    where: str


def compile_rule(when: Mapping[str, object], use: str, where: str) -> Rule:
    """Compile the rule that stands at `where` in the config.

    Raises ValueError for a condition that `config.conditions` finds a fault in.
    """
    return Rule(when=_condition(when), use=use, where=where)


def _condition(when: object) -> Condition:
    if not isinstance(when, Mapping):
        raise _unchecked(when)
    clauses = [_clause(str(key), value) for key, value in when.items()]
    return clauses[0] if len(clauses) == 1 else lambda request: all(holds(request) for holds in clauses)


def _clause(key: str, value: object) -> Condition:
    match key, value:
        case "$and", list():
            conditions = [_condition(inner) for inner in value]
            return lambda request: all(holds(request) for holds in conditions)
        case "$or", list():
            conditions = [_condition(inner) for inner in value]
            return lambda request: any(holds(request) for holds in conditions)
        case "$not", _:
            inner = _condition(value)
            return lambda request: not inner(request)
        case _:
            reader = _reader(key)
            operations = value if isinstance(value, Mapping) else {"$eq": value}
            tests = [_test(str(name), operand) for name, operand in operations.items()]
            return lambda request: all(test(reader(request)) for test in tests)


def _reader(path: str) -> Reader:
    if path.startswith(METADATA):
        key = path.removeprefix(METADATA)
        return lambda request: request.metadata.get(key)
    if path not in READERS:
        raise _unchecked(path)
    return READERS[path]


def _test(name: str, operand: object) -> Test:
    match name, operand:
        case "$eq", str() | int() | float():
            return lambda found: _same(found, operand)
        case "$ne", str() | int() | float():
            return lambda found: not _same(found, operand)
        case "$in", list():
            return lambda found: any(_same(found, each) for each in operand)
        case "$nin", list():
            return lambda found: not any(_same(found, each) for each in operand)
        case "$exists", bool():
            return lambda found: (found is not None) is operand
        case (("$gt" | "$gte" | "$lt" | "$lte"), str() | int() | float()):
            return _ordered(_ORDERS[name], operand)
        case _:
            raise _unchecked(operand)


def _same(found: Scalar | None, wanted: object) -> bool:
    return found == wanted and isinstance(found, bool) is isinstance(wanted, bool)


def _ordered(compare: Callable[[float, float], bool], wanted: str | float) -> Test:
    """Compare strings with strings and numbers with numbers; all else does not match."""
    kind: type | tuple[type, ...] = str if isinstance(wanted, str) else (int, float)

    def test(found: Scalar | None) -> bool:
        if isinstance(found, bool) or not isinstance(found, kind):
            return False
        return compare(found, wanted)  # type: ignore[arg-type]  # both are of `kind`

    return test


def _unchecked(found: object) -> ValueError:
    return ValueError(f"found a {type(found).__name__} in a condition, expected what config.conditions accepts there")
