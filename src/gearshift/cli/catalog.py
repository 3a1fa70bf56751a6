"""Own `gearshift catalog` and `gearshift catalog update`: where prices and facts come from, and newer ones on request.

Invariant: nothing is fetched unless asked, and what was fetched is believed only when all of it is sound.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from gearshift.cli.check import CHECK_FAILED
from gearshift.cli.inspect import find_config
from gearshift.cli.printing import AsJson, as_text
from gearshift.types.catalog import NANO_PER_USD

if TYPE_CHECKING:
    from gearshift.catalog.changes import Change
    from gearshift.catalog.pricebook import PriceBook
    from gearshift.config import Config
    from gearshift.types.catalog import Price

PATIENCE: Final = 30
ConfigPath = Annotated[Path | None, typer.Option("--config", help="Config file; default: as serve.")]

catalog = typer.Typer(name="catalog", invoke_without_command=True)


@catalog.callback()
def show(context: typer.Context, config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Show where prices and facts come from; `catalog update` fetches newer prices."""
    from gearshift.catalog import facts, pricefile

    if context.invoked_subcommand is not None:
        return
    stated = find_config(config)
    book, snapshot, path = pricefile.load(stated.catalog_path), facts.read(), stated.catalog_path
    prices = {"source": book.source, "date": book.date, "models": book.models, "file": str(path) if book.date else None}
    count = sum(len(models) for models in snapshot.providers.values())
    known = {"source": snapshot.source, "date": snapshot.date, "models": count}
    if as_json:
        typer.echo(as_text({"prices": prices, "facts": known}))
        return
    fetched = f"fetched {book.date}, in {path}" if book.date else "shipped"
    typer.echo(f"prices  {book.source}, {fetched}, {book.models} models")
    typer.echo(f"facts   {snapshot.source}, {snapshot.date}, {count} models")


@catalog.command()
def update(
    config: ConfigPath = None,
    url: Annotated[str | None, typer.Option(help="Where to fetch; default: what genai-prices publishes.")] = None,
    file: Annotated[Path | None, typer.Option("--from", help="Read this file instead of fetching.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Take changes of more than ten times, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch newer prices, check them, show what changes here, and let the gateway serve by them.

    Exit code 3: a price changes by more than ten times, becomes free or unknown, and `--yes` was not said.
    """
    from gearshift.catalog import pricefile
    from gearshift.catalog.pricebook import URL

    url = url or URL
    if "@" in url:
        raise typer.BadParameter("found a URL with credentials, expected none", param_hint="--url")
    stated, day = find_config(config), datetime.now(UTC).date().isoformat()
    source = url.partition("?")[0] if file is None else file.name
    payload = _payload(file, url)
    found = _changes(stated, _checked(payload, source, day))
    large = [each for each in found if each.large]
    taken = yes or not large
    if taken:
        pricefile.write(stated.catalog_path, payload, source=source, date=day)
    if as_json:
        shown = [msgspec.to_builtins(each) for each in found]
        typer.echo(as_text({"written": taken, "file": str(stated.catalog_path), "source": source, "changes": shown}))
    else:
        _print(found)
        typer.echo(f"wrote {stated.catalog_path}" if taken else f"nothing was written: {len(large)} need --yes")
    if not taken:
        raise typer.Exit(CHECK_FAILED)


def _payload(file: Path | None, url: str) -> bytes:
    """Read the file, else fetch the URL."""
    import asyncio

    from gearshift.catalog.pricebook import MAX_BYTES
    from gearshift.cli.fetching import fetch

    if file is None:
        return asyncio.run(fetch(url, {}, limit=MAX_BYTES, patience=PATIENCE))
    with file.open("rb") as opened:
        return opened.read(MAX_BYTES + 1)


def _checked(payload: bytes, source: str, day: str) -> PriceBook:
    from gearshift.catalog.pricebook import read_book
    from gearshift.errors import ConfigError

    try:
        return read_book(payload, source=source, date=day)
    except ValueError as error:
        fault = f"{error}; the prices of before stay"
        raise ConfigError([fault], source=source) from error


def _changes(stated: Config, book: PriceBook) -> tuple[Change, ...]:
    """Compare what the config's deployments cost now and by `book`."""
    from gearshift.catalog import build
    from gearshift.catalog.changes import changes
    from gearshift.cli.assemble import open_catalog

    after = build(stated, os.environ, book=lambda: book)
    return changes(open_catalog(stated, os.environ).deployments, after.deployments)


def _print(found: tuple[Change, ...]) -> None:
    for each in found:
        mark = " (needs --yes)" if each.large else ""
        typer.echo(f"{each.deployment}: {_words(each.before)} -> {_words(each.after)}{mark}")
    if not found:
        typer.echo("no price of this config changes")


def _words(price: Price | None) -> str:
    """Write a price as US dollars per million tokens."""
    if price is None:
        return "unknown"
    rates = [("in", price.rates.input), ("out", price.rates.output), ("cached", price.rates.cache_read)]
    words = " ".join(f"{name} ${rate / NANO_PER_USD:g}" for name, rate in rates if rate is not None)
    return words + (f" and {len(price.tiers)} tiers" if price.tiers else "")
