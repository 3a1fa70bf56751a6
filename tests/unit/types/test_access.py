from __future__ import annotations

import pytest

from gearshift.types.access import ROLES, Caller, Role


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_what_those_before_it_may(role: Role) -> None:
    caller = Caller(id="k", role=role)
    assert [each for each in ROLES if caller.may(each)] == list(ROLES[: ROLES.index(role) + 1])
