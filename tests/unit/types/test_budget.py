"""The nouns of budgets are values."""

from __future__ import annotations

import msgspec
import pytest

from gearshift.types.budget import LARGEST, Budget, Scope, Window


def test_a_budget_is_strict_and_closed_unless_it_says_otherwise() -> None:
    made = Budget(id="b", scope=Scope("all"), unit="usd", limit=LARGEST, window=Window("month"))
    assert (made.mode, made.on_loss) == ("strict", "closed")
    assert msgspec.json.decode(msgspec.json.encode(made), type=Budget) == made


def test_a_budget_does_not_change() -> None:
    made = Budget(id="b", scope=Scope("key", "k"), unit="requests", limit=1)
    with pytest.raises(AttributeError):
        made.limit = 2  # type: ignore[misc]
