"""Examples: what `RoutingConstraint.to_dict` of withmartian/martian-sdk-python gives, read 2026-11-27
(https://github.com/withmartian/martian-sdk-python/blob/main/src/martian_apart_hack_sdk/models/RouterConstraints.py)."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from gearshift.protocols.fields import Misfit
from gearshift.protocols.martian import decode_constraint
from gearshift.protocols.wishes import Wishes
from gearshift.types.asking import Constraint


def decoded(constraint: object) -> Constraint | None:
    said = {"routing_constraint": Raw(msgspec.json.encode(constraint))}
    wishes = Wishes()
    decode_constraint(wishes, said)
    assert said == {}
    return wishes.routing().constraint


@pytest.mark.parametrize(
    ("spoken", "constraint"),
    [
        ({"cost_constraint": {"numeric_value": 0.5}}, Constraint(of="cost", number=0.5)),
        ({"cost_constraint": {"model_name": "openai/gpt-4o"}}, Constraint(of="cost", model="openai/gpt-4o")),
        ({"quality_constraint": {"numeric_value": 0.75}}, Constraint(of="quality", number=0.75)),
        ({"quality_constraint": {"model_name": "gpt-4o"}}, Constraint(of="quality", model="gpt-4o")),
        ({"quality_constraint": {"numeric_value": 0}, "cost_constraint": None}, Constraint(of="quality", number=0)),
        (None, None),
    ],
)
def test_every_published_constraint_is_read(spoken: object, constraint: Constraint | None) -> None:
    assert decoded(spoken) == constraint


@pytest.mark.parametrize(
    ("spoken", "fault"),
    [
        (5, "routing_constraint: found a number, expected an object"),
        ({}, "routing_constraint: found neither, expected one of cost_constraint and quality_constraint"),
        (
            {"cost_constraint": {"numeric_value": 1}, "quality_constraint": {"numeric_value": 1}},
            "routing_constraint: found cost_constraint and quality_constraint, expected one of",
        ),
        (
            {"cost_constraint": {"numeric_value": 1, "model_name": "m"}},
            "routing_constraint.cost_constraint: found numeric_value and model_name, expected one of",
        ),
        ({"cost_constraint": {}}, "routing_constraint.cost_constraint: found neither, expected one of numeric_value"),
        (
            {"quality_constraint": {"numeric_value": 1.5}},
            "routing_constraint.quality_constraint.numeric_value: found 1.5, expected a score, from 0 to 1",
        ),
        (
            {"cost_constraint": {"numeric_value": -1}},
            "routing_constraint.cost_constraint.numeric_value: found -1, expected US dollars, from 0 to 1000000",
        ),
        ({"cost_constraint": {"numeric_value": "1"}}, "routing_constraint.cost_constraint.numeric_value: found a str"),
        ({"cost_constraint": {"value": 1}}, "routing_constraint.cost_constraint.value: not known here, expected one"),
        ({"cost": {"numeric_value": 1}}, "routing_constraint.cost: not known here, expected one of cost_constraint"),
    ],
)
def test_another_constraint_is_refused_in_words(spoken: object, fault: str) -> None:
    with pytest.raises(Misfit) as caught:
        decoded(spoken)
    assert str(caught.value).startswith(fault)
