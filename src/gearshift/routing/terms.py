"""Own what the caller demands of a deployment itself: its data policy, how its weights are kept, what it charges.

Source: OpenRouter, "Provider routing" (`data_collection`, `zdr`, `enforce_distillable_text`, `quantizations`,
`max_price`), read 2026-11-27.
Invariants: what is not known satisfies no demand; but a provider that itself enforces OpenRouter's `provider` is told
the demand, and what nobody stated of its deployments is left to it. Of a deployment with a known price the whole price
is known: none of its requests or images costs anything besides (`catalog.prices`).
"""

from __future__ import annotations

from typing import Final

from gearshift import tokens
from gearshift.accounting import rates_of, usd
from gearshift.routing.check import Check, reject, some
from gearshift.types.asking import MaxPrice
from gearshift.types.catalog import Deployment
from gearshift.types.chat import Routing
from gearshift.types.decision import Rejection
from gearshift.types.embedding import Asked, EmbeddingRequest

ENFORCES: Final = "provider"
"""The extension of providers that keep these demands themselves."""
_UNKNOWN: Final = "unknown"
_POLICIES: Final = {
    "no_collection": ("data_collection", "deny", "deny"),
    "zdr": ("zdr", True, "true"),
    "distillable": ("distillable", True, "true"),
}
"""Wish to the fact that satisfies it, its value, and how the config spells that."""


def demands(request: Asked) -> list[Check]:
    """Give the checks of what this request demands."""
    routing = request.routing
    checks = [_policy(wish) for wish in _POLICIES if getattr(routing, wish)]
    if routing.quantizations:
        checks.append(_quantization(routing))
    if routing.max_price is not None:
        checks.append(_price(request, routing.max_price))
    return checks


def enforces(deployment: Deployment) -> bool:
    """Say whether its provider keeps such demands itself."""
    return ENFORCES in deployment.provider.quirks.extensions


def _policy(wish: str) -> Check:
    fact, wanted, spelled = _POLICIES[wish]

    def check(deployment: Deployment) -> Rejection | None:
        found = getattr(deployment.terms, fact)
        if found == wanted or (found is None and enforces(deployment)):
            return None
        if found is None:
            return reject(deployment, "terms", f"{_not_known(fact)}; {_state(deployment, fact, spelled)}")
        shown = "allow" if fact == "data_collection" else "false"
        return reject(deployment, "terms", f"the config says {fact}: {shown}, the request demands {spelled}")

    return check


def _quantization(routing: Routing) -> Check:
    wanted = routing.quantizations

    def check(deployment: Deployment) -> Rejection | None:
        found = deployment.terms.quantization
        if (found or _UNKNOWN) in wanted or (found is None and enforces(deployment)):
            return None
        if found is None:
            detail = f"{_not_known('quantization')}; {_state(deployment, 'quantization', wanted[0])}, or add unknown"
            return reject(deployment, "terms", f"{detail} to the request's quantizations")
        return reject(deployment, "terms", f"its weights are kept as {found}, the request demands {some(wanted)}")

    return check


def _price(request: Asked, limit: MaxPrice) -> Check:
    def check(deployment: Deployment) -> Rejection | None:
        price = deployment.price
        if price is None:
            todo = f"add a price to its deployment in models.{deployment.model} in the config"
            return reject(deployment, "max_price", f"what it charges is not known, so max_price cannot be kept; {todo}")
        rates = rates_of(price, _length(request)) if price.tiers else price.rates
        for word, rate, most in (("prompt", rates.input, limit.prompt), ("completion", rates.output, limit.completion)):
            if most is not None and rate > most:
                found = f"it charges ${usd(rate)} per million tokens"
                return reject(deployment, "max_price", f"{found}, above max_price.{word} of ${usd(most)}; raise that")
        return None

    return check


def _length(request: Asked) -> int:
    return (tokens.estimate_inputs(request) or 0) if isinstance(request, EmbeddingRequest) else tokens.estimate(request)


def _not_known(fact: str) -> str:
    return f"its {fact} is not known, and unknown satisfies no demand"


def _state(deployment: Deployment, fact: str, spelled: str) -> str:
    provider = deployment.provider.id
    return f"state {fact}: {spelled} under providers.{provider} (or its deployment of {deployment.model}) if it is so"
