"""Own `gearshift evaluate`: does the artefact beat what needs no router."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    artifact: Annotated[Path, typer.Option(help="Folder of the artefact.")],
    data: Annotated[list[Path], typer.Option(help="Outcome data, .parquet or .jsonl; may be given again.")],
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Only the prompts that `train --holdout` kept back with this artefact.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure cost against quality over the whole dial, beside the best single model, random mixing and the oracle."""
    from gearshift.errors import DataError
    from gearshift.learning.artifact import read
    from gearshift.learning.data import load, split
    from gearshift.learning.evaluation import evaluate as measure

    learned = read(artifact)
    table = load(data)
    training = learned.manifest.training
    if held_out:
        table = split(table, training.holdout, training.seed)[1]
        if not table.prompts:
            raise DataError(
                f"{artifact}: found a holdout of {training.holdout}, which leaves no prompt of the data; "
                "expected an artefact that was trained with --holdout"
            )
    elif not as_json:
        typer.echo("note: prompts that the artefact was trained on flatter it; --held-out leaves them out", err=True)
    report = measure(learned, table)
    typer.echo(report.to_json() if as_json else report.to_text())
