from __future__ import annotations

import pytest

from gearshift.errors import ConfigError, CountersAway, CountersLost, InternalError


def test_our_own_bug_is_named_by_its_type_only() -> None:
    message = InternalError.of(ValueError("sk-secret and a prompt")).message
    assert "ValueError" in message
    assert "secret" not in message


@pytest.mark.parametrize(("faults", "said"), [(["a: x"], "1 fault;"), (["a: x", "b: y"], "2 faults;")])
def test_a_config_error_lists_every_fault(faults: list[str], said: str) -> None:
    error = ConfigError(faults, source="gearshift.yaml")
    assert said in error.message
    assert error.message.startswith("gearshift.yaml")
    assert all(f"  - {fault}" in error.message for fault in faults)
    assert error.faults == faults


def test_lost_counters_are_away_and_say_what_they_are_now() -> None:
    error = CountersLost("e", ready=True)
    assert isinstance(error, CountersAway)
    assert (error.epoch, error.ready, error.status) == ("e", True, 503)
