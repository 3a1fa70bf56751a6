from __future__ import annotations

from gearshift.protocols.gemini.calls import UNNAMED, Calls


def test_a_call_keeps_the_id_that_was_said() -> None:
    calls = Calls()
    assert calls.called("f", "c1") == "c1"
    assert calls.answered("f", "c1") == "c1"


def test_calls_without_ids_are_answered_in_their_order() -> None:
    calls = Calls("r-")
    first, other, second = (calls.called(name, None) for name in ("f", "g", "f"))
    assert (first, other, second) == (f"{UNNAMED}r-0", f"{UNNAMED}r-1", f"{UNNAMED}r-2")
    assert [calls.answered("f", None), calls.answered("g", None), calls.answered("f", None)] == [first, other, second]


def test_an_answer_that_nobody_asked_for_has_an_id_of_its_own() -> None:
    calls = Calls()
    calls.called("f", None)
    assert calls.answered("g", None) == f"{UNNAMED}none-g"
    assert calls.answered("g", "said") == "said"
