from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from gearshift.errors import ArtifactError
from gearshift.learning.artifact import Artifact, builtin_path, demo_path, load
from gearshift.learning.predictor import LearnedPredictor
from gearshift.learning.trial import try_out
from gearshift.types.catalog import Deployment
from gearshift.types.chat import Request
from gearshift.types.decision import Estimate


def test_what_ships_passes() -> None:
    for folder in (builtin_path(), demo_path()):
        try_out(load(folder), source=str(folder))


class _Forgetful(LearnedPredictor):
    forgotten = 0

    def forget(self) -> None:
        super().forget()
        self.forgotten += 1


def test_what_the_trial_gathered_is_let_go(trained: Artifact) -> None:
    predictor = _Forgetful(trained.parameters, version="v")
    try_out(predictor, source="here")
    assert predictor.forgotten == 1


class _Failing(LearnedPredictor):
    def predict(self, request: Request, deployments: Sequence[Deployment]) -> list[Estimate]:  # noqa: ARG002
        raise MemoryError


def test_a_predictor_that_raises_is_refused(trained: Artifact) -> None:
    with pytest.raises(ArtifactError, match=r"^here: tried a forecast and found: the predictor failed with MemoryErr"):
        try_out(_Failing(trained.parameters, version="v"), source="here")


def test_numbers_that_are_finite_and_of_no_use_are_refused(trained: Artifact) -> None:
    far = msgspec.structs.replace(trained.parameters.spread, near=1e200, far=1e200)
    learned = msgspec.structs.replace(trained.parameters, spread=far)
    with pytest.raises(ArtifactError, match=r"^here: tried a forecast and found: the predictor"):
        try_out(LearnedPredictor(learned, version="v"), source="here")
