"""Own `gearshift evaluate`: does the artefact beat what needs no router."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gearshift.cli.printing import AsJson

if TYPE_CHECKING:
    from gearshift.learning.data import OutcomeTable
    from gearshift.learning.manifest import Training

PAGE: Final = "report.html"
"""The file that --report writes."""


_TRAIN: Final = (
    "Outcome data for the kNN and ridge baselines to learn from: what the artefact was trained on. "
    "Questions that are measured are left out of it. May be given again."
)
_PRICES: Final = (
    "YAML file of prices, where no cost is recorded: `model: [input, output]` in USD per million tokens, "
    "or `model: USD per call`."
)


def evaluate(
    artifact: Annotated[Path, typer.Option(help="Folder of the artefact, or `builtin`.")],
    data: Annotated[list[Path], typer.Option(help="Outcome data, .parquet or .jsonl; may be given again.")],
    train: Annotated[list[Path] | None, typer.Option(help=_TRAIN)] = None,
    prices: Annotated[Path | None, typer.Option(help=_PRICES)] = None,
    report: Annotated[Path | None, typer.Option(help=f"Folder to write {PAGE} to: plots and tables, one file.")] = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Only the prompts that `train --holdout` kept back with this artefact.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure cost against quality over the whole dial, beside the best single model, random mixing and the oracle."""
    from msgspec.structs import replace

    from gearshift.learning.artifact import locate, read
    from gearshift.learning.data import load
    from gearshift.learning.evaluation import evaluate as measure
    from gearshift.learning.kept import kept
    from gearshift.learning.prices import read_prices

    learned = read(locate(artifact))
    stated = None if prices is None else read_prices(prices)
    table = load(data)
    rest = load(train) if train else None
    if held_out:
        table = held_out_of(table, learned.manifest.training, artifact)
    elif not as_json:
        typer.echo("note: prompts that the artefact was trained on flatter it; --held-out leaves them out", err=True)
    found = replace(measure(learned, table, rest=rest, stated=stated), promises=kept(learned, table))
    if report is not None:
        from gearshift.learning.page import page

        report.mkdir(parents=True, exist_ok=True)
        (report / PAGE).write_text(page(found), encoding="utf-8")
    typer.echo(found.to_json() if as_json else found.to_text())
    if report is not None and not as_json:
        typer.echo(f"\nwrote {report / PAGE}")


def held_out_of(table: OutcomeTable, training: Training, artifact: Path) -> OutcomeTable:
    """Give the prompts that training held back."""
    from gearshift.errors import DataError
    from gearshift.learning.data import split

    held = split(table, training.holdout, training.seed)[1]
    if not held.prompts:
        raise DataError(
            f"{artifact}: found a holdout of {training.holdout}, which leaves no prompt of the data; "
            "expected an artefact that was trained with --holdout"
        )
    return held
