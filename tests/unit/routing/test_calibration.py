from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import replace

from gearshift.routing.calibration import Calibrated, Calibration, by_price, calibrated
from gearshift.types.catalog import Deployment
from gearshift.types.chat import Request
from gearshift.types.decision import AtLeast, CostTier, Estimate
from tests.unit.routing.scene import Oracle, deployment, estimate

MADE = Calibration(
    reference="large",
    within=0.02,
    confidence=0.95,
    margin=-0.01,
    models=("small", "medium", "large"),
    prompts=500,
    groups=480,
    unseen=500,
    mean_loss=0.003,
    bound=0.018,
    p_value=0.03,
    cost_share=0.6,
    data="0" * 64,
    date=date(2026, 1, 2),
)
SMALL, MEDIUM, LARGE = deployment("small", usd=0.1), deployment("medium", usd=1.0), deployment("large", usd=10.0)
AIM = AtLeast(model="large", within=0.02)


class Proven(Struct, frozen=True):
    """Predict nothing of interest, and say what was calibrated."""

    calibrations: tuple[Calibration, ...] = (MADE,)
    version: str = "proven-1"

    def predict(self, _request: Request, deployments: Sequence[Deployment]) -> list[Estimate]:
        """Give a coin toss."""
        return [estimate(0.5) for _ in deployments]


def margin(
    *candidates: Deployment, aim: AtLeast = AIM, reference: Deployment = LARGE, proven: Proven | None = None
) -> float | None:
    found = calibrated(aim, proven or Proven(), candidates, (reference,))
    assert isinstance(found, AtLeast)
    assert (found.model, found.within, found.confidence) == (aim.model, aim.within, aim.confidence)
    return found.margin


def test_the_calibrated_router_gets_the_margin() -> None:
    assert margin(LARGE, SMALL, MEDIUM) == -0.01


def test_organisation_case_and_other_providers_of_a_name_do_not_matter() -> None:
    twice = deployment("org/Medium", provider="two", usd=2.0)
    assert margin(LARGE, SMALL, twice, MEDIUM) == -0.01


def test_a_candidate_without_a_price_is_none() -> None:
    assert margin(LARGE, SMALL, MEDIUM, deployment("odd", usd=None)) == -0.01


@pytest.mark.parametrize(
    ("candidates", "aim", "reference"),
    [
        ((LARGE, SMALL), AIM, LARGE),
        ((LARGE, SMALL, MEDIUM, deployment("huge", usd=99.0)), AIM, LARGE),
        ((LARGE, deployment("small", usd=2.0), MEDIUM), AIM, LARGE),
        ((LARGE, SMALL, MEDIUM), replace(AIM, within=0.03), LARGE),
        ((LARGE, SMALL, MEDIUM), replace(AIM, confidence=0.9), LARGE),
        ((LARGE, SMALL, MEDIUM), replace(AIM, model="medium"), MEDIUM),
    ],
    ids=["a candidate less", "one more", "another order of price", "within", "confidence", "reference"],
)
def test_another_router_gets_none(candidates: tuple[Deployment, ...], aim: AtLeast, reference: Deployment) -> None:
    assert margin(*candidates, aim=aim, reference=reference) is None


def test_the_latest_counts() -> None:
    later = Proven((MADE, replace(MADE, margin=0.04), replace(MADE, within=0.5, margin=0.3)))
    assert margin(SMALL, MEDIUM, LARGE, proven=later) == 0.04


def test_other_objectives_and_predictors_are_left_alone() -> None:
    assert isinstance(Proven(), Calibrated)
    assert calibrated(AIM, Oracle({}), (SMALL, MEDIUM, LARGE), (LARGE,)) is AIM
    assert calibrated(AIM, None, (SMALL, MEDIUM, LARGE), (LARGE,)) is AIM
    tier = CostTier(tier="low")
    assert calibrated(tier, Proven(), (SMALL, MEDIUM, LARGE), ()) is tier


def test_models_are_named_by_their_lowest_price_then_by_name() -> None:
    cheap = deployment("large", provider="two", usd=0.5)
    assert by_price((LARGE, MEDIUM, cheap, deployment("b", usd=1.0))) == ("large", "b", "medium")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("within", -0.1),
        ("within", 1.5),
        ("confidence", 1.0),
        ("confidence", 0.0),
        ("margin", 1.5),
        ("margin", None),
        ("p_value", 2.0),
        ("cost_share", -0.5),
        ("bound", 1e400),
        ("groups", 0),
        ("groups", 501),
        ("unseen", 501),
        ("models", ["small", "medium"]),
        ("models", ["small", "large", "large"]),
        ("reference", ""),
        ("data", "short"),
        ("date", "yesterday"),
        ("extra", 1),
    ],
)
def test_what_is_out_of_range_does_not_load(field: str, value: object) -> None:
    document: dict[str, Any] = {**msgspec.to_builtins(MADE), field: value}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(document, Calibration)


def test_what_was_made_reads_back() -> None:
    assert msgspec.json.decode(msgspec.json.encode(MADE), type=Calibration) == MADE


def test_the_same_promise_is_that_of_the_same_choice() -> None:
    assert MADE.same_promise(replace(MADE, margin=0.5, prompts=900))
    assert not MADE.same_promise(replace(MADE, confidence=0.9))
    assert not MADE.same_promise(replace(MADE, models=("large", "medium", "small")))
