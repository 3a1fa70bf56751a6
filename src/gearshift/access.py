"""Own what a key may do: its scopes held to a request, and its defaults put where a request says nothing.

Pure. Invariant: nothing that a caller says widens what its key may do.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from msgspec.structs import replace

from gearshift.errors import Forbidden
from gearshift.types.access import Caller, Granted
from gearshift.types.embedding import Asked


def matches(name: str, globs: Sequence[str] | None) -> bool:
    """Say whether a name is among what is allowed; None allows everything."""
    return globs is None or any(fnmatchcase(name, glob) for glob in globs)


def check_route(caller: Caller | None, path: str) -> None:
    """Raise Forbidden where a key may not use a path."""
    if caller is not None and not matches(path, caller.scopes.routes):
        raise Forbidden(_refusal("path", path, caller.scopes.routes))


def check_router(allowed: Granted | None, name: str, *, named: bool) -> None:
    """Raise Forbidden where a key may not use a router, or may not name a model itself (`named`)."""
    if allowed is None or allowed.routers is None or (named and allowed.models is not None):
        return
    if named:
        found = f"found the model {name[:100]!r}, but this key may only use the routers"
        raise Forbidden(f"{found} {', '.join(allowed.routers) or 'none'}; name one of them", param="model")
    if not matches(name, allowed.routers):
        raise Forbidden(_refusal("router", name, allowed.routers), param="model")


def logs_content(caller: Caller | None) -> bool:
    """Say whether a key asked for its prompts and answers to be kept."""
    return caller is not None and caller.defaults.content


def granted(caller: Caller | None, request: Asked) -> Asked:
    """Give a request with what its caller's key allows it, and what holds for the key where it says nothing."""
    if caller is None:
        return request
    scopes, defaults, routing = caller.scopes, caller.defaults, request.routing
    changes: dict[str, object] = {}
    if any(each is not None for each in (scopes.routers, scopes.models, scopes.providers)):
        changes["granted"] = Granted(routers=scopes.routers, models=scopes.models, providers=scopes.providers)
    if routing.max_cost is None and defaults.max_cost is not None:
        changes["max_cost"] = defaults.max_cost
    elif routing.max_cost is not None and defaults.max_cost is not None:
        changes["max_cost"] = min(routing.max_cost, defaults.max_cost)
    if routing.cost_tier is None and routing.constraint is None and defaults.cost_tier is not None:
        changes["cost_tier"] = defaults.cost_tier
    if not defaults.explore:
        changes["explore"] = False
    return replace(request, routing=replace(routing, **changes)) if changes else request


def _refusal(what: str, name: str, globs: Sequence[str] | None) -> str:
    return f"found the {what} {name[:100]!r}, which this key may not use; it may use {', '.join(globs or ()) or 'none'}"
