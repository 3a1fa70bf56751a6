from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from msgspec.structs import replace

from gearshift.learning.artifact import Artifact
from gearshift.learning.calibrating import calibrate, with_calibration
from gearshift.learning.data import OutcomeTable, table_of
from gearshift.learning.guarantee import Promise
from gearshift.learning.kept import kept
from gearshift.learning.verdict import Verdict
from tests.unit.learning.conftest import MakeRows


@pytest.fixture(scope="module")
def fresh(make_rows: MakeRows) -> OutcomeTable:
    """Make outcomes of other prompts than those that `trained` has learned from."""
    return table_of({**row, "dataset": "fresh"} for row in make_rows(900, learnable=True, seed=9))


@pytest.fixture(scope="module")
def found(trained: Artifact, fresh: OutcomeTable) -> Verdict:
    promise = Promise(reference="large", within=0.05, confidence=0.9)
    return calibrate(trained, fresh.take(np.arange(600)), promise, today=date(2026, 1, 2))


@pytest.fixture(scope="module")
def calibrated(trained: Artifact, found: Verdict) -> Artifact:
    assert found.calibration is not None
    return with_calibration(trained, found.calibration)


def test_a_promise_is_measured_as_it_was_made(calibrated: Artifact, fresh: OutcomeTable, found: Verdict) -> None:
    (again,) = kept(calibrated, fresh.take(np.arange(600)))
    assert found.calibration is not None
    assert again.loss.value == pytest.approx(found.calibration.mean_loss)
    assert again.cost_share == pytest.approx(found.calibration.cost_share)
    assert (again.margin, again.questions, again.calibrated_on) == (found.calibration.margin, 600, True)


def test_other_outcomes_show_whether_it_was_kept(calibrated: Artifact, fresh: OutcomeTable) -> None:
    (other,) = kept(calibrated, fresh.take(np.arange(600, 900)))
    assert (other.questions, other.calibrated_on, other.verdict) == (300, False, "kept")
    low, value, high = other.loss.low, other.loss.value, other.loss.high
    assert low is not None
    assert value is not None
    assert high is not None
    assert low <= value <= high
    assert value <= other.within


def test_what_cannot_be_checked_is_left_out(trained: Artifact, calibrated: Artifact, fresh: OutcomeTable) -> None:
    assert kept(trained, fresh) == ()
    assert kept(calibrated, fresh.take(np.arange(900), ["small", "large"])) == ()
    assert kept(calibrated, fresh.take(np.arange(1))) == ()
    quality = fresh.quality.copy()
    quality[200:, fresh.models.index("small")] = np.nan
    assert kept(calibrated, replace(fresh, quality=quality)) == ()
