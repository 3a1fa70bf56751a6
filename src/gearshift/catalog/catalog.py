"""Own the catalogue: every deployment of a config, with its price and the facts about its model.

Invariant: what the config states wins over what is looked up, and what nobody knows is None. Order is the config's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Final

from msgspec import Struct

from gearshift.catalog import facts, prices
from gearshift.catalog.pricebook import PriceBook, shipped
from gearshift.config import Config, DeploymentConfig, ModelConfig, ProviderConfig
from gearshift.config.names import closest, matches
from gearshift.config.rows import ProviderRow, builtin, resolve, row_of
from gearshift.errors import UnknownModel
from gearshift.types.catalog import Deployment, Provider, Terms

EMBEDDINGS: Final = "embeddings"


class Catalog(Struct, frozen=True, kw_only=True):
    """Hold all deployments, the deployments of each model by its name, and all providers by theirs."""

    deployments: tuple[Deployment, ...]
    models: dict[str, tuple[Deployment, ...]]
    providers: Mapping[str, Provider] = {}

    def resolve(self, name: str) -> tuple[Deployment, ...]:
        """Give the deployments that a caller means by a model's name or a deployment's id.

        Raises UnknownModel, naming the closest matches.
        """
        found = self.models.get(name) or tuple(each for each in self.deployments if each.id == name)
        if found:
            return found
        near = closest(name, [*self.models, *(each.id for each in self.deployments)], 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; GET /v1/models lists them"
        raise UnknownModel(f'found no model "{name[:100]}"{hint}', param="model")

    def select(self, patterns: Iterable[str]) -> tuple[Deployment, ...]:
        """Give the deployments that names, ids and globs mean, in the order of the patterns, each once."""
        found: dict[str, Deployment] = {}
        for pattern in patterns:
            for each in self.deployments:
                if matches(pattern, each.id, each.model):
                    found.setdefault(each.id, each)
        return tuple(found.values())


def build(
    config: Config,
    environ: Mapping[str, str],
    *,
    today: date | None = None,
    known: Mapping[str, ProviderRow] | None = None,
    book: Callable[[], PriceBook] = shipped,
) -> Catalog:
    """Make the catalogue of a config, with the prices of the day `today` (UTC), by default the current one.

    `known` are the built-in providers, those of `providers.toml` unless given. `book` is asked for once a price is
    looked up. Reads no secret and calls nobody.
    """
    table = builtin() if known is None else known
    found = {name: (stated, row_of(name, stated, table)) for name, stated in config.providers.items()}
    builder = _Builder(
        providers={name: resolve(name, stated, row, environ) for name, (stated, row) in found.items()},
        rows={name: row for name, (_, row) in found.items() if row is not None},
        likes={name: stated.like or name for name, stated in config.providers.items()},
        stated=config.providers,
        terms={name: stated.terms(Terms()) for name, stated in config.providers.items()},
        snapshot=facts.read(),
        today=today or datetime.now(UTC).date(),
        book=book,
    )
    models = {
        name: tuple(builder.deployment(name, model, stated) for stated in model.deployments)
        for name, model in config.models.items()
    }
    return Catalog(
        deployments=tuple(each for group in models.values() for each in group),
        models=models,
        providers=builder.providers,
    )


class _Builder(Struct, frozen=True, kw_only=True):
    """Hold what every deployment is made of."""

    providers: Mapping[str, Provider]
    terms: Mapping[str, Terms]
    rows: Mapping[str, ProviderRow]
    likes: Mapping[str, str]
    stated: Mapping[str, ProviderConfig]
    snapshot: facts.Snapshot
    today: date
    book: Callable[[], PriceBook]

    def deployment(self, model: str, stated: ModelConfig, at: DeploymentConfig) -> Deployment:
        """Make one deployment: what is stated, else what is known."""
        provider, name = self.providers[at.provider], at.name or model
        row = self.rows.get(provider.id)
        fact = self.snapshot.find((row and row.facts_of) or self.likes[provider.id], name)
        window = stated.context_window or fact.context_window
        capabilities = self._capabilities(provider, stated, fact)
        listing = prices.Listing()
        price = at.price or self.stated[provider.id].price
        if provider.price_id is not None and (price is None or window is None):
            only_embeds = capabilities is not None and EMBEDDINGS in capabilities and "chat" not in capabilities
            found = self.book()
            listing = prices.look_up(found, provider.price_id, name, self.today, only_input=only_embeds)
        return Deployment(
            id=f"{provider.id}/{model}",
            model=model,
            name=name,
            provider=provider,
            price=listing.price if price is None else price.price,
            context_window=window or listing.context_window,
            max_output_tokens=stated.max_output_tokens or fact.max_output_tokens,
            capabilities=capabilities,
            lifecycle=self.snapshot.lifecycle(provider.id, name) or listing.lifecycle,
            only_snapshot=self.snapshot.only_snapshot(provider.id, name),
            terms=at.terms(self.terms[at.provider]),
        )

    def _capabilities(self, provider: Provider, stated: ModelConfig, fact: facts.Facts) -> frozenset[str] | None:
        """Give the capabilities: those stated, else the model's with what its provider's API adds and takes away."""
        said = self.stated[provider.id].capabilities if stated.capabilities is None else stated.capabilities
        if said is not None:
            return frozenset(said)
        row = self.rows.get(provider.id)
        if fact.capabilities is None or row is None:
            return None
        added = set[str]() if EMBEDDINGS in fact.capabilities else set(row.capabilities)  # these are of conversations
        return (fact.capabilities | added) - set(row.lacks)
