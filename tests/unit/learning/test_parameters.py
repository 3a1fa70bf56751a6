from __future__ import annotations

from gearshift.learning.artifact import Artifact
from gearshift.learning.parameters import SHARED


def test_what_is_learned_has_the_stated_shapes(trained: Artifact) -> None:
    learned = trained.parameters
    n_models, n_tasks, dims = len(learned.models), len(learned.trust), learned.features.dims
    assert learned.weights.shape == (dims, SHARED + 2 * n_models + 2 * n_tasks)
    assert learned.bias.shape == learned.weights.shape[1:]
    assert learned.mix.shape == (n_tasks, SHARED + 2 * n_models)
    assert learned.rarity.shape == (dims,)
    assert learned.trust.shape == (n_tasks, 3)
    assert learned.seen.shape == (n_tasks, n_models)
    for each in (learned.ability, learned.ability_std, learned.offset, learned.scale, learned.overhead):
        assert each.shape == (n_models,)
