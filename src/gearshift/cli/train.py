"""Own `gearshift train`: outcome data in, a router artefact out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from gearshift.errors import DataError


def train(
    data: Annotated[list[Path], typer.Option(help="Outcome data, Parquet or JSON lines; repeatable.")],
    out: Annotated[Path, typer.Option(help="Directory to write the artefact to; an artefact there is replaced.")],
    models: Annotated[str | None, typer.Option(help="Only these models, separated by commas.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the folds and of the held-out split.")] = 0,
    holdout: Annotated[float, typer.Option(help="Share of prompts to hold out and to measure on.")] = 0.2,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fit a router artefact: expected quality, answer length and cost of every model on a prompt.

    Prompts are held out by their text. The metrics of the held-out prompts go into the manifest.
    """
    import numpy as np
    from rich.console import Console

    from gearshift.learning.data import load, split
    from gearshift.learning.evaluation import evaluate
    from gearshift.learning.training import train as fit

    if not 0 <= holdout < 1:
        raise DataError(f"--holdout: found {holdout}, expected a share from 0 up to, not including, 1")
    began = time.monotonic()
    with Console(stderr=True).status("reading outcomes") as status:
        table = load(data)
        if models is not None:
            wanted = [name.strip() for name in models.split(",")]
            table = table.take(np.arange(len(table.prompts)), wanted)
        rest, held = split(table, holdout, seed)
        artifact = fit(rest, seed=seed, progress=status.update)
        manifest = msgspec.structs.replace(artifact.manifest, holdout={"fraction": holdout, "seed": seed})
        artifact = msgspec.structs.replace(artifact, manifest=manifest)
        if held.prompts:
            status.update(f"measuring on {len(held.prompts)} held-out prompts")
            report = evaluate(artifact.predictor, held, seed=seed)
            manifest = msgspec.structs.replace(manifest, metrics=report.metrics())
            artifact = msgspec.structs.replace(artifact, manifest=manifest)
        artifact.save(out)
    summary = {
        "artifact": str(out),
        "models": len(table.models),
        "trained_on_prompts": len(rest.prompts),
        "held_out_prompts": len(held.prompts),
        "rows_averaged": table.averaged,
        "rows_without_text": table.without_text,
        "seconds": round(time.monotonic() - began, 1),
        "metrics": manifest.metrics,
    }
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(summary)).decode())
        return
    for name in ("artifact", "models", "trained_on_prompts", "held_out_prompts", "seconds"):
        typer.echo(f"{name.replace('_', ' '):<20} {summary[name]}")
    if table.averaged or table.without_text:
        typer.echo(f"{table.averaged} rows were averaged with others, {table.without_text} left out for want of a prompt")
    if held.prompts:
        typer.echo(report.to_text())
