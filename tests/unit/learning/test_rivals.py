from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gearshift.learning import rivals as module
from gearshift.learning.data import OutcomeTable, split, table_of
from gearshift.learning.evaluation import recorded
from gearshift.learning.pool import Pool
from gearshift.learning.rivals import rivals


def pool_of(table: OutcomeTable) -> Pool:
    return Pool(
        dataset="made",
        prompts=table.prompts,
        deployments=tuple(recorded(name, None) for name in table.models),
        quality=table.quality,
        cost=table.cost_usd,
    )


def test_rivals_see_what_is_hard(table: OutcomeTable) -> None:
    rest, held = split(table, 0.5, 0)
    hard = np.array([prompt.task == "hard" for prompt in held.prompts])
    found = rivals(rest, pool_of(held))
    assert [each.name for each in found] == ["kNN", "ridge per model"]
    for each in found:
        assert each.prompts == len(rest.prompts)
        assert each.quality.shape == held.quality.shape
        assert ((each.quality >= 0) & (each.quality <= 1)).all()
        small = each.quality[:, held.models.index("small")]
        assert small[~hard].mean() - small[hard].mean() > 0.4
    assert found[0].setting.startswith("k = ")
    assert "1, 4, 15, 60" in found[1].setting


def test_gaps_count_as_the_mean(table: OutcomeTable) -> None:
    rest, held = split(table, 0.5, 0)
    rest.quality[: len(rest.prompts) // 2, 0] = np.nan
    try:
        found = rivals(rest, pool_of(held))
        assert len(found) == 2
        assert all(np.isfinite(each.quality).all() for each in found)
    finally:
        rest.quality[:] = split(table, 0.5, 0)[0].quality


def test_without_the_models_or_with_hardly_a_prompt_there_is_nothing(table: OutcomeTable) -> None:
    rest, held = split(table, 0.5, 0)
    everyone = np.arange(len(rest.prompts))
    assert rivals(rest.take(everyone, ["small"]), pool_of(held)) == ()
    assert rivals(rest.take(everyone[:10]), pool_of(held)) == ()


def test_more_prompts_than_can_be_handled_are_thinned(
    make_rows: Callable[..., list[dict[str, object]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PROMPTS", 60)
    found = rivals(table_of(make_rows(100, learnable=True)), pool_of(table_of(make_rows(20, learnable=True, seed=5))))
    assert {each.prompts for each in found} == {60}
