"""Own the fields that steer the router: they become `Routing` and never reach an upstream.

Invariants: a field that we cannot yet honour is refused, never ignored; the same wish said in two places is refused;
what stands beside our part of a shared object (`plugins`, `providerOptions`) goes on to the upstream untouched.
Sources (2026-11): OpenRouter, "Provider routing", "Model fallbacks" and "Auto router"; Martian, `routing_constraint`;
Vercel AI Gateway, "Provider options".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec
from msgspec import Raw

from gearshift.protocols.fields import (
    BOOLEAN,
    LIST,
    NUMBER,
    TEXT,
    TEXTS,
    Kind,
    Misfit,
    Sole,
    keep,
    maybe,
    raw,
)
from gearshift.protocols.json_patch import Members
from gearshift.types.chat import Percentile, Routing, Sort

MAX_NAME: Final = 256
MAX_NAMES: Final = 1_000
MAX_SHOWN: Final = 64
_LATER: Final = "not supported yet"
REMOVED: Final = ("models", "provider", "routing_constraint", "session_id")
"""Top-level fields that are ours alone."""
SHARED: Final = ("plugins", "providerOptions")
"""Top-level fields of which only a part is ours."""
PROVIDER: Final = ("only", "ignore", "order", "allow_fallbacks", "sort", "preferred_max_latency")
PROVIDER_LATER: Final = (
    "require_parameters",
    "data_collection",
    "zdr",
    "quantizations",
    "preferred_min_throughput",
    "max_price",
)
GATEWAY: Final = ("only", "order", "models")
GATEWAY_LATER: Final = ("sort",)
PLUGIN: Final = ("allowed_models", "excluded_models", "cost_tier")
PLUGIN_ID: Final = "auto-router"
SORTS: Final[tuple[Sort, ...]] = ("price", "throughput", "latency")
PARTITIONS: Final = ("model", "none")
PERCENTILES: Final[tuple[Percentile, ...]] = ("p50", "p75", "p90", "p99")
TIERS: Final = ("low", "medium", "high", "xhigh", "max")

_FIELDS: Final = frozenset((*REMOVED, *SHARED))
_UNSTEERED: Final = Routing()


class _Plugin(msgspec.Struct):
    id: str = ""


_SOLE: Final = Sole(msgspec.json.Decoder(Members), "an object")
_plugin = Kind(msgspec.json.Decoder(_Plugin), "an object")

Wishes: TypeAlias = dict[str, object]
"""Fields of `Routing` by name."""


def decode_routing(members: Members) -> Routing:
    """Take the steering fields out of a request; what others share with us stays in."""
    if _FIELDS.isdisjoint(members):
        return _UNSTEERED
    wishes: Wishes = {}
    if maybe(members, "routing_constraint", _SOLE) is not None:
        raise Misfit("routing_constraint", f"{_LATER}; choose a router with the objective that you want")
    if (session := maybe(members, "session_id", TEXT)) is not None:
        wishes["session_id"] = checked_name(session, "session_id")
    _wish_names(wishes, members, "models")
    _decode_provider(wishes, members)
    _decode_plugins(wishes, members)
    _decode_gateway(wishes, members)
    return msgspec.convert(wishes, Routing)


def strip_routing(members: Members) -> dict[str, bytes | None]:
    """Give the edits that take the steering fields out of a request's body."""
    edits: dict[str, bytes | None] = {name: None for name in REMOVED if name in members}
    for name, decode in (("plugins", _decode_plugins), ("providerOptions", _decode_gateway)):
        if name in members:
            rest = {name: members[name]}
            decode({}, rest)
            edits[name] = bytes(rest[name]) if name in rest else None
    return edits


def checked_name(name: str, path: str) -> str:
    """Give a name of a model, provider or session, if it can be one."""
    if name and len(name) <= MAX_NAME and name.isprintable():
        return name
    found = "unprintable characters" if len(name) <= MAX_NAME else f"{len(name)} characters"
    raise Misfit(path, f"found {found if name else 'an empty string'}, expected 1 to {MAX_NAME} printable characters")


def _decode_provider(wishes: Wishes, members: Members) -> None:
    """Take OpenRouter's `provider`."""
    inner = maybe(members, "provider", _SOLE) or {}
    for name in ("only", "ignore", "order"):
        _wish_names(wishes, inner, name, "provider.")
    if (allow := maybe(inner, "allow_fallbacks", BOOLEAN, "provider.")) is not None:
        wishes["allow_fallbacks"] = allow
    _decode_sort(wishes, inner)
    _decode_patience(wishes, inner)
    _refuse_rest(inner, "provider.", PROVIDER)


