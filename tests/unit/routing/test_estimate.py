from collections.abc import Sequence
from math import inf, nan
from typing import cast

import msgspec
import pytest
from msgspec import Struct

from gearshift.routing.estimate import estimate, unasked
from gearshift.routing.predict import Predictor
from gearshift.types.catalog import Deployment
from gearshift.types.chat import Request
from gearshift.types.decision import Estimate
from tests.unit.routing import scene
from tests.unit.routing.scene import Broken, Oracle, deployment, request

SMALL, LARGE = deployment("small"), deployment("large")
GOOD = scene.estimate(0.5, 10)


def test_each_deployment_has_its_estimate() -> None:
    better = scene.estimate(0.9, 90)
    found = estimate(Oracle({"small": GOOD, "large": better}), request(), [LARGE, SMALL])
    assert found.options == [(LARGE, better), (SMALL, GOOD)]
    assert not found.failure


def test_unasked() -> None:
    assert unasked([SMALL]).options == [(SMALL, None)]
    assert not unasked([SMALL]).failure


class _Short(Oracle, frozen=True):
    def predict(self, _request: Request, _deployments: Sequence[Deployment]) -> list[Estimate]:
        return [GOOD]


class _Wild(Struct):
    """Answer with anything at all."""

    answer: object
    version: str = "wild"

    def predict(self, _request: Request, _deployments: Sequence[Deployment]) -> list[Estimate]:
        return cast("list[Estimate]", self.answer)


@pytest.mark.parametrize(
    ("predictor", "failure"),
    [
        (None, "no predictor is loaded; the log says why"),
        (Broken(), "the predictor failed with RuntimeError; check its artefact"),
        (_Wild(None), "the predictor failed with TypeError; check its artefact"),
        (_Wild([None, None]), "the predictor failed with AttributeError; check its artefact"),
        (
            _Wild([msgspec.structs.replace(GOOD, quality="good")] * 2),
            "the predictor failed with TypeError; check its artefact",
        ),
        (_Short({}), "the predictor gave 1 estimates for 2 deployments; check its artefact"),
    ],
)
def test_a_failure_leaves_no_estimate(predictor: Predictor | None, failure: str) -> None:
    found = estimate(predictor, request(text="a secret"), [SMALL, LARGE])
    assert found.options == [(SMALL, None), (LARGE, None)]
    assert found.failure == failure


@pytest.mark.parametrize(
    "wrong",
    [
        {"quality": nan},
        {"quality": -0.001},
        {"quality": 1.001},
        {"quality_std": nan},
        {"quality_std": -1.0},
        {"quality_std": inf},
        {"cost": -1},
        {"cost": nan},
        {"output_tokens": nan},
        {"output_tokens": inf},
        {"latency": nan},
        {"latency": -1.0},
    ],
)
def test_numbers_out_of_range_are_a_failure(wrong: dict[str, float]) -> None:
    found = estimate(Oracle({"large": msgspec.structs.replace(GOOD, **wrong)}), request(), [SMALL, LARGE])
    assert found.options == [(SMALL, None), (LARGE, None)]
    assert found.failure == "the predictor's estimate for lab/large is out of range; train it again"


@pytest.mark.parametrize("edge", [{"quality": 0.0}, {"quality": 1.0}, {"cost": 0}, {"cost": None}, {"latency": 0.0}])
def test_the_ends_of_the_ranges_belong_to_them(edge: dict[str, float]) -> None:
    assert not estimate(Oracle({"large": msgspec.structs.replace(GOOD, **edge)}), request(), [LARGE]).failure
