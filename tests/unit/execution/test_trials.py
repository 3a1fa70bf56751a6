from __future__ import annotations

import pytest

from gearshift.errors import UpstreamRefused
from gearshift.execution.bounds import Limits
from gearshift.execution.commands import Commit, Ended, Hedged, Ready, Send
from gearshift.execution.guards import Guards
from gearshift.execution.health import Health, Pass
from gearshift.execution.retry_budget import RetryBudget
from gearshift.execution.trials import Trials
from tests.fakes.nouns import deployment

SMALL, LARGE = deployment("small"), deployment("large")


class Half:
    def random(self) -> float:
        return 0.5


def trials(health: Health | None = None, **bounds: float) -> Trials:
    guards = Guards(health or Health(), RetryBudget(), Half())
    return Trials("x", Limits(hedge_after=bounds.get("hedge_after")), guards, 100.0, most=3)


def test_a_trial_is_hedged_where_that_is_wanted_and_somebody_is_left() -> None:
    made = trials(hedge_after=2.0)
    made.untried = [LARGE]
    walk = made.race(SMALL, Pass())
    send = next(walk)
    assert isinstance(send, Send)
    assert (send.attempt_id, send.hedge_after) == ("x-1", 2.0)
    assert send.hedge is not None
    assert (send.hedge.attempt_id, send.hedge.deployment, send.hedge.purpose) == ("x-2", LARGE, "hedge")
    with pytest.raises(StopIteration) as stop:
        walk.send(Ready(at=1.0))
    assert stop.value.value is None
    assert (made.made, made.untried) == (1, [LARGE])


def test_a_hedge_is_chosen_before_it_is_known_whether_it_rests_and_judged_by_how_it_was_admitted() -> None:
    health = Health()
    made = trials(health, hedge_after=2.0)
    made.untried = [LARGE]
    admitted = health.admit(LARGE, 102.0)
    assert isinstance(admitted, Pass)
    walk = made.race(SMALL, Pass())
    next(walk)
    with pytest.raises(StopIteration):
        walk.send(Ready(at=3.0, hedged=Hedged(admitted=admitted)))
    assert (made.made, made.untried) == (2, [])
    health.ended(Pass(), LARGE, UpstreamRefused("no", upstream_status=429, kind="slow_down"), 103.0)
    assert isinstance(health.admit(LARGE, 103.0), Pass)  # it is the only one under way: the hedge is over


def test_nothing_can_be_given_before_anybody_was_called() -> None:
    with pytest.raises(RuntimeError, match="nobody was called"):
        next(trials().commit())


def test_what_broke_is_told_with_who_broke_it() -> None:
    made = trials()
    walk = made.race(SMALL, Pass())
    next(walk)
    with pytest.raises(StopIteration):
        walk.send(Ready(at=1.0))
    commit = made.commit()
    assert next(commit) == Commit(attempt_id="x-1")
    with pytest.raises(StopIteration) as stop:
        commit.send(Ended(at=2.0, error=None))
    assert stop.value.value == (SMALL, None, False)
    assert made.now == 2.0
