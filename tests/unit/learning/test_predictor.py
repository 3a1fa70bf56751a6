from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.learning.artifact import Artifact, builtin_path, load
from gearshift.learning.evaluation import recorded
from gearshift.learning.features import as_request
from gearshift.learning.parameters import PricePrior
from gearshift.learning.predictor import LearnedPredictor
from gearshift.types.catalog import Deployment, Price, Rates
from gearshift.types.chat import Sampling
from gearshift.types.decision import Estimate

HARD, EASY = as_request("prove the lemma birch cedar 1"), as_request("greet the guests birch cedar 2")


def priced(model: str, dollars: float) -> Deployment:
    rate = round(dollars * 1e9)
    return recorded(model, Price(rates=Rates(input=rate, output=rate), source="test"))


@pytest.fixture(scope="module")
def learned(trained: Artifact) -> LearnedPredictor:
    return trained.predictor()


def by_model(found: list[Estimate], deployments: list[Deployment]) -> dict[str, Estimate]:
    return {each.model: estimate for each, estimate in zip(deployments, found, strict=True)}


def test_it_has_learned_what_is_true(learned: LearnedPredictor) -> None:
    deployments = [priced(name, 1.0) for name in ("large", "small")]
    hard, easy = (by_model(learned.predict(request, deployments), deployments) for request in (HARD, EASY))
    assert hard["large"].quality > hard["small"].quality + 0.4
    assert abs(easy["large"].quality - easy["small"].quality) < 0.25
    assert hard["large"].output_tokens > 2 * easy["large"].output_tokens
    assert hard["large"].cost is not None
    assert easy["large"].cost is not None
    assert hard["large"].cost > easy["large"].cost > 0


def test_the_order_of_deployments_does_not_matter(learned: LearnedPredictor) -> None:
    deployments = [priced(name, 1.0) for name in ("large", "unseen", "small")]
    assert learned.predict(HARD, deployments)[::-1] == learned.predict(HARD, deployments[::-1])
    assert learned.predict(HARD, []) == []


def test_what_was_forgotten_is_gathered_again(learned: LearnedPredictor) -> None:
    deployments = [priced(name, 1.0) for name in ("large", "small")]
    before = learned.predict(HARD, deployments)
    learned.forget()
    assert learned.predict(HARD, deployments) == before


def test_an_unknown_price_gives_an_unknown_cost(learned: LearnedPredictor) -> None:
    found = learned.predict(EASY, [recorded("large", None), priced("small", 0.0)])
    assert found[0].cost is None
    assert found[1].cost == 0


def test_an_unseen_model_gets_a_prior_from_its_price_and_a_wide_spread(trained: Artifact) -> None:
    prior = PricePrior(intercept=0.0, slope=0.1, std=0.3)
    learned = LearnedPredictor(msgspec.structs.replace(trained.parameters, prior=prior), version="v")
    deployments = [priced("new", 10.0), priced("newer", 0.1), recorded("newest", None), priced("large", 1)]
    found = learned.predict(HARD, deployments)
    assert found[0].quality > found[2].quality > found[1].quality
    assert min(each.quality_std for each in found[:3]) > found[3].quality_std
    assert not learned.knows("new")


def test_names_are_known_by_alias_and_without_organisation_or_case(trained: Artifact) -> None:
    learned = LearnedPredictor(msgspec.structs.replace(trained.parameters, aliases={"big": "large"}), version="v")
    found = learned.predict(HARD, [recorded(name, None) for name in ("large", "acme/LARGE", "Big")])
    assert found[0] == found[1] == found[2]


def test_spread_grows_away_from_what_was_trained_on(learned: LearnedPredictor) -> None:
    deployments = [priced("large", 1.0)]
    near, far = (
        learned.predict(each, deployments)[0] for each in (HARD, as_request("SELECT * FROM t WHERE x > 3;\n" * 20))
    )
    assert far.quality_std > near.quality_std > 0


def test_answers_are_no_longer_than_the_caller_allows(learned: LearnedPredictor) -> None:
    request = msgspec.structs.replace(HARD, sampling=Sampling(max_output_tokens=5))
    assert learned.predict(request, [priced("large", 1.0)])[0].output_tokens == 5


@given(st.text(max_size=2000))
def test_every_estimate_is_in_range(text: str) -> None:
    deployments = [priced(name, 2.0) for name in ("gpt-4o", "llama-3.1-8b-instruct", "who-knows", "gpt-5.5")]
    for found in load(builtin_path()).predict(as_request(text), deployments):
        assert 0 <= found.quality <= 1
        assert 0 < found.quality_std <= 0.5
        assert 1 <= found.output_tokens <= 100_001
        assert found.cost is not None
        assert found.cost >= 0
        assert np.isfinite([found.quality, found.quality_std, found.output_tokens]).all()
