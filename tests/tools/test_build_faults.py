from __future__ import annotations

import pytest

from tests.wall.all_cases import all_cases
from tests.wall.pace import FULL
from tests.wall.pending import PENDING
from tools.build_faults import PAGE, TITLES, Figures, load, main, page


def test_the_page_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(load())
    assert main(["--check"]) == 0
    assert "current" in capsys.readouterr().out


def test_every_row_stands_under_its_fault() -> None:
    rows = all_cases(FULL)
    assert {case.fault for case in rows} == set(TITLES)
    told = page(Figures())
    assert all(f"| `{case.name}` |" in told for case in rows)


def test_what_was_not_measured_has_no_figure() -> None:
    assert page(Figures()).count("not measured yet") == len(all_cases(FULL)) - len(PENDING) + 16 + 2


def test_a_row_that_fails_says_so() -> None:
    name = next(case.name for case in all_cases(FULL) if case.name not in PENDING)
    told = page(Figures(failed={name: ["took 9 s"]}, bench={"S01": ["heard lie"]}))
    assert "**fails**: took 9 s" in told
    assert "**fails**: heard lie" in told
