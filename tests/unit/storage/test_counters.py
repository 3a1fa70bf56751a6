"""What the shared stores have in common; what every store must do is in `tests/contract/test_counters.py`."""

from __future__ import annotations

from gearshift.storage.counters import kept_until, refused, tallies, told
from gearshift.types.budget import Refused, Scope, Tally, Window
from tests.fakes.counters import budget, held


def test_a_bucket_is_kept_for_longer_than_it_counts_and_a_clock_may_step() -> None:
    hold = held(1, budget(window=Window("minute", "rolling")))
    assert kept_until(hold) >= hold.ends + 60 + 7200


def test_what_has_no_window_is_kept_until_nobody_knows_when() -> None:
    *_, kept = told(held(1, budget(unit="concurrent", window=None)))
    assert kept == 0


def test_what_functions_say_is_read() -> None:
    assert tallies([1, 2, 3, 4, 5, -1]) == (Tally(1, 2, 3), Tally(4, 5, None))


def test_a_refusal_names_the_hold_that_did_not_fit() -> None:
    holds = [held(1, budget(name="a")), held(1, budget(name="b", limit=7))]
    assert refused(holds, 1, Tally(3, 4, None)) == Refused(
        budget="b", scope=Scope("key", "k"), unit="usd", limit=7, used=3, held=4, resets_at=holds[1].ends
    )
