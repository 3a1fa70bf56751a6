from __future__ import annotations

import numpy as np
import pytest

from gearshift.learning.offpolicy import LoggedDecisions
from gearshift.learning.support import Support, effective, refusals, support


def rows(n: int, pscore: float = 0.5) -> LoggedDecisions:
    return LoggedDecisions(action=np.arange(n) % 2, reward=np.ones(n), pscore=np.full(n, pscore), block=np.arange(n))


def test_even_weights_lose_no_sample_and_one_heavy_weight_leaves_one() -> None:
    assert effective(np.full(8, 3.0), np.arange(8)) == 8
    assert effective(np.array([0.0, 0.0, 9.0]), np.arange(3)) == 1
    assert effective(np.zeros(3), np.arange(3)) == 0


def test_a_session_is_one_sample() -> None:
    assert effective(np.ones(6), np.array([0, 0, 0, 1, 1, 1])) == 2


def test_support_measures_weights_and_what_was_never_explored() -> None:
    pi_e = np.tile([0.75, 0.0, 0.25], (200, 1))
    found = support(rows(200), pi_e, np.tile([1.0, 1.0, 0.0], (200, 1)), clip=None)
    assert found.unsupported == pytest.approx(0.25)
    assert (found.effective, found.mean_weight, found.max_weight) == (100, 0.75, 1.5)
    assert (found.clip, found.clipped_rows) == (None, 0)


def test_clipping_is_reported() -> None:
    pi_e = np.tile([1.0, 0.0], (200, 1))
    found = support(rows(200), pi_e, np.ones((200, 2)), clip=1.5)
    assert (found.max_weight, found.clip, found.clipped_rows) == (2.0, 1.5, 100)


def made(**changes: float) -> Support:
    fields = {"rows": 1000, "effective": 500.0, "unsupported": 0.0, "mean_weight": 1.0, "max_weight": 2.0}
    return Support(**{**fields, "clip": None, "clipped_rows": 0, **changes})  # type: ignore[arg-type]


def test_good_support_is_not_refused() -> None:
    assert refusals(made(effective=100.0, unsupported=0.01)) == ()


def test_a_thin_log_is_refused_with_the_rows_that_it_takes() -> None:
    (why,) = refusals(made(effective=40.0))
    assert "found 40 effective samples in 1,000 rows" in why
    assert "about 2,500 rows like these" in why


def test_a_log_that_never_chose_so_is_told_what_it_lacks() -> None:
    (why,) = refusals(made(effective=0.0))
    assert "rows in which the log chose as the policy would" in why


def test_choices_that_were_never_explored_are_refused_with_their_share() -> None:
    (why,) = refusals(made(unsupported=0.305))
    assert "found 30.5% of the policy's choices never explored" in why
    assert len(refusals(made(unsupported=0.5, effective=3.0))) == 2
