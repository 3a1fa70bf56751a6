from __future__ import annotations

from typing import Any

import pytest

from gearshift.config.document import lines, parse
from gearshift.migration.findings import Spot
from gearshift.migration.litellm.includes import Source, included, merged


def source(name: str, text: str) -> Source:
    return Source(name=name, document=parse(text.encode(), ".yaml"), line=lines(text))


def test_lists_are_joined_and_all_else_is_overridden() -> None:
    first = source("first", "include: [second]\nmodel_list:\n  - {a: 1}\nx: {y: 1, z: 1}\nw: 1\n")
    second = source("second", "x: {y: 2}\nmodel_list:\n  - {b: 2}\n  - {c: 3}\n")

    whole, spot = merged([first, second])

    assert whole == {"model_list": [{"a": 1}, {"b": 2}, {"c": 3}], "x": {"y": 2}, "w": 1}
    assert spot(("model_list", 0, "a")) == Spot(file="first", line=3)
    assert spot(("model_list", 1, "b")) == Spot(file="second", line=3)
    assert spot(("model_list", 2)) == Spot(file="second", line=4)
    assert spot(("x", "y")) == Spot(file="second", line=1)
    assert spot(("w",)) == Spot(file="first", line=5)
    assert spot(("nowhere",)) == Spot(file="first", line=1)


def test_one_file_needs_no_name() -> None:
    _, spot = merged([source("only", "a: 1\nb: 2\n")])
    assert spot(("b",)) == Spot(line=2)


@pytest.mark.parametrize("stated", ["x", 1, [1], [""], {"a": "b"}, ["a", None], ["a\0"]])
def test_a_list_of_names_is_expected(stated: Any) -> None:  # noqa: ANN401 - raw data
    with pytest.raises(ValueError, match="expected a list of file names"):
        included({"include": stated})


def test_what_is_included_is_listed() -> None:
    assert included({"include": ["a.yaml", "b.yaml"]}) == ["a.yaml", "b.yaml"]
    assert included({}) == included({"include": None}) == []
