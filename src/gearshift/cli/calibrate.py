"""Own `gearshift calibrate`: choose the margin of `at_least` that keeps its promise, and write it into the artefact."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gearshift.cli.printing import AsJson

if TYPE_CHECKING:
    from gearshift.learning.data import OutcomeTable
    from gearshift.learning.verdict import Verdict

REFUSED: Final = 3
_DATA: Final = "Outcomes of prompts that the artefact was not trained on, .parquet or .jsonl; may be given again."
_MODELS: Final = "The router's candidates, the reference among them: a,b,c. Default: all models of the data."
_PRICES: Final = (
    "YAML file of prices to choose by: `model: [input, output]` in USD per million tokens, or `model: USD per call`."
)


def calibrate(
    artifact: Annotated[Path, typer.Option(help="Folder of the artefact; what is found is written into it.")],
    data: Annotated[list[Path], typer.Option(help=_DATA)],
    reference: Annotated[str, typer.Option(help="The model whose quality is to be kept.")],
    within: Annotated[float, typer.Option(min=0.0, max=1.0, help="How much of its mean score may be lost.")] = 0.02,
    confidence: Annotated[
        float, typer.Option(min=0.5, max=0.9999, help="With which probability, over the prompts of the data.")
    ] = 0.95,
    models: Annotated[str | None, typer.Option(help=_MODELS)] = None,
    prices: Annotated[Path | None, typer.Option(help=_PRICES)] = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Only the prompts that `train --holdout` kept back with this artefact.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Choose how far routing may go so that quality is kept, proven on outcomes. Exit code 3 when they are too few."""
    from datetime import UTC, datetime

    from gearshift.cli.evaluate import held_out_of
    from gearshift.learning.artifact import own_path, read
    from gearshift.learning.calibrating import calibrate as find
    from gearshift.learning.calibrating import with_calibration
    from gearshift.learning.data import load
    from gearshift.learning.guarantee import Promise
    from gearshift.learning.prices import read_prices

    learned, table = read(own_path(artifact)), load(data)
    stated = None if prices is None else read_prices(prices)
    if models is not None:
        table = _with(table, [*(name.strip() for name in models.split(",") if name.strip()), reference])
    if held_out:
        table = held_out_of(table, learned.manifest.training, artifact)
    promise = Promise(reference=reference, within=within, confidence=confidence)
    found = find(learned, table, promise, today=datetime.now(UTC).date(), stated=stated)
    typer.echo(found.to_json() if as_json else found.to_text())
    _warn(found)
    if found.calibration is None:
        raise typer.Exit(REFUSED)
    with_calibration(learned, found.calibration).save(artifact)
    if not as_json:
        typer.echo(f"\nwrote it to {artifact}")


def _with(table: OutcomeTable, models: list[str]) -> OutcomeTable:
    """Give the outcomes of `models`, each of which may be named twice."""
    import numpy as np

    return table.take(np.arange(len(table.prompts)), list(dict.fromkeys(models)))


def _warn(found: Verdict) -> None:
    """Say on stderr what makes the promise void."""
    seen = found.prompts - found.unseen
    if seen:
        typer.echo(
            f"warning: found {seen} of {found.prompts} prompts in data sets that the artefact was trained on, expected "
            "prompts that it has not seen; on them the promise is not proven: use --held-out, or other data",
            err=True,
        )
