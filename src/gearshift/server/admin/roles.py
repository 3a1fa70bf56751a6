"""Own who may do what on the admin API: one table, and the check that every route goes through.

Invariant: a route that is not in the table is nobody's (`tests/contract/test_authz.py` fails for it).
"""

from __future__ import annotations

from typing import Final

from gearshift.errors import Forbidden
from gearshift.types.access import Caller, Role, Scopes

TABLE: Final[dict[str, Role]] = {
    "whoami": "viewer",
    "list_keys": "viewer",
    "show_key": "viewer",
    "create_key": "operator",
    "change_key": "operator",
    "rotate_key": "operator",
    "revoke_key": "operator",
    "list_budgets": "viewer",
    "create_budget": "operator",
    "change_budget": "operator",
    "delete_budget": "operator",
    "list_teams": "viewer",
    "create_team": "operator",
    "list_users": "viewer",
    "create_user": "admin",
    "show_usage": "viewer",
    "list_exchanges": "viewer",
    "show_exchange": "viewer",
    "list_deployments": "viewer",
    "list_routers": "viewer",
    "show_config": "operator",
    "purge_cache": "operator",
    "reload": "operator",
    "list_changes": "admin",
    "openapi": "viewer",
}
"""The least role for each route, by the name of its function."""


def check(caller: Caller, name: str) -> None:
    """Raise Forbidden where a caller may not use the route of this name."""
    needed = TABLE.get(name)
    if needed is None or not caller.may(needed):
        expected = f"expected {needed}" if needed else "and nobody may"
        raise Forbidden(f"found a key of the role {caller.role}, {expected}; ask your operator for another key")


def check_grant(caller: Caller, role: Role, scopes: Scopes) -> None:
    """Raise Forbidden where a caller would grant what it does not have itself."""
    if not caller.may(role):
        raise Forbidden(f"role: found {role}, expected at most your own, {caller.role}", param="role")
    if role != "caller" and not caller.may("admin"):
        raise Forbidden(f"role: found {role}, but only an admin makes keys of other roles than caller", param="role")
    if caller.scopes not in (Scopes(), scopes):
        raise Forbidden(
            "scopes: your own key is limited, so those that you make must have the same scopes", param="scopes"
        )
