from __future__ import annotations

import pytest

from gearshift.errors import UpstreamRefused
from gearshift.execution.bounds import Limits
from gearshift.execution.commands import Commit, Ended, Ready, Send
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


def test_who_was_not_called_after_all_is_free_again() -> None:
    health = Health()
    made = trials(health, hedge_after=2.0)
    made.untried = [LARGE]
    walk = made.race(SMALL, Pass())
    next(walk)
    walk.close()
    health.ended(Pass(), LARGE, UpstreamRefused("no", upstream_status=429, kind="slow_down"), 100.0)
    assert isinstance(health.admit(LARGE, 100.0), Pass)  # it is the only one under way


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
