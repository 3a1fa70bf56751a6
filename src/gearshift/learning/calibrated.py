"""Own the learned predictor that also says what was calibrated of it; implements `gearshift.routing.calibration`."""

from __future__ import annotations

from typing import Final

from gearshift.learning.parameters import Parameters
from gearshift.learning.predictor import LearnedPredictor
from gearshift.routing.calibration import Calibration


class CalibratedPredictor(LearnedPredictor):
    """Forecast as learned; `calibrations`, the latest last, are those of the artefact's manifest."""

    def __init__(self, parameters: Parameters, *, version: str, calibrations: tuple[Calibration, ...]) -> None:
        """Take what `LearnedPredictor` takes, and the manifest's calibrations."""
        super().__init__(parameters, version=version)
        self.calibrations: Final = calibrations
