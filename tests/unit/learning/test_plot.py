from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.learning.plot import Frame, Scale, axes, box, dot, labels, line, shown, span, svg

FRAME = Frame(x=Scale(low=1, high=100, start=0, end=200, log=True), y=Scale(low=0, high=1, start=100, end=0))


def test_a_scale_maps_ends_to_ends_and_clips() -> None:
    assert FRAME.spot(10, 0.25) == pytest.approx((100, 75))
    assert FRAME.spot(0, 2) == pytest.approx((0, 0))


@given(st.floats(1e-6, 1e6), st.floats(1.2, 1e9))
def test_ticks_lie_within_and_are_few(low: float, factor: float) -> None:
    logs = Scale(low=low, high=low * factor, start=0, end=1, log=True).ticks()
    assert all(low * 0.999 <= each <= low * factor * 1.001 for each in logs)
    assert 2 <= len(logs) <= 12
    steps = Scale(low=low, high=low + factor, start=0, end=1).ticks()
    assert 2 <= len(steps) <= 6


def test_a_span_is_never_empty() -> None:
    low, high = span([0.5])
    assert low < 0.5 < high
    low, high = span([2.0, 2.0], log=True)
    assert 0 < low < 2 < high


def test_numbers_read_well() -> None:
    assert shown(-1.25, "+.1f") == "\N{MINUS SIGN}1.2"
    assert [shown(each, "$") for each in (1e-6, 0.05, 20.0)] == ["$10\u207b\u2076", "$0.05", "$20"]


def test_labels_give_way_and_stay_inside() -> None:
    same = [((100.0, 50.0), "first", "label"), ((101.0, 50.0), "second", "label")]
    first, second = labels(same, FRAME)
    assert "first" in first
    assert first != second
    crowd = [((100.0, 50.0), f"name {number}", "label") for number in range(30)]
    assert len(labels(crowd, FRAME)) < 10
    assert labels([((100.0, 50.0), "x" * 60, "label")], FRAME) == []


def test_a_plot_is_well_formed_and_says_what_it_is() -> None:
    parts = [*axes(FRAME, ("cost <", "score"), ("$", ".1f")), line([(0, 0), (1, 1)], "grid")]
    drawn = svg((200, 100), "T & T", "about", *parts, dot((1, 1), 2, "d", "<m>"), box((0, 0), (1, 1), "b", "n"))
    root = ET.fromstring(drawn)  # noqa: S314 - made here
    assert root.get("role") == "img"
    assert [root[0].tag, root[0].text, root[1].tag] == ["title", "T & T", "desc"]
