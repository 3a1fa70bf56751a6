"""Every row of the tables, played together: each waits on its own gateway and wall."""

from __future__ import annotations

import asyncio

import pytest

from tests.wall.all_cases import all_cases
from tests.wall.pace import FAST, Pace
from tests.wall.pending import PENDING
from tests.wall.running import Outcome, play

NAMES = tuple(case.name for case in all_cases(FAST))


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, pace: Pace) -> dict[str, Outcome]:
    """Play what was selected, once."""
    selected = {item.callspec.params.get("name") for item in request.session.items if hasattr(item, "callspec")}
    return asyncio.run(play([case for case in all_cases(pace) if case.name in selected], pace))


@pytest.mark.parametrize("name", NAMES)
def test_a_fault(name: str, outcomes: dict[str, Outcome]) -> None:
    found = outcomes[name].faults
    if name in PENDING:
        assert found, f"{name} holds now: take it out of tests/wall/pending.py"
    else:
        assert not found, "\n".join(found)


def test_what_is_pending_is_a_row() -> None:
    assert set(NAMES) >= set(PENDING)


def test_there_are_enough_rows() -> None:
    assert len(NAMES) >= 60
    assert len({name.split(".")[0] for name in NAMES}) >= 18
