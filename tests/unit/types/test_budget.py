from __future__ import annotations

from gearshift.types.budget import Standing


def test_what_is_left_is_never_less_than_nothing() -> None:
    assert Standing(budget="b", used=5, held=3, limit=10).left == 2
    assert Standing(budget="b", used=50, held=3, limit=10).left == 0
