from __future__ import annotations

from collections import Counter

from gearshift.cli.demo import split
from gearshift.simulate.prompts import load_prompts


def test_the_halves_are_disjoint_whole_and_even_in_every_family() -> None:
    prompts = load_prompts()
    train, test = split(prompts, seed=0)
    assert {prompt.id for prompt in train} | {prompt.id for prompt in test} == {prompt.id for prompt in prompts}
    assert len(train) + len(test) == len(prompts)
    ours, theirs = (Counter(prompt.family for prompt in half) for half in (train, test))
    assert all(abs(ours[family] - theirs[family]) <= 1 for family in ours)


def test_the_split_depends_on_the_seed_only() -> None:
    prompts = load_prompts()
    assert split(prompts, seed=1) == split(list(reversed(prompts)), seed=1)
    assert split(prompts, seed=1) != split(prompts, seed=2)
