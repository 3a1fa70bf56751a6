from __future__ import annotations

import json
from datetime import date
from math import inf

import pytest
from msgspec.structs import replace

from gearshift.learning.guarantee import Promise
from gearshift.learning.rehearsal import Rehearsal
from gearshift.learning.verdict import Left, Setting, Verdict, distinct, rounded
from gearshift.routing.calibration import Calibration


def setting(margin: float, share: float, *, accepted: bool = True) -> Setting:
    return Setting(
        margin=margin,
        cost_share=share,
        mean_loss=1 - share,
        bound=0.01,
        p_value=0.02,
        needed=160 if accepted else None,
        accepted=accepted,
    )


CALIBRATION = Calibration(
    reference="large",
    within=0.02,
    confidence=0.95,
    margin=-0.005,
    models=("small", "large"),
    prompts=320,
    groups=300,
    unseen=320,
    mean_loss=0.0012,
    bound=0.0188,
    p_value=0.02,
    cost_share=0.5,
    data="0" * 64,
    date=date(2026, 1, 2),
)
VERDICT = Verdict(
    promise=Promise(reference="large", within=0.02, confidence=0.95),
    version="v",
    models=("small", "large"),
    prompts=320,
    groups=300,
    unseen=320,
    left=Left(),
    settings=(setting(-0.01, 1.0), setting(-0.005, 0.5), setting(0.0, 0.5), setting(0.1, 0.2, accepted=False)),
    calibration=CALIBRATION,
    needed=None,
    rehearsal=Rehearsal(
        rounds=200,
        calibrated_on=150,
        measured_on=150,
        violations=4,
        low=0.008,
        high=0.05,
        refusals=10,
        mean_loss=0.002,
        cost_share=0.6,
    ),
)


def test_the_text_shows_the_dial_the_choice_and_the_rehearsal() -> None:
    text = VERDICT.to_text()
    assert "promise: large's mean score less 0.02, confidence 0.95" in text
    assert "data: 320 prompts, 300 different questions" in text
    assert "  -0.005    50.0%    +0.5000  +0.0100      160  chosen" in text
    assert "  +0.000 " not in text
    assert "  +0.100    20.0%    +0.8000  +0.0100        -\n" in text
    assert "chosen: margin -0.005, at 50.0% of the reference's expected cost" in text
    assert "4 lost more than 0.02, that is 2.0% (0.8% to 5.0%); 10 were refused" in text
    assert "left out" not in text


def test_what_was_left_out_is_said() -> None:
    left = Left(without_reference=3, incomplete=2, seldom=("rare", "odd"), unpriced=("free",))
    text = replace(VERDICT, left=left).to_text()
    assert "left out: 3 prompts without an outcome of the reference" in text
    assert "left out: 2 prompts that not every candidate answered" in text
    assert "left out: rare, odd (answered too few prompts)" in text
    assert "left out: free (price unknown; --prices states it)" in text


@pytest.mark.parametrize(
    ("needed", "said"),
    [
        (450, "refused: found 300 different questions, too few to be sure of any cheaper setting; expected about 450"),
        (None, "refused: found 300 questions on which every cheaper setting loses too much"),
    ],
)
def test_a_refusal_says_what_it_would_take(needed: int | None, said: str) -> None:
    assert said in replace(VERDICT, calibration=None, needed=needed).to_text()


def test_json_holds_every_setting() -> None:
    document = json.loads(VERDICT.to_json())
    assert len(document["settings"]) == 4
    assert document["calibration"]["date"] == "2026-01-02"
    assert document["rehearsal"]["violations"] == 4


def test_settings_that_choose_alike_are_shown_once() -> None:
    assert [each.margin for each in distinct(VERDICT.settings)] == [-0.01, -0.005, 0.1]


@pytest.mark.parametrize(("count", "shown"), [(7.0, 7), (99.0, 99), (151.0, 160), (1201.0, 1300), (inf, None)])
def test_a_number_needed_is_rounded_up(count: float, shown: int | None) -> None:
    assert rounded(count) == shown
