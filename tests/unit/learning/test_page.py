from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from gearshift.learning.artifact import Artifact
from gearshift.learning.data import OutcomeTable, split
from gearshift.learning.evaluation import evaluate
from gearshift.learning.page import page
from gearshift.learning.report import Report
from tests.unit.learning.test_findings import PROMISE


@pytest.fixture(scope="module")
def report(trained: Artifact, table: OutcomeTable) -> Report:
    rest, held = split(table, 0.5, 0)
    return evaluate(trained, held, rest=rest)


def test_the_page_needs_nothing_else(report: Report) -> None:
    text = page(report)
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert "<script" not in text
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!#)|url\(|@import|https?://""", text)
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


def test_it_says_what_was_found_and_how(report: Report) -> None:
    text = page(report)
    assert "Routing beats mixing single models on the one data set measured" in text
    assert report.version in text
    assert report.method is not None
    for told in (report.method.training_digest, report.method.data_digest, "300 bootstrap resamples", "seed 0"):
        assert told in text
    assert "kNN on made: k = " in text
    assert 'class="caution"' not in text


def test_prompts_that_may_have_been_trained_on_are_a_note(report: Report) -> None:
    assert report.method is not None
    assert 'class="caution"' in page(replace(report, method=replace(report.method, unseen=0)))


def test_several_data_sets_are_compared(report: Report) -> None:
    text = page(replace(report, sets=(report.sets[0], replace(report.sets[0], dataset="other"))))
    assert "Gain at equal cost, by data set" in text
    assert len(re.findall("<section", text)) == 3


def test_everything_from_data_is_escaped(report: Report) -> None:
    evil = "<script>x</script>"
    text = page(replace(report, version=evil, unknown_models=(evil,), sets=(replace(report.sets[0], dataset=evil),)))
    assert "<script" not in text


def test_a_manifests_summary_makes_a_page_too(report: Report) -> None:
    text = page(Report.of(report.version, report.summary()))
    assert "No curve" in text
    assert "nan" not in text.lower().split("<main>")[1]


def test_promises_are_told_where_there_are_any(report: Report) -> None:
    assert 'id="promises"' not in page(report)
    text = page(replace(report, promises=(PROMISE,)))
    assert 'id="promises"' in text
    for told in ("large, within 0.02, confidence 0.95", "0.0120 (0.0010 to 0.0300)", "60.0%", "kept"):
        assert told in text
