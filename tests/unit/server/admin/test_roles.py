from __future__ import annotations

import pytest

from gearshift.errors import Forbidden
from gearshift.server.admin.roles import TABLE, check, check_grant
from gearshift.types.access import ROLES, Caller, Role, Scopes

LIMITED = Scopes(models=("gpt-*",))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", TABLE)
def test_a_route_is_for_its_role_and_those_above(name: str, role: Role) -> None:
    caller = Caller(id="k", role=role)
    if ROLES.index(role) >= ROLES.index(TABLE[name]):
        check(caller, name)
    else:
        with pytest.raises(Forbidden, match=f"role {role}"):
            check(caller, name)


def test_a_route_that_is_not_in_the_table_is_nobodys() -> None:
    with pytest.raises(Forbidden, match="nobody may"):
        check(Caller(id="k", role="admin"), "drop_everything")


@pytest.mark.parametrize(("own", "wanted"), [("viewer", "operator"), ("operator", "admin"), ("operator", "viewer")])
def test_nobody_grants_what_it_does_not_have(own: Role, wanted: Role) -> None:
    with pytest.raises(Forbidden, match="role: found"):
        check_grant(Caller(id="k", role=own), wanted, Scopes())


def test_a_limited_key_makes_keys_as_limited() -> None:
    limited = Caller(id="k", role="operator", scopes=LIMITED)
    check_grant(limited, "caller", LIMITED)
    with pytest.raises(Forbidden, match="scopes: your own key is limited"):
        check_grant(limited, "caller", Scopes())
    check_grant(Caller(id="k", role="operator"), "caller", LIMITED)
