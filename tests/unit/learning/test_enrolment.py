from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from msgspec.structs import replace

from gearshift.errors import DataError
from gearshift.learning.artifact import Artifact, read
from gearshift.learning.data import OutcomeTable, table_of
from gearshift.learning.enrolment import enroll, look, suggest
from gearshift.learning.evaluation import recorded
from gearshift.learning.manifest import Charge
from gearshift.learning.parameters import PricePrior
from gearshift.learning.training import train

MakeRows = Callable[..., list[dict[str, object]]]
KNOWN = ("small", "large")


@pytest.fixture(scope="module")
def others(make_rows: MakeRows) -> Artifact:
    return train(table_of(make_rows(600, learnable=True, seed=1)), seed=0, models=KNOWN)


@pytest.fixture(scope="module")
def outcomes(make_rows: MakeRows) -> OutcomeTable:
    return table_of(make_rows(600, learnable=True, seed=2))


def mean_forecast(artifact: Artifact, table: OutcomeTable, model: str) -> float:
    predictor, asked = artifact.predictor(), [recorded(model, None)]
    return float(np.mean([predictor.predict(prompt.request, asked)[0].quality for prompt in table.prompts]))


def test_the_forecasts_of_the_others_stay_the_same(others: Artifact, outcomes: OutcomeTable) -> None:
    fresh = enroll(others, outcomes.take(np.arange(50)), "medium")
    pool = [recorded(name, None) for name in KNOWN]
    before, after = others.predictor(), fresh.predictor()
    for prompt in outcomes.prompts[:40]:
        assert after.predict(prompt.request, pool) == before.predict(prompt.request, pool)
    assert fresh.predictor().version != others.predictor().version


def test_the_mean_score_is_found_from_few_outcomes(others: Artifact, outcomes: OutcomeTable) -> None:
    truth = outcomes.quality[:, outcomes.models.index("medium")].mean()
    chosen = suggest(others, outcomes.prompts, 50)
    fresh = enroll(others, outcomes.take(np.array(chosen)), "medium")
    assert mean_forecast(fresh, outcomes, "medium") == pytest.approx(truth, abs=0.08)


def test_more_outcomes_make_it_surer(others: Artifact, outcomes: OutcomeTable) -> None:
    few, many = (enroll(others, outcomes.take(np.arange(count)), "medium").parameters for count in (10, 400))
    assert few.ability_std[-1] > 2 * many.ability_std[-1]


def test_hard_prompts_do_not_look_like_a_weak_model() -> None:
    """Asked only what known models mostly failed, the newcomer scores low; its forecast does not, where that shows."""
    rng = np.random.default_rng(0)
    rows = [
        {"prompt": f"greet the guests {rng.integers(10**9)}", "model": model, "score": float(rng.random() < odds)}
        for odds in rng.choice([0.1, 0.9], 400).tolist()
        for model in ("a", "b", "c", "d", "new")
    ]
    for place, row in enumerate(rows):
        row["prompt"] = rows[place - place % 5]["prompt"]
    table = table_of(rows)
    artifact = train(table.take(np.arange(200)), seed=0, models=["a", "b", "c", "d"])
    known = [table.models.index(name) for name in "abcd"]
    hard = table.take(np.flatnonzero(table.quality[:, known].mean(axis=1) < 0.5)[:60])
    alone = hard.take(np.arange(len(hard.prompts)), ["new"])
    beside, without = (mean_forecast(enroll(artifact, each, "new"), table, "new") for each in (hard, alone))
    assert beside == pytest.approx(0.5, abs=0.1)
    assert without < 0.35


def test_the_price_speaks_where_outcomes_are_few(others: Artifact, outcomes: OutcomeTable) -> None:
    prior = PricePrior(intercept=0.0, slope=0.2, std=0.1)
    learned = replace(others, parameters=replace(others.parameters, prior=prior))
    one = outcomes.take(np.arange(1))
    cheap, dear = (
        enroll(learned, one, "medium", Charge(input_price=each, output_price=each)).parameters.ability[-1]
        for each in (0.1, 10.0)
    )
    assert dear > cheap + 0.2


def test_lengths_and_charges_are_learned_too(others: Artifact, outcomes: OutcomeTable) -> None:
    fresh = enroll(others, outcomes.take(np.arange(100)), "medium")
    facts = fresh.manifest.models[-1]
    assert (facts.name, facts.outcomes, facts.enrolled) == ("medium", 100, True)
    assert facts.charge.cost_usd == pytest.approx(0.004)
    asked = [recorded("medium", None)]
    told = [fresh.predictor().predict(prompt.request, asked)[0].output_tokens for prompt in outcomes.prompts[:100]]
    assert np.mean(told) == pytest.approx(225, rel=0.2)


def test_enrolling_again_starts_anew(others: Artifact, outcomes: OutcomeTable) -> None:
    once = enroll(others, outcomes.take(np.arange(50)), "medium")
    twice = enroll(enroll(others, outcomes.take(np.arange(20)), "medium"), outcomes.take(np.arange(50)), "medium")
    assert twice.predictor().version == once.predictor().version


def test_what_was_enrolled_can_be_saved_and_read(
    others: Artifact, outcomes: OutcomeTable, tmp_path_factory: pytest.TempPathFactory
) -> None:
    fresh = enroll(others, outcomes.take(np.arange(30)), "medium")
    folder = fresh.save(tmp_path_factory.mktemp("enrolled") / "artefact")
    assert read(folder).predictor().version == fresh.predictor().version


@pytest.mark.parametrize(
    ("model", "words"), [("small", "was trained on it"), ("absent", "expected some of absent"), ("SMALL", "trained on")]
)
def test_a_model_that_is_known_or_absent_is_refused(
    others: Artifact, outcomes: OutcomeTable, model: str, words: str
) -> None:
    with pytest.raises(DataError, match=words):
        enroll(others, outcomes, model)


def test_suggested_prompts_are_distinct_and_where_models_differ(others: Artifact, outcomes: OutcomeTable) -> None:
    chosen = suggest(others, outcomes.prompts, 20)
    assert len(set(chosen)) == 20
    assert {outcomes.prompts[place].task for place in chosen} == {"hard"}
    assert len(suggest(others, outcomes.prompts[:5], 20)) == 5


def test_the_artefact_is_seen_as_it_serves(others: Artifact, outcomes: OutcomeTable) -> None:
    """Level, slope and length explain a known model's forecast, but for what is its own."""
    learned, prompts = others.parameters, outcomes.prompts[:30]
    seen = look(learned, prompts)
    row = learned.models.index("large")
    shared = seen.level + learned.ability[row] * seen.slope + learned.offset[row]
    asked = [recorded("large", None)]
    served = [others.predictor().predict(prompt.request, asked)[0] for prompt in prompts]
    assert np.corrcoef(shared, [each.quality for each in served])[0, 1] > 0.5
    assert seen.task.sum(axis=1) == pytest.approx(1, abs=1e-4)
