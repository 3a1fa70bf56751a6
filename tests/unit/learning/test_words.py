from __future__ import annotations

import pytest
from msgspec.structs import replace

from gearshift.learning.findings import Baselines, Method, PairReport, RivalReport, SetReport
from gearshift.learning.metrics import Interval
from gearshift.learning.words import caution, headline, sentences, undecided, verdict

GAIN = Interval(value=0.02, low=0.01, high=0.03)
EVEN = Interval(value=0.0, low=-0.01, high=0.01)
LOSS = Interval(value=-0.02, low=-0.03, high=-0.01)
FOUND = SetReport(
    dataset="d",
    prompts=500,
    models=3,
    ece=0.1,
    baselines=Baselines(
        best_model="big",
        best_quality=0.5,
        best_cost_usd=1.0,
        random_quality=0.5,
        random_cost_usd=1.0,
        oracle_quality=0.5,
        oracle_cost_usd=1.0,
    ),
    points=(),
    gain=GAIN,
    parity=Interval(value=0.4, low=0.3, high=0.6),
    near_parity=Interval(value=0.2, low=0.1, high=0.3),
    aiq=None,
    pair=None,
)
METHOD = Method(
    gearshift="1",
    training_digest="a",
    data_digest="b",
    prompts=10,
    unseen=10,
    holdout=0.5,
    seed=0,
    dials=25,
    resamples=300,
)


def said(found: SetReport) -> str:
    return " ".join(sentences(found)).replace("\N{NO-BREAK SPACE}", " ")


def test_a_saving_is_claimed_only_when_it_is_certain() -> None:
    assert "costs 40 % of its cost: a saving of 60 % (95 % interval: 40 to 70 %)" in said(FOUND)
    unsure = replace(FOUND, parity=Interval(value=0.4, low=0.3, high=None))
    assert "not reached), so no saving is certain" in said(unsure)
    never = replace(FOUND, parity=Interval(value=None))
    assert "No setting reaches the mean score of big" in said(never)
    assert "98 % of it costs 20 % of what big costs" in said(never)
    assert "98 %" not in said(replace(never, near_parity=Interval(value=None)))


@pytest.mark.parametrize(
    ("gain", "kind", "words"),
    [
        (GAIN, "gain", "2.0 points above the best mix"),
        (EVEN, "even", "does not surely differ"),
        (LOSS, "loss", "2.0 points below the best mix"),
    ],
)
def test_a_gain_is_named_by_its_interval(gain: Interval, kind: str, words: str) -> None:
    found = replace(FOUND, gain=gain)
    assert verdict(found) == kind
    assert words in said(found)


def test_few_prompts_conclude_nothing() -> None:
    found = replace(FOUND, prompts=16)
    assert verdict(found) == "thin"
    assert said(found).startswith("16 prompts are too few")
    assert headline([found]) == "What routing saves is not known: too few prompts"


def test_without_costs_nothing_is_said_of_savings() -> None:
    found = replace(FOUND, gain=None, parity=None, near_parity=None)
    assert verdict(found) == "unknown"
    assert said(found) == "No cost is known, so nothing can be said of savings."
    assert headline([found]) == "What routing saves is not known: no cost is recorded"
    assert sentences(replace(found, models=1)) == []


def test_the_headline_counts() -> None:
    won, lost, even = FOUND, replace(FOUND, gain=LOSS), replace(FOUND, gain=EVEN)
    assert headline([won]) == "Routing beats mixing single models on the one data set measured"
    assert headline([won, won]) == "Routing beats mixing single models on all 2 data sets"
    assert headline([won, lost, even]) == "Routing beats mixing single models on 1 of 3 data sets and loses on 1"
    assert headline([even]) == "No gain is shown on 1 data set"
    assert headline([even, lost]) == "No gain is shown on 2 data sets; on 1 routing loses"


def test_data_sets_that_tell_nothing_are_named() -> None:
    thin = replace(FOUND, dataset="few", prompts=5)
    assert undecided([FOUND, thin]) == "On few nothing can be concluded for want of costs or prompts."
    assert undecided([FOUND]) == undecided([thin]) == ""


def test_harm_rivals_pairs_and_new_data_sets_are_told() -> None:
    rivals = tuple(
        RivalReport(name=name, setting="", prompts=9, points=(), gain=GAIN, lead=lead)
        for name, lead in (("ahead", LOSS), ("behind", GAIN), ("level", EVEN))
    )
    pair = PairReport(strong="big", weak="small", apgr=Interval(value=0.6, low=0.5, high=0.7), cpt_50=EVEN, cpt_80=EVEN)
    text = said(replace(FOUND, harm=LOSS, rivals=rivals, trained=False, pair=pair))
    assert "2.0 points below that mix." in text
    assert "The baseline ahead gains 2.0 points more" in text
    assert "The baseline behind gains 2.0 points less" in text
    assert "The baseline level gains about as much." in text
    assert "out of distribution" in text
    assert "recovers an average of 60 %" in text
    assert "which chance may explain" in said(replace(FOUND, harm=Interval(value=-0.01, low=-0.02, high=0.01)))
    assert "worst setting" not in said(replace(FOUND, harm=GAIN))


def test_prompts_that_may_have_been_trained_on_are_a_caution() -> None:
    assert caution(METHOD) == ""
    assert "trained on 3 of 10 prompts" in caution(replace(METHOD, unseen=7))
