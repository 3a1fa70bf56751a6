"""Own which limits a call touches, what is held of them, what the ledger says was used, and what is told of them."""

from __future__ import annotations

from gearshift.budgeting.holding import (
    FOREVER,
    Budgets,
    amount,
    bucket,
    facts,
    frees_at,
    hold,
    most,
    raised,
)
from gearshift.budgeting.telling import error_of, headers
from gearshift.budgeting.totals import totals

__all__ = [
    "FOREVER",
    "Budgets",
    "amount",
    "bucket",
    "error_of",
    "facts",
    "frees_at",
    "headers",
    "hold",
    "most",
    "raised",
    "totals",
]
