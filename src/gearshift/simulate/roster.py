"""Own which models the upstream serves: the demo's by name, and those of replayed files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from gearshift.errors import DataError
from gearshift.simulate import calc, smol
from gearshift.simulate.answer import Answerer, Card, FunctionModel
from gearshift.simulate.docs import DocsIndex, load_pages
from gearshift.simulate.prompts import load_prompts
from gearshift.simulate.replay import load_replay
from gearshift.simulate.tiers import TIERS, Tier, build_tier
from gearshift.types.catalog import Rates

CALC_CARD: Final = Card(
    id="calc",
    owned_by="local",
    description="exact arithmetic and unit conversion with a parser; refuses all else",
    simulated=False,
    rates=Rates(input=10_000_000, output=10_000_000),
)
DOCS_CARD: Final = Card(
    id="docs",
    owned_by="local",
    description="BM25 retrieval over Gearshift's own documentation; cites its source",
    simulated=False,
    rates=Rates(input=20_000_000, output=20_000_000),
)
CARDS: Final = {card.id: card for card in (CALC_CARD, DOCS_CARD, smol.CARD, *(tier.card for tier in TIERS))}
"""Every demo model. The rates of the local ones are made up for the demo, like those of the tiers."""


class Roster(NamedTuple):
    """Hold the models to serve, and why the others cannot be (name to reason)."""

    models: list[Answerer]
    unavailable: dict[str, str]


def build_roster(names: Sequence[str] | None, replay: Iterable[Path] = ()) -> Roster:
    """Build the named demo models and those of the replayed files.

    `names` None: every demo model that can run here, or none when files are replayed. Raises `DataError` for a name
    that is not a demo model, a name that two models claim, and a file that cannot be read.
    """
    recorded = load_replay(replay)
    wanted = (() if recorded else tuple(CARDS)) if names is None else names
    builders = _builders()
    unknown = [name for name in wanted if name not in builders]
    if unknown:
        raise DataError(f"no demo model {', '.join(unknown)}; there are {', '.join(builders)}")
    reason = smol.available() if smol.CARD.id in wanted else None
    unavailable = {} if reason is None else {smol.CARD.id: reason}
    models = [*(builders[name]() for name in wanted if name not in unavailable), *recorded]
    claimed = [model.card.id for model in models]
    twice = {name for name in claimed if claimed.count(name) > 1}
    if twice:
        raise DataError(f"{', '.join(sorted(twice))} is both a demo model and a recorded one; leave one out")
    return Roster(models, unavailable)


def _builders() -> dict[str, Callable[[], Answerer]]:
    return {
        CALC_CARD.id: lambda: FunctionModel(CALC_CARD, calc.reply),
        DOCS_CARD.id: lambda: FunctionModel(DOCS_CARD, DocsIndex(load_pages()).reply),
        smol.CARD.id: smol.Smol,
        **{tier.name: partial(_build_tier, tier) for tier in TIERS},
    }


def _build_tier(tier: Tier) -> Answerer:
    return build_tier(tier, load_prompts())
