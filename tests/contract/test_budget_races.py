"""However many spend a budget at once, in however many processes, it is not overspent. `make races`: for longer."""

from __future__ import annotations

from tests.fakes import postgres, valkey
from tests.races.race import Course, run


def check(course: Course) -> None:
    result = run(course)
    assert result.faults == [], result
    assert min(result.used[:2]) > 0.5, "a budget that is not spent shows nothing"
    assert result.refused > 0


def test_callers_in_one_process() -> None:
    course = Course(url="memory", rounds=8, slots=56, on_loss="open")
    assert course.roomy
    check(course)


def test_callers_in_three_processes_that_share_valkey(valkey: valkey.Server) -> None:
    check(Course(url=valkey.url, tag=valkey.fresh(), rounds=1))


def test_callers_in_three_processes_that_share_postgresql(postgres: postgres.Server) -> None:
    check(Course(url=postgres.fresh(), callers=40, rounds=1))
