"""Conditions are checked by the grammar that the router compiles."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.config import conditions
from gearshift.routing import rules

AT = ("routers", "r", "rules", 0, "when")


def found(when: object) -> list[str]:
    return [f"{'.'.join(map(str, path[len(AT) :]))}: {text}" for path, text in conditions.faults_of(when, AT)]


@pytest.mark.parametrize(
    "when",
    [
        {},
        {"metadata.plan": "free"},
        {"metadata.plan": {"$eq": "free"}},
        {"metadata.age": {"$gte": 18, "$lt": 65.5}, "stream": True},
        {"metadata.day": {"$gt": "2026-01-01"}},
        {"model": {"$in": ["auto", "batch"]}, "tools": {"$ne": False}},
        {"session_id": {"$exists": False}},
        {"task": "code", "metadata.task": "anything"},
        {"task": {"$in": ["code", "math"], "$exists": True}},
        {"$or": [{"metadata.a": 1}, {"$and": [{"metadata.b": 2}, {"$not": {"metadata.c": {"$nin": [1, "x"]}}}]}]},
    ],
)
def test_a_condition_is_taken(when: object) -> None:
    assert found(when) == []


@pytest.mark.parametrize(
    ("when", "fault"),
    [
        ("free", ': found "free", expected a mapping'),
        ({"metadata.": 1}, "metadata.: found an unknown member of a request"),
        ({"meta.plan": 1}, "meta.plan: found an unknown member of a request"),
        ({"modle": "x"}, 'did you mean "model"?'),
        ({"$ro": []}, "$ro: found an unknown member of a request"),
        ({"$or": {}}, "$or: found a mapping, expected a list of conditions"),
        ({"$and": []}, "$and: found a list, expected a list of conditions"),
        ({"$and": [{"modle": 1}]}, "$and.0.modle: found an unknown member"),
        ({"$not": [1]}, "$not: found a list, expected a mapping"),
        ({"model": {}}, "model: found no operator, expected one of $eq"),
        ({"model": {"$eqq": 1}}, "model.$eqq: found an unknown operator, expected one of $eq, $ne"),
        ({"model": None}, "model: found nothing, expected a text, a number, true or false"),
        ({"model": {"$eq": [1]}}, "model.$eq: found a list, expected a text, a number, true or false"),
        ({"model": {"$gt": True}}, "model.$gt: found true, expected a number or a text"),
        ({"model": {"$in": "x"}}, 'model.$in: found "x", expected a list of texts, numbers, true or false'),
        ({"model": {"$nin": [{}]}}, "model.$nin: found a list, expected a list of texts"),
        ({"task": "cod"}, 'task: found "cod", expected one of tools, vision, structured, long_context, code, math,'),
        ({"task": {"$in": ["math", "codes"]}}, 'writing, chat; did you mean "code"?'),
        ({"task": {"$ne": 1}}, "task.$ne: found 1, expected one of tools"),
        ({"model": {"$exists": 1}}, "model.$exists: found 1, expected true or false"),
    ],
)
def test_any_other_condition_is_a_fault_with_its_key(when: object, fault: str) -> None:
    assert len(found(when)) == 1
    assert fault in found(when)[0]


def test_every_fault_of_a_condition_is_found() -> None:
    assert len(found({"modle": 1, "model": {"$eqq": 1, "$gt": True}, "$or": [1, {"x": 1}]})) == 5


def test_the_paths_are_those_that_the_router_reads() -> None:
    assert set(conditions.PATHS) == set(rules.READERS)


scalars = st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text(max_size=3)
operands = (
    st.none() | scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(max_size=2), scalars, max_size=1)
)
operators = st.sampled_from([*conditions.OPERATORS, "$no"])
clauses = st.dictionaries(
    st.sampled_from([*conditions.PATHS, "metadata.a", "metadata.", "x"]),
    operands | st.dictionaries(operators, operands, max_size=2),
    max_size=2,
)
conditions_ = st.recursive(
    clauses,
    lambda inner: st.fixed_dictionaries(
        {}, optional={"$and": st.lists(inner, max_size=2), "$or": st.lists(inner, max_size=2), "$not": inner}
    ),
    max_leaves=4,
)


@given(conditions_)
def test_what_passes_here_compiles_there(when: dict[str, Any]) -> None:
    if not found(when):
        assert rules.compile_rule(when, "a", "rules[0]").use == "a"
