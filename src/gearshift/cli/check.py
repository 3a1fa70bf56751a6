"""Own `gearshift init` and `gearshift check`: write a first config; validate one and resolve every price."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gearshift.cli.printing import AsJson, as_text
from gearshift.config import from_environment, render_initial

if TYPE_CHECKING:
    from gearshift.catalog import Catalog

CHECK_FAILED = 3
YAML = (".yaml", ".yml")


def init(
    path: Annotated[Path, typer.Argument(help="Where to write.")] = Path("gearshift.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a config from the keys found in the environment."""
    if path.suffix not in YAML:
        raise typer.BadParameter(f"found {path.name}, expected a name that ends in {' or '.join(YAML)}: it is YAML")
    if path.exists() and not force:
        typer.echo(f"gearshift init: found {path} already there; name another file or pass --force", err=True)
        raise typer.Exit(1)
    path.write_text(render_initial(os.environ), encoding="utf-8")
    typer.echo(f"wrote {path}; next: gearshift check --config {path}")
    if from_environment(os.environ) is None:
        typer.echo("found no provider key in the environment, so it is an example: fill in your providers", err=True)


def check(
    config: Annotated[Path, typer.Option(help="The config to check.")] = Path("gearshift.yaml"),
    probe: Annotated[bool, typer.Option("--probe", help="Call each deployment once, with one token.")] = False,
    as_json: AsJson = False,
) -> None:
    """Validate a config: every fault at once, every price resolved. Exit code 3 when something is wrong."""
    from gearshift.cli.assemble import prepare
    from gearshift.cli.examine import read
    from gearshift.cli.inspect import print_models, show_models
    from gearshift.cli.probe import probe_all
    from gearshift.errors import ConfigError

    try:
        catalog = prepare(read(config, os.environ), os.environ, source=str(config)).catalog
    except ConfigError as error:
        typer.echo(_json(faults=error.faults) if as_json else error.message, err=not as_json)
        raise typer.Exit(CHECK_FAILED) from error
    probes = probe_all(catalog, os.environ) if probe else {}
    if as_json:
        typer.echo(_json(deployments=show_models(catalog), probes=probes))
    else:
        print_models(catalog)
        _say(catalog, probes)
    if any(probes.values()):
        raise typer.Exit(CHECK_FAILED)


def _say(catalog: Catalog, probes: Mapping[str, str]) -> None:
    """Say what no router uses, what comes to an end, and how each call went."""
    from gearshift.catalog.lifecycle import notices

    asked = [name for name, each in catalog.providers.items() if each.lists]
    if asked:
        typer.echo(f"asked for their models when the gateway starts: {', '.join(asked)}", err=True)
    unknown = [each.id for each in catalog.deployments if each.price is None]
    if unknown:
        typer.echo(f"price unknown, so routers skip them: {', '.join(unknown)}", err=True)
    for name, notice in notices(catalog.deployments, datetime.now(UTC).date()).items():
        typer.echo(f"{name}: {notice}", err=True)
    for name, outcome in probes.items():
        typer.echo(f"probe {name}: {outcome or 'ok'}")


def _json(*, faults: Sequence[str] = (), deployments: object = (), probes: Mapping[str, str] | None = None) -> str:
    """Write a report; of a probe that went well the outcome is null."""
    outcomes = {name: outcome or None for name, outcome in (probes or {}).items()}
    good = not faults and not any(outcomes.values())
    report = {"ok": good, "faults": list(faults), "deployments": deployments, "probes": outcomes}
    return as_text(report)
