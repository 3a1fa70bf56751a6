from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from gearshift.errors import DataError
from gearshift.learning.artifact import Artifact, load
from gearshift.learning.calibrating import basis, calibrate, with_calibration
from gearshift.learning.data import OutcomeTable, split, table_of
from gearshift.learning.evaluation import prices_of
from gearshift.learning.guarantee import Promise
from gearshift.learning.manifest import Charge
from gearshift.learning.margins import GRID
from gearshift.learning.verdict import Verdict
from gearshift.routing.calibration import Calibrated
from tests.unit.learning.conftest import MakeRows

TODAY = date(2026, 1, 2)
PROMISE = Promise(reference="large", within=0.05, confidence=0.9)


@pytest.fixture(scope="module")
def fresh(make_rows: MakeRows) -> OutcomeTable:
    """Make outcomes of other prompts than those that `trained` has learned from."""
    return table_of({**row, "dataset": "fresh"} for row in make_rows(600, learnable=True, seed=9))


@pytest.fixture(scope="module")
def found(trained: Artifact, fresh: OutcomeTable) -> Verdict:
    return calibrate(trained, fresh, PROMISE, today=TODAY)


def test_a_cheaper_margin_is_certified(found: Verdict, fresh: OutcomeTable) -> None:
    made = found.calibration
    assert made is not None
    assert made.margin in GRID
    assert made.models == ("small", "medium", "large")
    assert (made.reference, made.within, made.confidence, made.date) == ("large", 0.05, 0.9, TODAY)
    assert (made.prompts, made.groups, made.unseen, made.data) == (600, 600, 600, fresh.digest)
    assert made.mean_loss < made.bound <= 0.05
    assert made.p_value <= 0.1
    assert made.cost_share < 0.9
    assert found.needed is None
    assert found.rehearsal.rounds == 200
    assert found.rehearsal.rate <= 0.1


def test_every_accepted_setting_is_below_the_limit(found: Verdict) -> None:
    assert len(found.settings) == len(GRID)
    accepted = [each for each in found.settings if each.accepted]
    assert all(each.bound <= 0.05 for each in accepted)
    assert found.calibration is not None
    assert min(each.cost_share for each in accepted) == pytest.approx(found.calibration.cost_share)


def test_too_few_questions_are_refused_with_the_number_needed(trained: Artifact, fresh: OutcomeTable) -> None:
    found = calibrate(trained, fresh.take(np.arange(20)), PROMISE, today=TODAY)
    assert found.calibration is None
    assert found.needed is not None
    assert 20 < found.needed < 200
    enough = calibrate(trained, fresh.take(np.arange(2 * found.needed)), PROMISE, today=TODAY)
    assert enough.calibration is not None


def test_the_cheapest_reference_leaves_nothing_to_save(trained: Artifact, fresh: OutcomeTable) -> None:
    found = calibrate(trained, fresh, replace(PROMISE, reference="small"), today=TODAY)
    assert (found.calibration, found.needed) == (None, None)
    assert "cheaper than the reference" in found.to_text()


def test_prompts_that_training_may_have_seen_are_counted(trained: Artifact, table: OutcomeTable) -> None:
    held = split(table, 0.5, 0)[1]
    assert calibrate(trained, held, PROMISE, today=TODAY).unseen == len(held.prompts)
    assert calibrate(trained, table, PROMISE, today=TODAY).unseen == len(held.prompts)


def test_what_cannot_be_used_is_counted(trained: Artifact, fresh: OutcomeTable) -> None:
    quality = fresh.quality.copy()
    names = list(fresh.models)
    quality[:5, names.index("large")] = np.nan
    quality[3:10, names.index("small")] = np.nan
    quality[:300, names.index("medium")] = np.nan
    gaps = replace(fresh, quality=quality)
    found = basis(gaps, "large", prices_of(trained, gaps, {}))
    assert (found.left.without_reference, found.left.incomplete) == (5, 5)
    assert (found.left.seldom, found.left.unpriced) == (("medium",), ())
    assert found.pool.models == ("large", "small")
    assert len(found.pool.prompts) == 590
    bare = basis(gaps, "large", [None if name == "small" else Charge(cost_usd=1.0).price() for name in names])
    assert (bare.left.unpriced, bare.pool.models) == (("small",), ("large",))


def test_what_cannot_be_calibrated_is_refused(trained: Artifact, fresh: OutcomeTable) -> None:
    with pytest.raises(DataError, match="found no price of large"):
        basis(fresh, "large", [None] * 3)
    with pytest.raises(DataError, match="found 1 questions that large and all candidates answered"):
        basis(fresh.take(np.arange(1)), "large", prices_of(trained, fresh, {}))
    with pytest.raises(DataError, match="found no outcomes of huge"):
        calibrate(trained, fresh, replace(PROMISE, reference="huge"), today=TODAY)
    nobody = replace(fresh, quality=np.full_like(fresh.quality, np.nan))
    with pytest.raises(DataError, match="found 0 questions"):
        basis(nobody, "large", prices_of(trained, fresh, {}))


def test_a_calibration_is_kept_and_replaced_in_the_artefact(trained: Artifact, found: Verdict, tmp_path: Path) -> None:
    made = found.calibration
    assert made is not None
    other = replace(made, within=0.5)
    later = replace(made, margin=0.0)
    artifact = with_calibration(with_calibration(with_calibration(trained, made), other), later)
    predictor = load(artifact.save(tmp_path / "router"))
    assert isinstance(predictor, Calibrated)
    assert predictor.calibrations == (other, later)
    assert predictor.version != trained.predictor().version
