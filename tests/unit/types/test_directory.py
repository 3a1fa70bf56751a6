from __future__ import annotations

from gearshift.types.directory import KeyRecord


def test_a_record_has_no_room_for_a_key() -> None:
    assert not {"key", "hash", "secret"} & set(KeyRecord.__struct_fields__)
