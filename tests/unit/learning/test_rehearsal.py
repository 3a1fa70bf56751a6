from __future__ import annotations

import numpy as np
import pytest

from gearshift.learning.guarantee import Promise
from gearshift.learning.margins import GRID, Sweep
from gearshift.learning.rehearsal import rehearse

PROMISE = Promise(reference="large", within=0.02, confidence=0.95)


def made(n: int, loss: float, *, noise: float = 0.2) -> Sweep:
    """Draw losses of all margins alike, with this mean, in steps of cost."""
    rng = np.random.default_rng(0)
    draw = rng.random((n, 1))
    one = np.where(draw < noise / 2 + loss, 1.0, np.where(draw < noise + loss, -1.0, 0.0))
    return Sweep(
        losses=np.tile(one, (1, len(GRID))),
        costs=np.tile(np.linspace(0.9, 0.1, len(GRID)), (n, 1)),
        reference=np.ones(n),
    )


def test_a_promise_that_cannot_be_kept_is_hardly_ever_made() -> None:
    found = rehearse(made(2000, 0.03), PROMISE, size=1000, rounds=200)
    assert found.refusals >= 190
    assert found.rate <= 0.05


def test_what_is_harmless_is_certified_and_kept() -> None:
    found = rehearse(made(3000, 0.0, noise=0.002), PROMISE, size=1000, rounds=50)
    assert (found.violations, found.refusals) == (0, 0)
    assert (found.calibrated_on, found.measured_on) == (1000, 2000)
    assert found.cost_share == pytest.approx(0.1)
    assert found.low == 0.0
    assert 0 < found.high < 0.1


def test_a_refusal_serves_the_reference() -> None:
    found = rehearse(made(100, 0.0), PROMISE, size=50, rounds=10)
    assert (found.refusals, found.violations, found.mean_loss, found.cost_share) == (10, 0, 0.0, 1.0)


def test_the_same_seed_gives_the_same_rehearsal() -> None:
    sample = made(400, 0.0, noise=0.05)
    first, second = (rehearse(sample, PROMISE, size=250, rounds=20, seed=3) for _ in range(2))
    assert first == second
