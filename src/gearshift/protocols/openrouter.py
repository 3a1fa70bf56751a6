"""Own OpenRouter's words for routing: `provider`, `plugins`, `transforms`, `route`, and the old `usage`.

What Gearshift keeps itself becomes a wish. What only OpenRouter has (its plugins, its tool-calling statistics) is noted
with the word by which an upstream that is OpenRouter is told it.
Sources (openrouter.ai/docs, read 2026-11-27): "Provider routing", "Auto router", "Plugins", "Message transforms", and
the schemas of its SDKs (`ProviderPreferences`, `AutoRouterPlugin`, `Quantization`).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from gearshift.protocols.fields import (
    BOOLEAN,
    LIST,
    NULL,
    NUMBER,
    OBJECT,
    TEXT,
    TEXTS,
    Misfit,
    Spoken,
    maybe,
    raw,
    take,
)
from gearshift.protocols.json_patch import JsonObject, Members
from gearshift.protocols.wishes import INNER, MAX_SHOWN, Wishes, money, one_of, refuse_rest
from gearshift.types.asking import MaxPrice
from gearshift.types.catalog import NANO_PER_USD, QUANTIZATIONS
from gearshift.types.chat import Cutoffs, Routing, Sort

PROVIDER: Final = (
    "order",
    "only",
    "ignore",
    "allow_fallbacks",
    "require_parameters",
    "data_collection",
    "zdr",
    "enforce_distillable_text",
    "quantizations",
    "sort",
    "preferred_min_throughput",
    "preferred_max_latency",
    "max_price",
    "options",
)
OURS: Final = ("order", "only", "ignore", "allow_fallbacks")
"""Those of `provider` that speak of Gearshift's own providers, whom OpenRouter does not know by these names."""
SORTS: Final[tuple[Sort, ...]] = ("price", "throughput", "latency")
EXACTO: Final = "exacto"
PARTITIONS: Final = ("model", "none")
PRICES: Final = ("prompt", "completion", "request", "image", "audio")
PLUGIN: Final = (
    "id",
    "allowed_models",
    "excluded_models",
    "cost_tier",
    "enabled",
    "cost_quality_tradeoff",
    "pin_model",
)
AUTO: Final = "auto-router"
COMPRESSION: Final = "context-compression"
"""The plugin that took the place of `transforms`."""
TRANSFORMS: Final = "transforms"
MIDDLE_OUT: Final = "middle-out"
SHORTENING: Final = frozenset({TRANSFORMS, "plugins"})
"""The words by which an upstream is told to shorten a conversation itself."""
TIERS: Final = ("low", "medium", "high", "xhigh", "max")
UNKNOWN: Final = "unknown"
"""OpenRouter's word for a quantization that is not known."""
NO_EXACTO: Final = "Gearshift measures no quality of tool calls, so nothing was sorted by it"


def decode_provider(wishes: Wishes, members: Members) -> None:
    """Take `provider`."""
    at = "provider."
    inner = maybe(members, "provider", INNER) or {}
    for name in ("only", "ignore", "order"):
        wishes.names(inner, name, at)
    for name in ("allow_fallbacks", "require_parameters", "zdr"):
        wishes.switch(inner, name, at)
    wishes.switch(inner, "enforce_distillable_text", at, "distillable")
    if (collection := maybe(inner, "data_collection", TEXT, at)) is not None:
        deny = one_of(("allow", "deny"), collection, f"{at}data_collection") == "deny"
        wishes.add("no_collection", deny, f"{at}data_collection")
    wishes.names(inner, "quantizations", at)
    _decode_sort(wishes, inner)
    wishes.cutoffs(inner, "preferred_max_latency", at, "seconds")
    wishes.cutoffs(inner, "preferred_min_throughput", at, "tokens per second")
    _decode_max_price(wishes, inner)
    if maybe(inner, "options", OBJECT, at):
        wishes.note(f"{at}options", "only OpenRouter has options for the providers behind it", "provider")
    refuse_rest(inner, at, PROVIDER)


def checked_quantizations(routing: Routing) -> None:
    """Refuse words that are no quantization."""
    for index, word in enumerate(routing.quantizations):
        one_of((*QUANTIZATIONS, UNKNOWN), word, f"provider.quantizations[{index}]")


def _decode_sort(wishes: Wishes, provider: Members) -> None:
    """Take `sort`: a word, or an object of `by` and `partition`."""
    at = "provider.sort"
    if bytes(provider.get("sort", b""))[:1] == b"{":
        inner = maybe(provider, "sort", INNER, "provider.") or {}
        sort, partition = (maybe(inner, name, TEXT, f"{at}.") for name in ("by", "partition"))
        refuse_rest(inner, f"{at}.", ("by", "partition"))
        if partition is not None:
            across = one_of(PARTITIONS, partition, f"{at}.partition") == "none"
            wishes.add("sort_across", across, f"{at}.partition")
        at = f"{at}.by"
    else:
        sort = maybe(provider, "sort", TEXT, "provider.")
    if sort == EXACTO:
        wishes.note(at, NO_EXACTO, "provider")
    elif sort is not None:
        wishes.add("sort", one_of(SORTS, sort, at), at)


