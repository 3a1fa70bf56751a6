from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gearshift.learning.choices import Forecasts, Remembered, choices, choose, decided, forecasts
from gearshift.learning.data import Prompt
from gearshift.learning.features import as_request
from gearshift.learning.pool import Pool
from gearshift.types.catalog import Deployment, Price, Provider, Rates
from gearshift.types.chat import Request
from gearshift.types.decision import Estimate, WillingnessToPay

PROVIDER = Provider(id="p", protocol="openai_chat", base_url="http://127.0.0.1:1")
PRICE = Price(rates=Rates(input=1, output=1), source="test")
COARSE = st.sampled_from([0.0, 0.25, 0.5, 1.0])
"""Few values, so that ties are common."""
QUALITY = st.one_of(COARSE, st.floats(0, 1, width=32))
COST = st.one_of(st.sampled_from([0, 1, 1_000_000]), st.integers(0, 10**12))
DIALS = st.lists(st.one_of(st.just(0.0), st.floats(1e-7, 1e3)), min_size=1, max_size=6)


class Told:
    """Answer what was written down for each request; counts how often it was asked."""

    version = "told"

    def __init__(self, answers: dict[str, list[Estimate]]) -> None:
        self.answers, self.asked = answers, 0

    def predict(self, request: Request, deployments: Sequence[Deployment]) -> list[Estimate]:
        self.asked += 1
        found = self.answers[request.model]
        assert len(found) == len(deployments)
        return found


def world(rows: Sequence[Sequence[tuple[float, int]]]) -> tuple[Told, Pool]:
    """Make a pool of as many prompts as rows, and the predictor that expects (quality, nano-USD) of each model."""
    names = [f"m{9 - column}" for column in range(len(rows[0]))]  # ids descend: ties must look at them
    requests = [Request(model=str(number), messages=as_request("x").messages) for number in range(len(rows))]
    answers = {
        str(number): [Estimate(quality=q, quality_std=0.1, cost=cost, output_tokens=1.0) for q, cost in row]
        for number, row in enumerate(rows)
    }
    shape = (len(rows), len(names))
    return Told(answers), Pool(
        dataset="d",
        prompts=tuple(Prompt(id=each.model, dataset="d", task="", request=each, group=each.model) for each in requests),
        deployments=tuple(
            Deployment(id=f"p/{name}", model=name, name=name, provider=PROVIDER, price=PRICE) for name in names
        ),
        quality=np.zeros(shape),
        cost=np.zeros(shape),
    )


@given(st.data(), st.integers(1, 6), DIALS)
def test_the_sweep_chooses_as_the_production_code_does(data: st.DataObject, models: int, dials: list[float]) -> None:
    row = st.lists(st.tuples(QUALITY, COST), min_size=models, max_size=models)
    predictor, pool = world(data.draw(st.lists(row, min_size=1, max_size=5)))
    swept = choose(forecasts(predictor, pool), pool.deployments, dials)
    assert swept.tolist() == decided(predictor, pool, [WillingnessToPay(usd=dial) for dial in dials]).tolist()


def test_ties_fall_to_lower_cost_then_quality_then_id() -> None:
    predictor, pool = world([[(0.5, 10), (0.5, 10), (0.25, 10)], [(0.5, 5), (0.5, 10), (0.0, 5)]])
    swept = choose(forecasts(predictor, pool), pool.deployments, [0.0, 1.0])
    assert swept.tolist() == [[1, 0], [1, 0]]


def test_every_prompt_is_asked_once() -> None:
    told, pool = world([[(0.5, 10), (0.6, 20)]] * 50)
    predictor = Remembered(told)
    found = choices(predictor, pool, forecasts(predictor, pool), [0.001, 1.0])
    assert predictor.version == "told"
    assert told.asked == 50
    assert (found.checked, found.differing) == (80, 0)
    assert found.columns.shape == (2, 50)


def test_one_difference_lets_the_production_code_make_all_choices() -> None:
    predictor, pool = world([[(0.5, 10), (0.6, 20)]] * 3)
    wrong = Forecasts(quality=np.tile([0.9, 0.1], (3, 1)), quality_std=np.ones((3, 2)), cost=np.ones((3, 2)))
    found = choices(predictor, pool, wrong, [1.0])
    assert found.differing == 3
    assert found.columns.tolist() == [[1, 1, 1]]


def test_an_unknown_cost_is_left_to_the_production_code() -> None:
    predictor, pool = world([[(0.5, 10), (0.6, 20)]] * 3)
    expected = forecasts(predictor, pool)
    unsure = Forecasts(quality=expected.quality, quality_std=expected.quality_std, cost=expected.cost * np.nan)
    assert choices(predictor, pool, unsure, [1.0]).columns.tolist() == [[1, 1, 1]]
