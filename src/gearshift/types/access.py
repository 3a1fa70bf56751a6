"""Own who calls: a key, whom it belongs to, what it may do, and what holds for it where it says nothing."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct

from gearshift.types.catalog import NanoUSD, Seconds

Role: TypeAlias = Literal["caller", "viewer", "operator", "admin"]
"""What a key may do beside calling models: nothing; see what was used; change keys, budgets and the like; all."""
ROLES: Final[tuple[Role, ...]] = ("caller", "viewer", "operator", "admin")
"""Each may do what those before it may."""


class Scopes(Struct, frozen=True, kw_only=True):
    """Hold what a key may use, as globs; None: everything.

    `models` match a model or a deployment (`provider/model`), `routes` the path of a request.
    """

    models: tuple[str, ...] | None = None
    routers: tuple[str, ...] | None = None
    routes: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None


class Granted(Struct, frozen=True, kw_only=True):
    """Hold which routers, models and providers the caller's key may use, as globs; None: all.

    A key that may use some routers, and of which nothing is said about models, may name no model itself.
    """

    routers: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None


class Defaults(Struct, frozen=True, kw_only=True):
    """Hold what counts where a request says nothing: the most that it costs, its cost tier; and whether it is logged.

    `explore` False: a router that draws by weight, to learn, takes its first choice instead.
    """

    max_cost: NanoUSD | None = None
    cost_tier: str | None = None
    content: bool = False
    explore: bool = True


class Caller(Struct, frozen=True, kw_only=True):
    """Hold who calls. `id` names the key, which is never held itself; `expires` is seconds since the epoch."""

    id: str
    name: str = ""
    role: Role = "caller"
    team: str | None = None
    user_id: str | None = None
    scopes: Scopes = Scopes()
    defaults: Defaults = Defaults()
    expires: Seconds | None = None
    revoked: Seconds | None = None

    def may(self, role: Role) -> bool:
        """Say whether it may do what `role` may."""
        return ROLES.index(self.role) >= ROLES.index(role)
