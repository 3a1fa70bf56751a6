"""Own the fields that steer the router: they become `Routing`, and an upstream is told only what it understands.

    body ─ decode_routing ─> Routing          what stands beside our part stays in the request's `extra`
    body ─ strip_routing ──> edits            for an upstream of the same protocol, byte for byte otherwise
    extra, Routing ─ say_routing ─> members   for a request that is encoded anew

Invariants: a wish is a field of `Routing`, an `Unmet` or a fault, never ignored; words of OpenRouter and Vercel reach
only an upstream whose quirks list them among its `extensions`. Who invented what: `openrouter`, `vercel`, `martian`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from gearshift.protocols import martian, openrouter, vercel
from gearshift.protocols.fields import TEXT, TEXTS, Spoken, maybe, take
from gearshift.protocols.json_patch import Members
from gearshift.protocols.wishes import Wishes, checked_name
from gearshift.types.chat import Routing

REMOVED: Final = ("models", "provider", "route", "routing_constraint", "session_id", "usage")
"""Top-level fields that are ours alone; of `provider` OpenRouter is told its part."""
SHARED: Final = ("plugins", "providerOptions", "transforms")
"""Top-level fields of which an upstream that lists them is told what is not ours."""

_FIELDS: Final = frozenset((*REMOVED, *SHARED))
_UNSTEERED: Final = Routing()


def decode_routing(members: Members) -> Routing:
    """Take the steering fields out of a request; of `SHARED` what is not ours stays in.

    Raises Misfit naming the field, and the other one where two contradict each other.
    """
    if _FIELDS.isdisjoint(members):
        return _UNSTEERED
    wishes = Wishes()
    if (session := maybe(members, "session_id", TEXT)) is not None:
        wishes.add("session_id", checked_name(session, "session_id"), "session_id")
    wishes.names(members, "models")
    openrouter.decode_provider(wishes, members)
    openrouter.decode_plugins(wishes, members)
    openrouter.decode_rest(wishes, members)
    vercel.decode_options(wishes, members)
    martian.decode_constraint(wishes, members)
    wishes.apart("constraint", "cost_tier")
    wishes.disjoint("ignore", "only")
    routing = wishes.routing()
    openrouter.checked_quantizations(routing)
    return routing


def take_model(members: Members) -> str:
    """Take the model's name; where none is said, the first of `models` is meant, as in OpenRouter's own examples."""
    if "model" not in members and (names := maybe(dict(members), "models", TEXTS)):
        return checked_name(names[0], "models[0]")
    return checked_name(take(members, "model", TEXT), "model")


def strip_routing(members: Members, known: Collection[str] = ()) -> dict[str, bytes | None]:
    """Give the edits that take out of a body what an upstream with the extensions `known` would not understand."""
    if _FIELDS.isdisjoint(members):
        return {}
    rest = dict(members)
    routing = decode_routing(rest)
    edits: dict[str, bytes | None] = {name: None for name in REMOVED if name in members}
    for name in SHARED:
        if name in members:
            edits[name] = bytes(rest[name]) if name in rest and name in known else None
    if "provider" in known:
        told = openrouter.patch_provider(bytes(members.get("provider", b"")), routing)
        if told is not None:
            edits["provider"] = told
    return edits


def say_routing(extra: Members, routing: Routing, known: Collection[str] = ()) -> Spoken:
    """Give the members to say to an upstream with the extensions `known`: `extra`, and what it enforces itself."""
    said: Spoken = {name: value for name, value in extra.items() if name not in SHARED or name in known}
    if "provider" in known and (provider := openrouter.say_provider(routing)):
        said["provider"] = provider
    return said


def unshared(names: Iterable[str]) -> list[str]:
    """Give the names that are not told of as unmet wishes already."""
    return [name for name in names if name not in SHARED]
