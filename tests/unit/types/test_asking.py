from __future__ import annotations

import msgspec

from gearshift.types.asking import Constraint, MaxPrice, Unmet


def test_nothing_is_bounded_unless_it_is_said() -> None:
    assert set(msgspec.structs.asdict(MaxPrice()).values()) == {None}
    assert Unmet(field="plugins.web", detail="no such plugin").word == ""
    assert Constraint(of="cost", number=0.0) != Constraint(of="cost")