def _decode_max_price(wishes: Wishes, provider: Members) -> None:
    at = "provider.max_price"
    inner = maybe(provider, "max_price", INNER, "provider.") or {}
    said = {name: money(inner, name, f"{at}.") for name in PRICES}
    refuse_rest(inner, f"{at}.", PRICES)
    if said.pop("audio") is not None:
        wishes.note(f"{at}.audio", "what a sound costs is not in any price known here", "provider")
    if any(limit is not None for limit in said.values()):
        wishes.add("max_price", MaxPrice(**said), at)


def decode_plugins(wishes: Wishes, members: Members) -> None:
    """Take the plugins that are honoured; all but `auto-router` stay in `members`, for an upstream that has them."""
    if "plugins" not in members:
        return
    spoken = members["plugins"]
    plugins = maybe(members, "plugins", LIST) or []
    others: list[Raw] = []
    for index, plugin in enumerate(plugins):
        at = f"plugins[{index}]."
        inner = INNER.read(plugin, at[:-1])
        name, enabled = take(inner, "id", TEXT, at), maybe(inner, "enabled", BOOLEAN, at)
        if name == AUTO:
            _decode_auto(wishes, inner, at, enabled=enabled is not False)
            continue
        others.append(plugin)
        if name == COMPRESSION and maybe(inner, "engine", TEXT, at) in {None, MIDDLE_OUT}:
            if enabled is not False:
                wishes.add("middle_out", value=True, path=f"plugins.{COMPRESSION}")
        elif enabled is not False:
            wishes.note(f"plugins.{name[:MAX_SHOWN]}", "Gearshift has no such plugin", "plugins")
    if others:
        members["plugins"] = spoken if len(others) == len(plugins) else raw(others)


def _decode_auto(wishes: Wishes, inner: Members, at: str, *, enabled: bool) -> None:
    """Take the settings of `auto-router`; switched off, they are only checked."""
    if not enabled:
        wishes = Wishes()
    wishes.names(inner, "allowed_models", at, "allowed")
    wishes.names(inner, "excluded_models", at, "excluded")
    if (tier := maybe(inner, "cost_tier", TEXT, at)) is not None:
        wishes.add("cost_tier", one_of(TIERS, tier, f"{at}cost_tier"), f"{at}cost_tier")
    if maybe(inner, "cost_quality_tradeoff", NUMBER, at) is not None:
        wishes.note(f"{at}cost_quality_tradeoff", "OpenRouter gave it up for cost_tier; say that")
    if maybe(inner, "pin_model", BOOLEAN, at):
        wishes.note(f"{at}pin_model", "every request is decided by itself; name the model to keep it")
    refuse_rest(inner, at, PLUGIN)


def decode_rest(wishes: Wishes, members: Members) -> None:
    """Take `transforms`, `route` and `usage`."""
    spoken = members.get(TRANSFORMS)
    names = maybe(members, TRANSFORMS, TEXTS)
    if names and spoken is not None:
        members[TRANSFORMS] = spoken
        if MIDDLE_OUT in names:
            wishes.add("middle_out", value=True, path=TRANSFORMS)
        if set(names) != {MIDDLE_OUT}:
            wishes.note(TRANSFORMS, f"of transforms only {MIDDLE_OUT} is known here", TRANSFORMS)
    route = maybe(members, "route", TEXT)
    if route is not None and route != "fallback":
        wishes.note("route", "only fallback is known, and is done whether it is said or not")
    maybe(members, "usage", OBJECT)  # `{"include": true}`: usage with its cost is always sent


def patch_provider(spoken: bytes, routing: Routing) -> bytes | None:
    """Give `provider` for an upstream that is OpenRouter, None for nothing to say.

    Names of providers stay here; all else keeps its bytes. What must hold is added where another spelling said it.
    """
    document = JsonObject(b"{}" if spoken in {b"", NULL} else spoken, lambda problem: Misfit("provider", problem))
    edits: dict[str, bytes | None] = {name: None for name in OURS if name in document.members}
    if routing.zdr:
        edits["zdr"] = b"true"
    if routing.no_collection:
        edits["data_collection"] = b'"deny"'
    left = document.members.keys() - OURS | {name for name, value in edits.items() if value is not None}
    return document.patch(edits) if left else None


def say_provider(routing: Routing) -> Spoken:
    """Say the same of a request that is not patched."""
    said: Spoken = {"zdr": True} if routing.zdr else {}
    if routing.no_collection:
        said["data_collection"] = "deny"
    if routing.distillable:
        said["enforce_distillable_text"] = True
    if routing.require_parameters:
        said["require_parameters"] = True
    if routing.quantizations:
        said["quantizations"] = routing.quantizations
    if routing.sort is not None:
        said["sort"] = {"by": routing.sort, "partition": "none"} if routing.sort_across else routing.sort
    for name in ("preferred_max_latency", "preferred_min_throughput"):
        cutoffs: Cutoffs = getattr(routing, name)
        if cutoffs:
            said[name] = dict(cutoffs)
    if routing.max_price is not None:
        limits = msgspec.structs.asdict(routing.max_price)
        said["max_price"] = {name: limit / NANO_PER_USD for name, limit in limits.items() if limit is not None}
    return said
