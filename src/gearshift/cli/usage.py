"""Own `gearshift usage`: what was spent and used, by whatever dimensions."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from gearshift.cli import stretch
from gearshift.cli.client import File, Url, client
from gearshift.cli.printing import AsJson, as_text


def usage(
    by: Annotated[
        str, typer.Option(help="Dimensions: key, team, user, router, model, provider, deployment, hour, day, month.")
    ] = "model",
    since: Annotated[str | None, typer.Option(help="Only the last stretch of time, such as 7d or 12h.")] = None,
    url: Url = None,
    config: File = None,
    as_json: AsJson = False,
) -> None:
    """Sum up the ledger, dearest first. A cost that is not known is counted apart, never as 0."""
    start = time.time() - stretch.seconds(since, "--since") if since else 0.0
    found = client(url, config).get("/usage", {"by": by, "since": start})["usage"]
    if as_json:
        typer.echo(as_text(found))
        return
    typer.echo(_table([each for each in by.split(",") if each], found))


def _table(by: list[str], found: list[dict[str, Any]]) -> str:
    heads = [*by, "calls", "input", "output", "USD", "not known"]
    rows = [
        [
            *(str(each[name] or "-") for name in by),
            f"{each['attempts']:,}",
            f"{each['input_tokens']:,}",
            f"{each['output_tokens']:,}",
            f"{each['cost_usd']:.6f}",
            f"{each['unknown_attempts']:,} calls" if each["unknown_attempts"] else "",
        ]
        for each in found
    ]
    widths = [max(len(row[index]) for row in [heads, *rows]) for index in range(len(heads))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [heads, *rows]]
    return "\n".join(line.rstrip() for line in lines)
