"""Own the caller's wishes about the order of trial: preferred providers, and no fallbacks.

Source: OpenRouter, "Provider Routing" (`provider.order`, `provider.allow_fallbacks`), read 2026-11. There as here a
model is chosen first; its providers are then tried in the order asked for.
Invariant: the model of the first candidate stays the same, so the policy's propensity stays true.
"""

from __future__ import annotations

from collections.abc import Sequence

from gearshift.types.chat import Routing
from gearshift.types.decision import Candidate


def as_asked(candidates: Sequence[Candidate], routing: Routing) -> tuple[Candidate, ...]:
    """Order `candidates`, of which there is at least one, as the caller asks.

    `order`: of each model, the providers named there come first, in that order. `allow_fallbacks` false: only the first
    candidate stays, or with `order` the deployments of its model (others than those named there are not eligible).
    """
    if not routing.order:
        return tuple(candidates) if routing.allow_fallbacks else (candidates[0],)
    place = {name.lower(): number for number, name in reversed(list(enumerate(routing.order)))}
    models = list(dict.fromkeys(candidate.deployment.model for candidate in candidates))
    ordered = sorted(
        candidates,
        key=lambda each: (
            models.index(each.deployment.model),
            place.get(each.deployment.provider.id.lower(), len(routing.order)),
        ),
    )
    if routing.allow_fallbacks:
        return tuple(ordered)
    return tuple(each for each in ordered if each.deployment.model == models[0])
