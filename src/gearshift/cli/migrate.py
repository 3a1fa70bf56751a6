"""Own `gearshift import litellm`: read another gateway's config, write ours, and tell all that was not carried."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gearshift.cli.check import YAML
from gearshift.cli.printing import AsJson, as_text

if TYPE_CHECKING:
    from gearshift.migration.litellm import Source, Translation

_MAX_FILES = 20

migrate = typer.Typer(name="import", no_args_is_help=True, help="Make a config of another gateway's.")


@migrate.callback()
def _root() -> None:
    """Make a config of another gateway's."""


@migrate.command()
def litellm(
    config: Annotated[Path, typer.Argument(help="The config of LiteLLM's proxy.")],
    out: Annotated[Path, typer.Option(help="Where to write.")] = Path("gearshift.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a config from LiteLLM's `config.yaml`, and list all that could not be carried."""
    from gearshift.migration.litellm import merged, translate
    from gearshift.migration.rendering import render

    if out.suffix not in YAML:
        raise typer.BadParameter(f"found {out.name}, expected a name that ends in {' or '.join(YAML)}: it is YAML")
    if out.exists() and config.exists() and out.samefile(config):
        raise typer.BadParameter(f"found {out}, which is the config to read, expected another file to write")
    document, spot = merged(_read_all(config))
    found = translate(document, source=str(config), spot=spot)
    text = render(
        found.config,
        found.origins,
        source=config.name,
        not_carried=found.not_carried,
        assumptions=found.assumptions,
    )
    try:
        with out.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        typer.echo(f"gearshift import: found {out} already there; name another file or pass --force", err=True)
        raise typer.Exit(1) from None
    typer.echo(_json(found, out) if as_json else _told(found, out))


def _read_all(config: Path) -> list[Source]:
    """Read a config and all that it includes, each file once, breadth first; raise ConfigError with the first fault."""
    from gearshift.errors import ConfigError
    from gearshift.migration.litellm import included

    sources: dict[Path, Source] = {}
    pending = [config]
    while pending:
        path = pending.pop(0)
        if path.resolve() in sources:
            continue
        if len(sources) == _MAX_FILES:
            raise ConfigError([f"found more than {_MAX_FILES} files that include each other"], source=str(config))
        source = _read(path)
        sources[path.resolve()] = source
        try:
            pending += [path.parent / name for name in included(source.document)]
        except ValueError as problem:
            raise ConfigError([str(problem)], source=str(path)) from None
    return list(sources.values())


def _read(path: Path) -> Source:
    """Read one file of LiteLLM's config as YAML, whatever its name ends in; raise ConfigError when it is none."""
    from gearshift.config.document import MAX_BYTES, lines, parse
    from gearshift.errors import ConfigError
    from gearshift.migration.litellm import Source

    if not path.is_file():
        kind = "no file" if not path.exists() else "a directory or device"
        raise ConfigError([f"found {kind}, expected a config.yaml of LiteLLM's proxy"], source=str(path))
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    try:
        return Source(name=path.name, document=parse(data, ".yaml"), line=lines(data.decode("utf-8-sig")))
    except ValueError as problem:
        raise ConfigError([str(problem)], source=str(path)) from None


def _json(found: Translation, out: Path) -> str:
    report = {
        "config": found.config,
        "written": str(out),
        "not_carried": found.not_carried,
        "assumptions": found.assumptions,
    }
    return as_text(report)


def _told(found: Translation, out: Path) -> str:
    counts = ", ".join(f"{len(found.config.get(name, ()))} {name}" for name in ("providers", "models", "routers"))
    lines = [f"wrote {out} ({counts}); next: gearshift check --config {out}"]
    if found.assumptions:
        lines += ["", "Taken for granted; see whether it is right:", *(f"  {each}" for each in found.assumptions)]
    if found.not_carried:
        lines += ["", f"Not carried ({len(found.not_carried)}):"]
    for each in found.not_carried:
        lines += [f"  {each.place}: found {each.found}", f"    {each.why}. To do: {each.do}"]
    return "\n".join(lines)
