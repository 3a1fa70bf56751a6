"""Own the command line itself: which commands there are, and what becomes of an error.

Exit codes: 0 success, 1 failure, 2 usage, 3 a check failed.
"""

from __future__ import annotations

import sys

import typer

from gearshift import __version__
from gearshift.cli.bench import bench
from gearshift.cli.budgets import budgets
from gearshift.cli.calibrate import calibrate
from gearshift.cli.catalog import catalog
from gearshift.cli.check import check, init
from gearshift.cli.demo import demo
from gearshift.cli.enroll import enroll
from gearshift.cli.evaluate import evaluate
from gearshift.cli.export import export
from gearshift.cli.inspect import models, route
from gearshift.cli.keys import keys
from gearshift.cli.migrate import migrate
from gearshift.cli.predict import predict
from gearshift.cli.promote import promote, rollback
from gearshift.cli.replay import replay
from gearshift.cli.serve import serve
from gearshift.cli.train import train
from gearshift.cli.usage import usage
from gearshift.errors import GearshiftError

app = typer.Typer(
    name="gearshift",
    help="The open-source model router: each request goes to the cheapest model that is good enough for it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_SERVING = (serve, init, check, demo, route, models, export, usage, bench)
_LEARNING = (train, predict, evaluate, enroll, calibrate, replay, promote, rollback)
for command in (*_SERVING, *_LEARNING):
    app.command()(command)
app.add_typer(migrate)
app.add_typer(catalog)
app.add_typer(keys)
app.add_typer(budgets)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gearshift {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *, version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version.")
) -> None:
    """Take the options before the command."""


def main() -> None:
    """Run the command line; an error on purpose is its message on stderr and exit code 1, never a traceback."""
    try:
        app()
    except GearshiftError as error:
        typer.echo(f"gearshift: {error.message}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        where = error.filename or "a file or connection"
        found = f"{where}: found {(error.strerror or type(error).__name__).lower()}"
        typer.echo(f"gearshift: {found}; expected that it can be used; check the path and its permissions", err=True)
        sys.exit(1)
