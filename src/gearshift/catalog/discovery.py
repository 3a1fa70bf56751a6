"""Own what was found at the servers that are asked for their models, and how it joins a config.

Invariant: what the config declares is never changed, hidden or added to by what a server says. A name that is taken is
not taken twice, in any case; the model that would have had it is named among those left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from gearshift.catalog.offers import Offer, Offers
from gearshift.config import Config, DeploymentConfig, ModelConfig

MAX_SHOWN: Final = 5
"""Models that a sentence names."""


class Discovery(Struct, frozen=True, kw_only=True):
    """Hold what each server has, and what went wrong, both by provider.

    A server that does not answer any more keeps what it had: the fault says that it is out of date.
    """

    offers: Mapping[str, Offers] = msgspec.field(default_factory=dict)
    faults: Mapping[str, str] = msgspec.field(default_factory=dict)

    def join(self, config: Config) -> Config:
        """Give `config` with a model for each that was found; its version tells them apart."""
        found: dict[str, dict[str, Offer]] = {}
        for provider, offer, against in self._fates(config):
            if not against:
                found.setdefault(offer.name, {})[provider] = offer
        if not found:
            return config
        models = {**config.models, **{name: _model(at) for name, at in found.items()}}
        fields = {field: getattr(config, field) for field in Config.model_fields}
        return Config(**{**fields, "models": models})

    def left_out(self, config: Config) -> list[str]:
        """Say which models were found and not taken, a sentence for each provider that has some."""
        told: list[str] = []
        for provider, offers in self.offers.items():
            names = [offer.name for of, offer, against in self._fates(config) if of == provider and against == "name"]
            if names:
                shown = ", ".join(names[:MAX_SHOWN]) + (" and more" if len(names) > MAX_SHOWN else "")
                told.append(
                    f"{provider}: {shown}: the name has another meaning in the config; declare a deployment to use it"
                )
            if offers.left_out:
                told.append(f"{provider}: {offers.left_out} of what it lists cannot be used as a model here")
        return told

    def _fates(self, config: Config) -> Iterator[tuple[str, Offer, str]]:
        """Give each offer with what is against it: nothing, that it is declared already, or its name."""
        taken, placed = _taken(config), _placed(config)
        for provider, offers in self.offers.items():
            for offer in offers.models if provider in config.providers else ():
                name = offer.name.lower()
                if (provider, offer.name) in placed:
                    yield provider, offer, "declared"
                elif {name, name.rpartition(":")[0], f"{provider}/{name}".lower()} & taken:
                    yield provider, offer, "name"
                else:
                    yield provider, offer, ""


def _taken(config: Config) -> set[str]:
    """Give all names that mean something already, in lower case."""
    ids = (f"{at.provider}/{model}" for model, stated in config.models.items() for at in stated.deployments)
    theirs = (at.name or model for model, stated in config.models.items() for at in stated.deployments)
    return {name.lower() for name in (*config.models, *config.routers, *ids, *theirs)}


def _placed(config: Config) -> set[tuple[str, str]]:
    """Give what is declared, by provider and by the provider's name for it."""
    return {(at.provider, at.name or model) for model, stated in config.models.items() for at in stated.deployments}


def _model(at: Mapping[str, Offer]) -> ModelConfig:
    """Make a model of the servers that have it; its window is the smallest, where all of them say one."""
    windows = [offer.context_window for offer in at.values()]
    known = [window for window in windows if window is not None]
    return ModelConfig(
        deployments=tuple(DeploymentConfig(provider=provider) for provider in at),
        context_window=min(known) if known and len(known) == len(windows) else None,
        capabilities=("embeddings",) if all(offer.embeds for offer in at.values()) else None,
    )
