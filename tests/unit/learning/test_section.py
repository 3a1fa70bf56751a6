from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from gearshift.learning.artifact import Artifact
from gearshift.learning.data import OutcomeTable, split
from gearshift.learning.evaluation import evaluate
from gearshift.learning.findings import PairReport, SetReport
from gearshift.learning.metrics import Interval
from gearshift.learning.section import anchor, badge, figure, section


@pytest.fixture(scope="module")
def found(trained: Artifact, table: OutcomeTable) -> SetReport:
    return evaluate(trained, split(table, 0.5, 0)[1]).sets[0]


def test_every_plot_has_a_table_twin(found: SetReport) -> None:
    root = ET.fromstring(section(found))  # noqa: S314 - made here
    summaries = [each.text for each in root.iter("summary")]
    assert len(list(root.iter("svg"))) == 4
    assert summaries == [
        "The curve in numbers",
        "The single models in numbers",
        "Calibration in numbers",
        "Shares in numbers",
        "Tasks in numbers",
    ]
    for drawn in root.iter("svg"):
        assert drawn[0].tag == "title"
        assert drawn[1].tag == "desc"


def test_what_was_not_measured_is_said(found: SetReport) -> None:
    assert "not measured, for want of training outcomes" in section(found)
    bare = replace(found, points=(), gain=None, parity=None, bins=(), tasks=(), left_out=("other",))
    text = section(bare)
    assert "No curve: the cost of the models is not known." in text
    assert "no cost is known" in text
    assert "no known cost: other." in text
    assert "<svg" not in text


def test_figures_that_are_not_reached_and_pairs_are_shown(found: SetReport) -> None:
    nothing = Interval(value=None)
    pair = PairReport(strong="a", weak="b", apgr=Interval(value=0.6, low=0.5, high=0.7), cpt_50=nothing, cpt_80=nothing)
    text = section(replace(found, parity=nothing, pair=pair))
    assert "not reached" in text
    assert "0.600 (0.500 to 0.700)" in text


def test_names_are_escaped_and_anchors_distinct(found: SetReport) -> None:
    evil = replace(found, dataset="<img src=x>", left_out=("<b>",))
    assert "<img" not in section(evil)
    assert "<b>," not in section(evil)
    assert len({anchor(replace(found, dataset=name)) for name in ("a b", "a-b", "a/b")}) == 3


def test_badge_and_figure(found: SetReport) -> None:
    assert "routing gains" in badge(found)
    assert figure(badge(found), "<c>").startswith("<figure><figcaption>&lt;c&gt;</figcaption>")
