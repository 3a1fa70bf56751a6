"""Own the list of rows that are required and do not hold yet. A row that holds must leave it: the suite fails else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PENDING: Final[Mapping[str, str]] = {}
"""Why a row does not hold, by its name."""
