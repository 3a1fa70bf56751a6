from __future__ import annotations

import inspect

from gearshift import errors
from gearshift.errors import BudgetSpent, CallerError, InvalidRequest, RateLimited, RouteNotFound


def test_a_caller_s_fault_is_a_4xx_and_never_retried() -> None:
    for kind in [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]:
        if issubclass(kind, CallerError):
            assert 400 <= kind.status < 500
            assert not kind.retryable


def test_an_invalid_request_names_its_field() -> None:
    assert InvalidRequest("no", param="messages").param == "messages"
    assert InvalidRequest("no").param is None


def test_a_known_path_with_the_wrong_method_is_a_405() -> None:
    assert RouteNotFound("no").status == 404
    assert RouteNotFound("no", allowed=["GET"]).status == 405
    assert RouteNotFound("no").status == 404


def test_a_limit_says_when_there_is_room_again() -> None:
    assert (BudgetSpent("no", retry_after=None).status, BudgetSpent("no", retry_after=None).retry_after) == (402, None)
    assert (RateLimited("no", retry_after=5).status, RateLimited("no", retry_after=5).retry_after) == (429, 5)
