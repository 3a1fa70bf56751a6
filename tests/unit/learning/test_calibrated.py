from __future__ import annotations

from gearshift.learning.artifact import Artifact
from gearshift.learning.calibrated import CalibratedPredictor
from gearshift.routing.calibration import Calibrated
from gearshift.routing.predict import Predictor


def test_it_is_a_predictor_that_says_what_was_calibrated(trained: Artifact) -> None:
    predictor: Predictor = CalibratedPredictor(trained.parameters, version="v", calibrations=())
    assert predictor.version == "v"
    assert isinstance(predictor, Calibrated)
    assert predictor.calibrations == ()
