"""Own the pace of the suite: scaled down, unless WALL_PACE=full asks for the shipped limits (`make faults`)."""

from __future__ import annotations

import os
from typing import Final

import pytest

from tests.wall.pace import FAST, FULL, Pace

PACES: Final = {each.name: each for each in (FAST, FULL)}


@pytest.fixture(scope="session")
def pace() -> Pace:
    return PACES[os.environ.get("WALL_PACE", "fast")]
