"""Own the words of Vercel's AI Gateway for routing: `providerOptions.gateway`.

Sources (read 2026-11-27): vercel.com/docs/ai-gateway/models-and-providers/provider-options and
.../provider-filtering-and-ordering; `GatewayProviderOptions` in vercel/ai, packages/gateway.
Invariant: nothing of `gateway` leaves, for it may hold credentials (`byok`); options for others stay in the request.
"""

from __future__ import annotations

from typing import Final

from gearshift.protocols.fields import NULL, TEXT, keep, maybe
from gearshift.protocols.json_patch import Members
from gearshift.protocols.wishes import INNER, MAX_SHOWN, Wishes, one_of, refuse_rest
from gearshift.types.chat import Sort

SORTS: Final[dict[str, Sort]] = {"cost": "price", "ttft": "latency", "tps": "throughput"}
NAMED: Final[dict[str, str]] = {
    "byok": "keys are those of the config's providers",
    "caching": "cache marks are said with the messages",
    "has": "a model's abilities are asked of the config wherever the request needs them",
    "idempotencyKey": "said as the header Idempotency-Key",
    "providerTimeouts": "timeouts are those of the config's reliability, and of x-gearshift-timeout-ms",
    "quotaEntityId": "no quota is kept for others than the key",
    "serviceTier": "said as service_tier of the request",
    "tags": "said as metadata of the request",
    "user": "said as user of the request",
}
"""Words that are known and not kept here, and what is done instead."""
GATEWAY: Final = ("order", "only", "sort", "models", "zeroDataRetention", "disallowPromptTraining", *NAMED)
OTHERS: Final = "options are for a provider of Vercel's SDK; say them in the request itself"


def decode_options(wishes: Wishes, members: Members) -> None:
    """Take `providerOptions.gateway`; options of other providers stay in `members`, for an upstream that has them."""
    if "providerOptions" not in members:
        return
    spoken = members["providerOptions"]
    options = maybe(members, "providerOptions", INNER) or {}
    had_gateway = "gateway" in options
    _decode_gateway(wishes, maybe(options, "gateway", INNER, "providerOptions.") or {})
    for name in options:
        wishes.note(f"providerOptions.{name[:MAX_SHOWN]}", OTHERS, "providerOptions")
    if had_gateway:
        keep(members, "providerOptions", options)
    elif options:
        members["providerOptions"] = spoken


def _decode_gateway(wishes: Wishes, inner: Members) -> None:
    at = "providerOptions.gateway."
    for name in ("only", "order", "models"):
        wishes.names(inner, name, at)
    if (sort := maybe(inner, "sort", TEXT, at)) is not None:
        wishes.add("sort", SORTS[one_of(tuple(SORTS), sort, f"{at}sort")], f"{at}sort")
    wishes.switch(inner, "zeroDataRetention", at, "zdr")
    wishes.switch(inner, "disallowPromptTraining", at, "no_collection")
    for name, detail in NAMED.items():
        if bytes(inner.pop(name, NULL)) != NULL:
            wishes.note(f"{at}{name}", detail)
    refuse_rest(inner, at, GATEWAY)
