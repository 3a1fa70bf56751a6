"""The protocol of budgets holds in every state of small configurations, and each mutant of it is caught."""

from __future__ import annotations

import pytest

from tools.check_protocol import MUTANTS, SMALL, Config, Mutant, explore


@pytest.mark.parametrize("config", SMALL)
def test_the_protocol_holds_in_every_state(config: Config) -> None:
    found = explore(config)
    assert found.fault == "", found.trace
    assert found.states > 1000


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_caught_and_how_is_told(mutant: Mutant) -> None:
    found = [explore(config, mutant) for config in SMALL]
    caught = next(each for each in found if each.fault)
    assert caught.trace
