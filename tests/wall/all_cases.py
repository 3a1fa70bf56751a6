"""Own the list of all rows."""

from __future__ import annotations

from tests.wall.case import Case
from tests.wall.pace import Pace
from tests.wall.tables import callers, meanings, refusals, silence, streams


def all_cases(pace: Pace) -> list[Case]:
    """Give every row, each under a name of its own."""
    found = [case for table in (refusals, silence, streams, meanings, callers) for case in table.cases(pace)]
    names = [case.name for case in found]
    assert len(names) == len(set(names)), "two rows of one name"
    return found
