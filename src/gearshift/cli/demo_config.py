"""Own the config of the demo providers: their models, their made-up prices and the router over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gearshift.learning.artifact import demo_path
from gearshift.simulate.answer import Card
from gearshift.simulate.embed import CARD as EMBED
from gearshift.simulate.roster import CARDS
from gearshift.types.catalog import NANO_PER_USD

LOCAL: Final = "demo"
SIMULATED: Final = "simulated"
WILLINGNESS_USD: Final = 0.002
"""The demo's dial: a right answer is worth a fifth of a cent. The answers are short and cost far less than that."""


def demo_mapping(base_url: str, models: Iterable[str]) -> dict[str, Any]:
    """Give the config, as plain data, of the demo providers at `base_url`; what chats is what `auto` may choose."""
    names = [name for name in models if name in CARDS]
    return {
        "providers": {
            LOCAL: {"protocol": "openai_chat", "base_url": base_url},
            SIMULATED: {"protocol": "openai_chat", "base_url": base_url, "simulated": True},
        },
        "models": {**{name: _model(CARDS[name]) for name in names}, EMBED.id: _model(EMBED, "embeddings")},
        "reliability": {"max_attempts": max(1, len(names))},  # the tiers refuse what they have no answer to
        "routers": {
            "auto": {
                "candidates": names,
                "predictor": str(demo_path()),
                "objective": {"willingness_to_pay": WILLINGNESS_USD},
                "fallback": names[-1],
            }
        },
    }


def _model(card: Card, *capabilities: str) -> dict[str, Any]:
    deployment: dict[str, Any] = {"provider": SIMULATED if card.simulated else LOCAL}
    if card.rates is not None:
        dollars = NANO_PER_USD
        deployment["price"] = {"input": card.rates.input / dollars, "output": card.rates.output / dollars}
    model: dict[str, Any] = {"deployments": [deployment], "capabilities": [*capabilities]}
    if card.context_window is not None:
        model["context_window"] = card.context_window
    return model


def describe(models: Iterable[str], unavailable: Mapping[str, str]) -> list[str]:
    """Say what each demo model is, SIMULATED ones loudly, and which are missing and why."""
    cards = [*(CARDS[name] for name in models if name in CARDS), EMBED]
    lines = [f"{card.id}: {card.description}" for card in cards]
    return [*lines, *(f"{name}: not here ({reason})" for name, reason in unavailable.items())]
