"""Own `gearshift init` and `gearshift check`: write a first config; validate one and resolve every price."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from gearshift.config import check_secrets, load, render_initial

CHECK_FAILED = 3


def init(
    path: Annotated[Path, typer.Argument(help="Where to write.")] = Path("gearshift.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a config from the keys found in the environment."""
    if path.exists() and not force:
        typer.echo(f"gearshift init: found {path} already there; name another file or pass --force", err=True)
        raise typer.Exit(1)
    path.write_text(render_initial(os.environ), encoding="utf-8")
    typer.echo(f"wrote {path}; next: gearshift check --config {path}")


def check(
    config: Annotated[Path, typer.Option(help="The config to check.")] = Path("gearshift.yaml"),
    probe: Annotated[bool, typer.Option("--probe", help="Call each deployment once, with one token.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Validate a config: every fault at once, every price resolved. Exit code 3 when something is wrong."""
    from gearshift.cli.assemble import load_predictors, open_catalog
    from gearshift.cli.inspect import print_models
    from gearshift.errors import ConfigError

    try:
        found = load(config, os.environ)
        check_secrets(found, os.environ, source=str(config))
        catalog = open_catalog(found, os.environ)
        load_predictors(found)
    except ConfigError as error:
        typer.echo(error.message, err=True)
        raise typer.Exit(CHECK_FAILED) from error
    print_models(catalog, as_json=as_json)
    unknown = [each.id for each in catalog.deployments if each.price is None]
    if unknown and not as_json:
        typer.echo(f"price unknown, so routers skip them: {', '.join(unknown)}", err=True)
    if probe:
        from gearshift.cli.probe import probe_all

        if not probe_all(catalog, os.environ):
            raise typer.Exit(CHECK_FAILED)
