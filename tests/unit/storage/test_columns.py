"""A column's name says its type."""

from __future__ import annotations

from gearshift.storage.columns import columns


def test_money_and_tokens_are_whole_and_times_are_real() -> None:
    made = {each.name: (str(each.type), each.nullable) for each in columns("id created cost stream", "input_tokens")}
    assert made == {
        "id": ("TEXT", False),
        "created": ("DOUBLE", False),
        "cost": ("BIGINT", False),
        "stream": ("INTEGER", False),
        "input_tokens": ("BIGINT", True),
    }
