from __future__ import annotations

import numpy as np
import pytest

from gearshift.learning.curve import Curve, Field
from gearshift.learning.findings import SetReport
from gearshift.learning.metrics import resamples
from gearshift.learning.pool import Pool
from gearshift.types.catalog import Deployment, Provider

PROVIDER = Provider(id="p", protocol="openai_chat", base_url="http://127.0.0.1:1")
N = 60
HARD = np.arange(N) % 2 == 1


def field(*, cost: bool = True) -> Field:
    """Make two models: the small one is right on easy prompts, the large one always, at ten times the cost."""
    quality = np.column_stack([~HARD, np.ones(N)]).astype(float)
    pool = Pool(
        dataset="d",
        prompts=(),
        deployments=tuple(
            Deployment(id=f"p/{name}", model=name, name=name, provider=PROVIDER) for name in ("small", "large")
        ),
        quality=quality,
        cost=np.tile([0.001, 0.01], (N, 1)) if cost else None,
    )
    return Field(pool, resamples(N))


def knowing() -> Curve:
    """Choose the small model, then the right one, then the large one."""
    return Curve(field(), np.array([np.zeros(N, int), HARD.astype(int), np.ones(N, int)]))


def empty() -> SetReport:
    return SetReport(
        dataset="d",
        prompts=N,
        models=2,
        ece=0.0,
        baselines=field().pool.baselines(),
        points=(),
        gain=None,
        parity=None,
        near_parity=None,
        aiq=None,
        pair=None,
    )


def test_a_knowing_router_by_hand() -> None:
    found = knowing().fill(empty())
    assert found.parity is not None
    assert found.parity.value == pytest.approx(0.55)
    assert found.cost_save is not None
    assert found.cost_save.value == pytest.approx(0.45)
    assert found.perf_gain is not None
    assert found.perf_gain.value == pytest.approx(0)
    assert found.oracle_gap is not None
    assert found.oracle_gap.value == pytest.approx(0)
    # The mix scores 0.5 + 0.5 x (cost - 1) / 9 at a cost of 5.5, the router 1; elsewhere they are equal.
    assert found.harm is not None
    assert found.harm.value == pytest.approx(0)
    assert found.lift is not None
    assert found.lift.value == pytest.approx(0.25 / 3)
    assert found.gain is not None
    assert found.gain.low is not None
    assert found.gain.low > 0
    assert found.aiq is not None
    assert found.aiq[0] > found.aiq[1]
    assert found.arena is not None
    assert found.arena.value is not None


def test_points_say_what_was_chosen_and_how_sure_the_score_is() -> None:
    cheap, middle, dear = knowing().points(np.array([0.001, 0.01, 1.0]))
    assert (cheap.shares, dear.shares) == ({"small": 1.0}, {"large": 1.0})
    assert middle.shares == {"small": 0.5, "large": 0.5}
    assert middle.mix_quality == pytest.approx(0.75)
    assert cheap.low is not None
    assert cheap.high is not None
    assert cheap.quality == pytest.approx(0.5)
    assert cheap.low < cheap.quality < cheap.high
    assert (dear.low, dear.high) == pytest.approx((1.0, 1.0))


def test_the_same_choices_have_no_lead() -> None:
    one, other = knowing(), knowing()
    assert one.gains == other.gains


def test_without_costs_there_is_no_curve() -> None:
    with pytest.raises(ValueError, match="found no costs"):
        field(cost=False)
