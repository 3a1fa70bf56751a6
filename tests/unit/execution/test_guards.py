from __future__ import annotations

import random

from gearshift.execution.guards import Dice, Guards
from gearshift.execution.health import Health
from gearshift.execution.retry_budget import RetryBudget


def test_python_s_own_generators_are_dice() -> None:
    generators: list[Dice] = [random.Random(1), random.SystemRandom()]
    for dice in generators:
        assert 0 <= Guards(Health(), RetryBudget(), dice).dice.random() < 1
