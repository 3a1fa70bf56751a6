"""The interface; what every implementation must do is in `tests/contract/test_counters.py`."""

from __future__ import annotations

from gearshift.storage.counters import REMEMBERED, TTL


def test_a_settled_reservation_is_known_for_longer_than_a_live_one_can_be() -> None:
    assert REMEMBERED > 100 * TTL
