"""Own `gearshift models` and `gearshift route`: what can be called, and what would be chosen; no model is called."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from gearshift import documents
from gearshift.cli.printing import AsJson, as_text
from gearshift.config import Config, from_environment, from_mapping, load
from gearshift.types.catalog import NANO_PER_USD

if TYPE_CHECKING:
    from gearshift.catalog import Catalog
    from gearshift.types.catalog import Deployment
    from gearshift.types.decision import Decision

DEFAULT_FILE = Path("gearshift.yaml")
_DEMO_URL = "http://127.0.0.1:1/v1"
"""Where the demo providers would be: a dry run calls nobody."""


def find_config(path: Path | None) -> Config:
    """Give the config that `serve` would use: the file, the environment's, or the demo's (without starting it)."""
    path = path or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    found = load(path, os.environ) if path else from_environment(os.environ)
    if found is not None:
        return found
    from gearshift.cli.demo_config import demo_mapping
    from gearshift.simulate.roster import CARDS

    return from_mapping(demo_mapping(_DEMO_URL, CARDS), source="the demo providers", environ=os.environ)


def models(
    config: Annotated[Path | None, typer.Option(help="Config file; default: as serve.")] = None,
    discover: Annotated[bool, typer.Option("--discover", help="Ask your servers for their models.")] = False,
    as_json: AsJson = False,
) -> None:
    """List deployments: prices with source and date, context windows, capabilities."""
    from gearshift.cli.assemble import open_catalog

    found = find_config(config)
    catalog = open_catalog(_discovered(found) if discover else found, os.environ)
    if as_json:
        typer.echo(as_text(show_models(catalog)))
    else:
        print_models(catalog)


def route(
    prompt: Annotated[str, typer.Argument(help="What the user would ask.")],
    router: Annotated[str, typer.Option(help="Router, model or deployment to ask for.")] = "auto",
    config: Annotated[Path | None, typer.Option(help="Config file; default: as serve.")] = None,
    discover: Annotated[bool, typer.Option("--discover", help="Ask your servers for their models.")] = False,
    as_json: AsJson = False,
) -> None:
    """Decide for a prompt and explain, without an upstream call."""
    import random
    import time

    from gearshift.cli.assemble import make_world, open_catalog
    from gearshift.errors import NoCandidate, UnknownModel
    from gearshift.routing.decide import decide
    from gearshift.routing.explain import explain_flip, explain_refusal
    from gearshift.routing.task import task_of
    from gearshift.types.chat import Message, Request, Text
    from gearshift.types.decision import Snapshot

    found = _discovered(find_config(config)) if discover else find_config(config)
    world = make_world(found, open_catalog(found, os.environ))
    request = Request(model=router, messages=(Message(role="user", parts=(Text(text=prompt),)),))
    snapshot = Snapshot(now=time.time(), deployments=world.deployments)
    try:
        chooser = world.routers.resolve(request)
    except UnknownModel as error:
        there = ", ".join(found.routers) or "none"
        raise UnknownModel(f"{error.message}; routers here: {there}; name one with --router") from None
    decision = decide(request, snapshot, chooser, random.SystemRandom())
    if not decision.plan and not as_json:
        raise NoCandidate(explain_refusal(decision))
    flip = explain_flip(decision)
    if as_json:
        typer.echo(as_text(documents.decision(decision, flip, task_of(request))))
        raise typer.Exit(0 if decision.plan else 1)
    _print_decision(decision)
    typer.echo(f"\ntask {task_of(request)}")
    if flip is not None:
        typer.echo(f"would choose {flip.would_choose} if {flip.condition}")


def _discovered(config: Config) -> Config:
    """Ask the config's servers for their models; say on stderr what went wrong."""
    import asyncio

    from gearshift.cli.discover import discover

    discovered = asyncio.run(discover(config, os.environ))
    faults = [f"{provider}: {fault}" for provider, fault in discovered.faults.items()]
    for told in (*faults, *discovered.left_out(config)):
        typer.echo(told, err=True)
    return discovered.join(config)


def show_models(catalog: Catalog) -> list[dict[str, object]]:
    """Show every deployment of a catalogue, as plain data."""
    return [_deployment(each) for each in catalog.deployments]


def print_models(catalog: Catalog) -> None:
    """Print every deployment of a catalogue."""
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "deployment", "input $/M", "output $/M", "cached $/M", "price from", "window", "ends", "capabilities", box=None
    )
    for each in catalog.deployments:
        price = each.price
        rates = price.rates if price else None
        table.add_row(
            each.id + (" SIMULATED" if each.provider.simulated else ""),
            _dollars(rates.input if rates else None),
            _dollars(rates.output if rates else None),
            _dollars(rates.cache_read if rates else None),
            f"{price.source} {price.date or ''}".strip() if price else "unknown",
            str(each.context_window or "unknown"),
            _end(each),
            "unknown" if each.capabilities is None else ", ".join(sorted(each.capabilities)) or "text only",
        )
    Console(width=None if os.isatty(1) else 200).print(table)


def _deployment(each: Deployment) -> dict[str, object]:
    price = each.price
    return {
        "deployment": each.id,
        "model": each.model,
        "provider": each.provider.id,
        "simulated": each.provider.simulated,
        "price": msgspec.to_builtins(price) if price else None,
        "price_unit": "nano-USD per million tokens",
        "context_window": each.context_window,
        "max_output_tokens": each.max_output_tokens,
        "lifecycle": msgspec.to_builtins(each.lifecycle) if each.lifecycle else None,
        "capabilities": None if each.capabilities is None else sorted(each.capabilities),
    }


def _end(each: Deployment) -> str:
    known = each.lifecycle
    return "" if known is None else known.retires or "deprecated"


def _dollars(rate: int | None) -> str:
    return "-" if rate is None else f"{rate / NANO_PER_USD:g}"


def _print_decision(decision: Decision) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if os.isatty(1) else 200)
    chosen = decision.chosen.deployment
    label = " (SIMULATED)" if chosen.provider.simulated else ""
    console.print(
        f"router {decision.router}: {chosen.id}{label}, reason {decision.reason}, policy {decision.policy}",
        highlight=False,
    )
    if decision.detail:
        console.print(decision.detail, highlight=False)
    table = Table("", "deployment", "quality", "cost $", "utility", box=None)
    for number, candidate in enumerate((option for step in decision.plan for option in step.candidates), start=1):
        estimate = candidate.estimate
        table.add_row(
            str(number),
            candidate.deployment.id,
            f"{estimate.quality:.3f} ± {estimate.quality_std:.3f}" if estimate else "-",
            f"{documents.usd(estimate.cost):.6f}" if estimate and estimate.cost is not None else "unknown",
            f"{candidate.utility:.6f}" if candidate.utility is not None else "-",
        )
    console.print(table)
    for refused in decision.rejected:
        console.print(f"rejected {refused.deployment}: {refused.reason}: {refused.detail}", highlight=False)
    for wish in decision.unmet:
        console.print(f"not done {wish.field}: {wish.detail}", highlight=False)
