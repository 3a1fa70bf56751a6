from __future__ import annotations

from gearshift.types.chat import Usage
from gearshift.types.record import Feedback
from tests.fakes.nouns import attempt, exchange, failed


def test_the_attempt_that_answered_is_the_one_with_content() -> None:
    made = exchange(attempts=[failed(1), attempt(2)])
    assert made.served is not None
    assert made.served.id == "x-2"


def test_an_answer_cut_short_was_served_all_the_same() -> None:
    made = exchange(attempts=[failed(1), attempt(2, error="caller_left")], outcome="cancelled")
    assert made.served is not None
    assert made.served.error == "caller_left"


def test_without_content_nothing_was_served() -> None:
    assert exchange(attempts=[failed(1), failed(2)]).served is None
    assert exchange(attempts=[]).served is None


def test_a_cost_is_an_estimate_as_soon_as_one_attempt_was_counted_by_us() -> None:
    guess = Usage(input_tokens=10, estimated=True)
    assert exchange(attempts=[failed(1, usage=guess), attempt(2)]).estimated
    assert not exchange(attempts=[failed(1), attempt(2)]).estimated


def test_feedback_may_be_about_an_exchange_or_a_session() -> None:
    assert Feedback(created=1.0, score=1.0, exchange_id="x").session_id is None
    assert Feedback(created=1.0, score=1.0, session_id="s").exchange_id is None
