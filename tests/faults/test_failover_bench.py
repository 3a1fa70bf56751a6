"""The sixteen cells of the Failover Bench: all of them pass."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest

from tests.wall.failover_bench import bench, cells
from tests.wall.pace import FAST, Pace

IDS = tuple(cell.id for cell in cells(FAST))


@pytest.fixture(scope="module")
def verdicts(pace: Pace) -> dict[str, list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(bench(pace, Path(folder)))


def test_there_are_sixteen() -> None:
    assert sorted(IDS) == [f"S{number:02}" for number in range(1, 17)]


@pytest.mark.parametrize("cell", IDS)
def test_a_cell_passes(cell: str, verdicts: dict[str, list[str]]) -> None:
    assert verdicts[cell] == []
