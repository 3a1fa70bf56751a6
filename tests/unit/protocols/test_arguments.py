from __future__ import annotations

import json

import pytest
from msgspec import Raw

from gearshift.protocols.arguments import INVALID, as_object, is_whole
from gearshift.types.record import Loss


@pytest.mark.parametrize(
    ("arguments", "said"),
    [("", b"{}"), (" \n", b"{}"), ("{}", b"{}"), (' { "a" : 1.50 } ', b'{ "a" : 1.50 }'), ('{"ä":"\\u00e9"}', None)],
)
def test_arguments_that_are_an_object_stay_as_they_are(arguments: str, said: bytes | None) -> None:
    losses: list[Loss] = []
    assert as_object(arguments, "at", losses) == Raw(arguments.encode() if said is None else said)
    assert (is_whole(arguments), losses) == (True, [])


@pytest.mark.parametrize("arguments", ["{", '{"a": "x', "[1]", "5", "null", "do it", '{"a":1}}'])
def test_others_go_on_whole_and_are_told(arguments: str) -> None:
    losses: list[Loss] = []
    assert json.loads(bytes(as_object(arguments, "calls[0]", losses))) == {INVALID: arguments}
    assert not is_whole(arguments)
    assert [(loss.field, loss.kind) for loss in losses] == [("calls[0].arguments", "mapped")]
