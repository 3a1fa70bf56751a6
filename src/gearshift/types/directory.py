"""Own what an operator keeps: keys, teams, users and budgets, and the log of who changed them."""

from __future__ import annotations

from msgspec import Struct

from gearshift.types.access import Defaults, Role, Scopes
from gearshift.types.catalog import Seconds


class KeyRecord(Struct, frozen=True, kw_only=True):
    """Hold what is kept of a key: `prefix` is its beginning, to tell it by; times are seconds since the epoch."""

    id: str
    name: str
    prefix: str
    role: Role = "caller"
    team: str | None = None
    user_id: str | None = None
    scopes: Scopes = Scopes()
    defaults: Defaults = Defaults()
    created: Seconds
    expires: Seconds | None = None
    revoked: Seconds | None = None


class Team(Struct, frozen=True, kw_only=True):
    """Hold a team, whose keys share budgets."""

    id: str
    name: str
    created: Seconds
    deleted: Seconds | None = None


class User(Struct, frozen=True, kw_only=True):
    """Hold a person, who may have keys."""

    id: str
    name: str
    role: Role = "caller"
    email: str | None = None
    team: str | None = None
    created: Seconds
    deleted: Seconds | None = None


class Change(Struct, frozen=True, kw_only=True):
    """Hold one change: who made it, when, what was done, to what; `detail` is a JSON object without any secret."""

    id: str
    at: Seconds
    actor: str
    action: str
    target: str
    detail: str | None = None