def _decode_sort(wishes: Wishes, provider: Members) -> None:
    """Take OpenRouter's `provider.sort`: a word, or an object of `by` and `partition`."""
    if bytes(provider.get("sort", b""))[:1] != b"{":
        sort, partition = maybe(provider, "sort", TEXT, "provider."), None
        path = "provider.sort"
    else:
        inner = maybe(provider, "sort", _SOLE, "provider.") or {}
        path = "provider.sort.by"
        sort, partition = (maybe(inner, name, TEXT, "provider.sort.") for name in ("by", "partition"))
        _refuse_rest(inner, "provider.sort.", ("by", "partition"))
    if sort is not None:
        wishes["sort"] = _one_of(SORTS, sort, path)
    if partition is not None:
        wishes["sort_across"] = _one_of(PARTITIONS, partition, "provider.sort.partition") == "none"


def _decode_patience(wishes: Wishes, provider: Members) -> None:
    """Take OpenRouter's `provider.preferred_max_latency`: seconds at the median, or at some percentiles."""
    at = "provider.preferred_max_latency"
    if bytes(provider.get("preferred_max_latency", b""))[:1] == b"{":
        inner = maybe(provider, "preferred_max_latency", _SOLE, "provider.") or {}
        limits = [(name, maybe(inner, name, NUMBER, f"{at}.")) for name in PERCENTILES]
        _refuse_rest(inner, f"{at}.", PERCENTILES)
    else:
        limits = [("p50", maybe(provider, "preferred_max_latency", NUMBER, "provider."))]
    for _, limit in limits:
        if limit is not None and limit <= 0:
            raise Misfit(at, f"found {limit:g}, expected seconds above 0")
    wishes["preferred_max_latency"] = [(name, limit) for name, limit in limits if limit is not None]


def _one_of(words: Sequence[str], found: str, path: str) -> str:
    if found not in words:
        raise Misfit(path, f"found {found[:MAX_SHOWN]!r}, expected one of {', '.join(words)}")
    return found


def _decode_plugins(wishes: Wishes, members: Members) -> None:
    """Take the plugin `auto-router`; other plugins are the upstream's."""
    if "plugins" not in members:
        return
    spoken = members["plugins"]
    plugins = maybe(members, "plugins", LIST) or []
    others: list[Raw] = []
    for index, plugin in enumerate(plugins):
        if _plugin.read(plugin, f"plugins[{index}]").id != PLUGIN_ID:
            others.append(plugin)
            continue
        at = f"plugins[{index}]."
        inner = _SOLE.read(plugin, at)
        del inner["id"]
        _wish_names(wishes, inner, "allowed_models", at, "allowed")
        _wish_names(wishes, inner, "excluded_models", at, "excluded")
        if (tier := maybe(inner, "cost_tier", TEXT, at)) is not None:
            _say_once(wishes, "cost_tier", f"{at}cost_tier")
            wishes["cost_tier"] = _one_of(TIERS, tier, f"{at}cost_tier")
        _refuse_rest(inner, at, PLUGIN)
    if others:
        members["plugins"] = spoken if len(others) == len(plugins) else raw(others)


def _decode_gateway(wishes: Wishes, members: Members) -> None:
    """Take Vercel's `providerOptions.gateway`; options of other providers are the upstream's."""
    if "providerOptions" not in members:
        return
    spoken = members["providerOptions"]
    options = maybe(members, "providerOptions", _SOLE) or {}
    if "gateway" in options:
        at = "providerOptions.gateway."
        inner = maybe(options, "gateway", _SOLE, "providerOptions.") or {}
        for name in GATEWAY:
            _wish_names(wishes, inner, name, at)
        _refuse_rest(inner, at, GATEWAY)
        keep(members, "providerOptions", options)
    elif options:
        members["providerOptions"] = spoken


def _wish_names(wishes: Wishes, members: Members, name: str, at: str = "", wish: str | None = None) -> None:
    """Take a list of names as the wish of that (or another) name."""
    names = maybe(members, name, TEXTS, at)
    if names is None:
        return
    wish = wish or name
    _say_once(wishes, wish, at + name)
    if len(names) > MAX_NAMES:
        raise Misfit(at + name, f"found {len(names)} names, expected at most {MAX_NAMES}")
    wishes[wish] = [checked_name(one, f"{at}{name}[{index}]") for index, one in enumerate(names)]


def _say_once(wishes: Wishes, wish: str, path: str) -> None:
    if wish in wishes:
        raise Misfit(path, "said in two places, which may differ; say it once")


def _refuse_rest(members: Members, at: str, known: Sequence[str]) -> None:
    """Refuse what we do not honour: to ignore a wish in silence would be worse."""
    for name in members:
        if name in PROVIDER_LATER or name in GATEWAY_LATER:
            raise Misfit(at + name, f"{_LATER}; leave it out")
        raise Misfit(at + name[:MAX_SHOWN], f"not known here, expected one of {', '.join(known)}")
