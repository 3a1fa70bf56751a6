from __future__ import annotations

import numpy as np
import pytest

from gearshift.learning.data import Prompt
from gearshift.learning.features import as_request
from gearshift.learning.pool import Pool
from gearshift.types.catalog import Deployment, Provider

PROVIDER = Provider(id="p", protocol="openai_chat", base_url="http://127.0.0.1:1")
QUALITY = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
COST = np.tile([1.0, 2.0, 5.0], (4, 1))


def pool(*, cost: bool = True) -> Pool:
    names = ("small", "middle", "large")
    return Pool(
        dataset="d",
        prompts=tuple(
            Prompt(id=str(n), dataset="d", task="odd" if n % 2 else "even", request=as_request(f"q{n}"), group=str(n))
            for n in range(4)
        ),
        deployments=tuple(Deployment(id=f"p/{name}", model=name, name=name, provider=PROVIDER) for name in names),
        quality=QUALITY,
        cost=COST if cost else None,
    )


def test_the_best_of_equals_is_the_cheapest() -> None:
    assert pool().models[pool().best] == "middle"
    assert pool(cost=False).best == 1


def test_the_oracle_takes_the_cheapest_of_the_best() -> None:
    quality, cost = pool().oracle()
    assert quality.tolist() == [1, 1, 1, 0]
    assert cost is not None
    assert cost.tolist() == [1, 2, 5, 1]
    assert pool(cost=False).oracle()[1] is None


def test_baselines_and_singles_are_means() -> None:
    base = pool().baselines()
    assert (base.best_model, base.best_quality, base.best_cost_usd) == ("middle", 0.5, 2.0)
    assert base.random_quality == pytest.approx(5 / 12)
    assert base.oracle_cost_usd == pytest.approx(9 / 4)
    assert [(each.model, each.quality, each.cost_usd) for each in pool().singles()] == [
        ("small", 0.25, 1.0),
        ("middle", 0.5, 2.0),
        ("large", 0.5, 5.0),
    ]
    assert {each.cost_usd for each in pool(cost=False).singles()} == {None}


def test_tasks_need_prompts_and_company() -> None:
    assert {name: rows.tolist() for name, rows in pool().tasks(2).items()} == {"even": [0, 2], "odd": [1, 3]}
    assert pool().tasks(3) == {}
    assert pool().take(np.array([0, 2])).tasks(1) == {}


def test_a_part_keeps_its_outcomes() -> None:
    part = pool().take(np.array([2, 0]))
    assert [prompt.id for prompt in part.prompts] == ["2", "0"]
    assert part.quality.tolist() == [QUALITY[2].tolist(), QUALITY[0].tolist()]
    assert pool(cost=False).take(np.array([1])).cost is None
