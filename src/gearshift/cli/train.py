"""Own `gearshift train`: outcome data in, router artefact out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from gearshift.learning.artifact import Artifact
    from gearshift.learning.data import OutcomeTable

_SHOWN_MODELS: Final = 12


def train(
    data: Annotated[list[Path], typer.Option(help="Outcome data, .parquet or .jsonl; may be given again.")],
    out: Annotated[Path, typer.Option(help="Folder to write the artefact to; an artefact there is replaced.")],
    models: Annotated[str | None, typer.Option(help="Learn these models only: a,b,c.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the split and of cross-validation.")] = 0,
    holdout: Annotated[
        float, typer.Option(min=0.0, max=0.9, help="Share of prompts held back to measure on; 0 learns from all.")
    ] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Learn a router from outcome data. Prompts are held back by their text: no question is on both sides."""
    import msgspec

    from gearshift.learning.artifact import MANIFEST
    from gearshift.learning.data import load
    from gearshift.learning.training import train as fit

    names = None if models is None else [name.strip() for name in models.split(",") if name.strip()]
    with _progress() as tell:
        tell("reading files", 0.0)
        table = load(data)
        artifact = fit(table, seed=seed, models=names, holdout=holdout, progress=tell)
    artifact.save(out)
    if as_json:
        typer.echo(msgspec.json.format((out / MANIFEST).read_bytes()).decode())
    else:
        typer.echo(_text(artifact, table, out))


@contextmanager
def _progress() -> Iterator[Callable[[str, float], None]]:
    """Show a bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _what, _share: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda what, share: bar.update(task, description=what, completed=share)


def _text(artifact: Artifact, table: OutcomeTable, out: Path) -> str:
    from gearshift.learning.report import Report

    manifest = artifact.manifest
    training = manifest.training
    lines = [f"learned {len(manifest.models)} models from {training.outcomes} outcomes of {training.prompts} prompts"]
    if table.without_text:
        lines.append(f"left out {table.without_text} rows without a prompt")
    if table.averaged:
        lines.append(f"averaged {table.averaged} rows of a prompt and model seen before")
    lines += ["", f"{'ability':>8}  {'mean score':>10}  {'outcomes':>8}  model"]
    ranked = sorted(zip(artifact.parameters.ability.tolist(), manifest.models, strict=True), key=lambda pair: -pair[0])
    lines += [
        f"{ability:>+8.3f}  {model.mean_quality:>10.3f}  {model.outcomes:>8}  {model.name}"
        for ability, model in ranked[:_SHOWN_MODELS]
    ]
    if len(ranked) > _SHOWN_MODELS:
        lines.append(f"and {len(ranked) - _SHOWN_MODELS} more")
    if manifest.metrics:
        lines += [
            "",
            "on the prompts that were held back:",
            Report.of(artifact.predictor().version, manifest.metrics).to_text(),
        ]
    else:
        lines += ["", "nothing was held back, so nothing was measured; --holdout 0.2 does"]
    return "\n".join([*lines, "", f"wrote {out}"])
