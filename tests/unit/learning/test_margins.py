from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gearshift.learning.choices import Forecasts, decided, forecasts
from gearshift.learning.guarantee import Promise
from gearshift.learning.margins import GRID, Sweep, certified, choose, margin_choices, saving, sweep
from gearshift.learning.pool import Pool
from gearshift.types.decision import AtLeast
from tests.unit.learning.test_choices import COST, QUALITY, Told, world

PROMISE = Promise(reference="m9", within=0.02, confidence=0.95)


def test_the_grid_begins_with_the_most_cautious_and_ends_with_the_cheapest() -> None:
    assert list(GRID) == sorted(set(GRID))
    assert (GRID[0], GRID[-1]) == (-0.25, 1.0)
    assert 0.0 in GRID


@settings(max_examples=25)
@given(st.data(), st.integers(1, 5))
def test_the_sweep_chooses_as_the_production_code_does(data: st.DataObject, models: int) -> None:
    row = st.lists(st.tuples(QUALITY, COST), min_size=models, max_size=models)
    predictor, pool = world(data.draw(st.lists(row, min_size=1, max_size=3)))
    swept = choose(forecasts(predictor, pool), pool, "m9")
    objectives = [AtLeast(model="m9", margin=margin) for margin in GRID]
    compared = (pool.deployments[pool.models.index("m9")],)
    assert swept.tolist() == decided(predictor, pool, objectives, compared).tolist()


def scored(rows: Sequence[Sequence[tuple[float, int]]], scores: Sequence[Sequence[float]]) -> tuple[Told, Pool]:
    predictor, pool = world(rows)
    return predictor, replace(pool, quality=np.array(scores))


def test_losses_and_expected_costs_are_looked_up() -> None:
    predictor, pool = scored([[(0.8, 100), (0.7, 10)], [(0.8, 100), (0.5, 10)]], [[1.0, 0.25], [0.5, 0.75]])
    found = sweep(predictor, pool, "m9")
    at = {margin: number for number, margin in enumerate(GRID)}
    assert found.losses[:, at[0.05]].tolist() == [0.0, 0.0]
    assert sorted(found.losses[:, at[0.1]].tolist()) == [0.0, 0.75]
    assert sorted(found.losses[:, at[0.35]].tolist()) == [-0.25, 0.75]
    assert found.shares[[at[0.05], at[0.1], at[0.35]]].tolist() == pytest.approx([1.0, 0.55, 0.1])
    assert GRID[saving(found)[0]] == 0.1


def test_prompts_of_one_group_are_one_observation() -> None:
    predictor, pool = scored([[(0.8, 100), (0.8, 10)]] * 3, [[1.0, 0.0], [1.0, 0.5], [0.0, 0.0]])
    one = replace(
        pool, prompts=tuple(replace(each, group=group) for each, group in zip(pool.prompts, "aab", strict=True))
    )
    assert sweep(predictor, one, "m9").losses[:, -1].tolist() == [0.75, 0.0]


def test_one_difference_lets_the_production_code_make_all_choices() -> None:
    predictor, pool = world([[(0.5, 10), (0.6, 5)]] * 3)
    wrong = Forecasts(quality=np.tile([0.9, 0.1], (3, 1)), quality_std=np.ones((3, 2)), cost=np.ones((3, 2)))
    assert margin_choices(predictor, pool, wrong, "m9")[-1].tolist() == [1, 1, 1]


def swept(n: int, broken_from: float) -> Sweep:
    """Make margins that cost less and less, and lose everything from `broken_from` on."""
    losses = np.where(np.array(GRID) >= broken_from, 1.0, 0.0)
    return Sweep(
        losses=np.tile(losses, (n, 1)),
        costs=np.tile(np.linspace(1.0, 0.1, len(GRID)), (n, 1)),
        reference=np.ones(n),
    )


def test_the_cheapest_margin_before_the_first_that_fails_is_chosen() -> None:
    found = certified(swept(400, 0.05), PROMISE)
    assert found is not None
    assert GRID[found] == pytest.approx(0.045)


def test_too_few_questions_certify_nothing() -> None:
    assert certified(swept(100, 0.05), PROMISE) is None


def test_a_margin_that_saves_nothing_is_not_chosen() -> None:
    dear = replace(swept(400, 2.0), costs=np.ones((400, len(GRID))))
    assert certified(dear, PROMISE) is None
    assert saving(dear).size == 0


def test_of_equal_margins_the_most_cautious_is_chosen() -> None:
    flat = replace(swept(400, 2.0), costs=np.tile(np.where(np.array(GRID) < 0.0, 1.0, 0.5), (400, 1)))
    found = certified(flat, PROMISE)
    assert found is not None
    assert GRID[found] == 0.0
