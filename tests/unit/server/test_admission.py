"""Who is begun, who waits, who is shed: with a clock that only the test moves."""

from __future__ import annotations

from collections import Counter

import pytest

from gearshift.server.admission import FEW, LONGEST_WAIT, MAX_LAG, STARTS, Admission

PATIENCE = 0.2


def busy(room: int, *, key: str | None = None) -> Admission[str]:
    """Give an admission whose room is taken by one key."""
    admission: Admission[str] = Admission(room, PATIENCE)
    fill(admission, key, room)
    return admission


def fill(admission: Admission[str], key: str | None, count: int) -> None:
    for _ in range(count):
        admission.turn(0.0)
        if not admission.begin(key):
            return


def ask(admission: Admission[str], key: str | None, name: str, now: float = 0.0) -> str:
    """Arrive as the gate lets somebody arrive; tell what became of it."""
    if (reason := admission.arrive(key, now)) is not None:
        return reason
    if admission.begin(key):
        return "begun"
    _, gone = admission.wait(key, name, now)
    return "waits" if gone is None else f"waits for {gone.payload}"


def names(admission: Admission[str], now: float = 0.0) -> list[str]:
    return [place.payload for place in admission.turn(now)]


def test_who_comes_to_an_empty_room_is_begun_at_once() -> None:
    admission: Admission[str] = Admission(10, PATIENCE)
    assert ask(admission, None, "first") == "begun"
    assert (admission.in_flight, admission.waiting) == (1, 0)
    admission.leave(None)
    assert admission.in_flight == 0


def test_a_turn_of_the_loop_begins_a_few_and_the_next_ones_the_rest_in_their_order() -> None:
    admission: Admission[str] = Admission(100, PATIENCE)
    became = [ask(admission, None, str(number)) for number in range(STARTS + 5)]
    assert became == ["begun"] * STARTS + ["waits"] * 5
    begun = [names(admission) for _ in range(6)]
    assert [len(each) for each in begun[:5]] == [min(STARTS, max(5 - turn * STARTS, 0)) for turn in range(5)]
    assert [name for each in begun for name in each] == [str(number) for number in range(STARTS, STARTS + 5)]
    assert admission.in_flight == STARTS + 5


def test_nobody_overtakes_who_waits() -> None:
    admission = busy(2)
    assert ask(admission, None, "first") == "waits"
    admission.leave(None)
    assert ask(admission, None, "second") == "waits"
    assert names(admission) == ["first"]
    assert admission.waiting == 1


def test_never_more_are_in_flight_than_there_is_room() -> None:
    admission = busy(50)
    assert admission.in_flight == 50
    ask(admission, None, "one more")
    assert names(admission) == []
    admission.leave(None)
    assert names(admission) == ["one more"]
    assert admission.in_flight == 50


def test_a_long_turn_begins_as_many_as_fill_a_quarter_of_it() -> None:
    admission: Admission[str] = Admission(1000, 60.0)
    for number in range(200):
        ask(admission, None, str(number))
    for _ in range(100):
        admission.worked(0.004, 2)  # 2 ms each
    assert len(admission.turn(1.0)) == STARTS
    assert len(admission.turn(1.0 + 0.08)) == 10
    assert len(admission.turn(1.08 + 0.004)) == STARTS


def test_keys_take_turns_whoever_floods() -> None:
    admission = busy(40)
    for number in range(30):
        ask(admission, "flood", f"flood {number}")
    for number in range(2):
        ask(admission, "quiet", f"quiet {number}")
    for _ in range(6):
        admission.leave(None)
    begun = [name for _ in range(6) for name in names(admission)][:6]
    assert begun == ["flood 0", "quiet 0", "flood 1", "quiet 1", "flood 2", "flood 3"]


def test_a_key_whose_first_has_waited_too_long_is_shed_and_others_are_not() -> None:
    admission = busy(FEW)
    assert ask(admission, "flood", "first", 0.0) == "waits"
    assert ask(admission, "flood", "second", PATIENCE) == "waits"
    assert ask(admission, "flood", "third", PATIENCE + 0.01) == "wait"
    assert ask(admission, "quiet", "mine", PATIENCE + 0.01) == "waits"


def test_who_would_wait_too_long_at_the_present_pace_is_shed_as_it_comes() -> None:
    admission = busy(FEW)
    for number in range(60):  # a start every 10 ms, while somebody waits
        now = number / 100
        ask(admission, None, "", now)
        ask(admission, None, "", now)
        admission.leave(None)
        admission.turn(now)
        admission.look(0.0, now)
    assert PATIENCE / 0.01 - 3 <= admission.waiting <= PATIENCE / 0.01 + 1
    assert [ask(admission, None, "one more", 0.6) for _ in range(3)][-1] == "wait"
    assert ask(admission, "quiet", "first of its line", 0.6) == "waits"


def test_few_are_never_shed_for_waiting() -> None:
    admission: Admission[str] = Admission(1000, PATIENCE)
    became = {ask(admission, None, str(number), number * 10.0) for number in range(FEW)}
    assert became == {"begun", "waits"}
    assert ask(admission, None, "one more", FEW * 10.0) == "wait"
    assert admission.look(0.0, FEW * 10.0)
    assert admission.in_flight + admission.waiting == FEW - 1


def test_whoever_waited_for_the_longest_time_is_let_go_at_the_next_look() -> None:
    admission = busy(FEW)
    ask(admission, None, "early", 0.0)
    ask(admission, None, "late", 0.1)
    assert admission.look(0.0, LONGEST_WAIT * PATIENCE) == []
    assert [place.payload for place in admission.look(0.0, LONGEST_WAIT * PATIENCE + 0.01)] == ["early"]
    assert admission.waiting == 1


def test_when_all_lines_are_full_the_longest_makes_room_for_the_shorter_only() -> None:
    admission = busy(4)
    for number in range(3):
        ask(admission, "flood", f"flood {number}")
    ask(admission, "quiet", "quiet 0")
    assert admission.waiting == admission.room
    assert ask(admission, "flood", "flood 3") == "full"
    assert ask(admission, "third", "third 0") == "waits for flood 2"
    assert admission.waiting == admission.room


def test_the_last_tenth_of_the_room_is_for_keys_that_hold_little() -> None:
    admission = busy(100, key="flood")
    assert admission.in_flight == 90
    assert ask(admission, "flood", "one more") == "waits"
    assert ask(admission, "quiet", "mine") == "waits"
    assert names(admission) == ["mine"]
    fill(admission, "quiet", 100)
    assert admission.in_flight == 91, "nobody passes by those who wait"


def test_callers_without_keys_have_the_whole_room() -> None:
    assert busy(100).in_flight == 100


def test_a_loop_that_was_late_twice_lets_nobody_in_and_once_is_a_pause() -> None:
    admission: Admission[str] = Admission(1000, PATIENCE)
    ask(admission, None, "first")
    admission.look(MAX_LAG * 2, 0.0)
    assert ask(admission, None, "second") in {"begun", "waits"}
    admission.look(MAX_LAG * 2, 0.0)
    assert ask(admission, None, "third") == "lag"
    admission.look(0.0, 0.0)
    assert ask(admission, None, "fourth") in {"begun", "waits"}


def test_a_late_loop_lets_in_who_is_alone() -> None:
    admission: Admission[str] = Admission(1000, PATIENCE)
    admission.look(1.0, 0.0)
    admission.look(1.0, 0.0)
    assert ask(admission, None, "alone") == "begun"


def test_who_left_while_it_waited_is_not_begun() -> None:
    admission = busy(2)
    place, _ = admission.wait("a", "gone", 0.0)
    admission.wait("a", "stays", 0.0)
    admission.forget(place)
    admission.forget(place)
    assert admission.waiting == 1
    admission.leave(None)
    assert names(admission) == ["stays"]


def test_everybody_who_waits_can_be_dismissed() -> None:
    admission = busy(2)
    admission.wait("a", "one", 0.0)
    admission.wait("b", "two", 0.0)
    assert sorted(place.payload for place in admission.dismiss()) == ["one", "two"]
    assert admission.waiting == 0


@pytest.mark.parametrize("load", [2, 4])
def test_under_a_flood_of_one_key_another_gets_what_it_asks_for(load: int) -> None:
    """Simulate a server that does 1000 requests a second, asked for multiples by one key and for 100 by another."""
    admission: Admission[str] = Admission(1000, PATIENCE)
    served: Counter[str | None] = Counter()
    asked: Counter[str | None] = Counter()
    for step in range(2000):  # a millisecond each
        now = step / 1000
        for key, each in (("flood", load), ("quiet", 1 if step % 10 == 0 else 0)):
            for _ in range(each):
                asked[key] += 1
                if admission.arrive(key, now) is None:
                    admission.wait(key, "", now)
        admission.look(0.0, now)
        place = admission._next()  # noqa: SLF001 - one a millisecond, not a turn's
        if place is not None:
            served[place.key] += 1
    assert served["quiet"] >= asked["quiet"] - 1
    assert served.total() >= 1990
