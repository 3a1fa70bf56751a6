"""Own `gearshift predict`: what an artefact expects of its models on the prompts of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gearshift.learning.artifact import Artifact
    from gearshift.learning.data import Prompt


def predict(
    artifact: Annotated[Path, typer.Option(help="Folder of the artefact, or `builtin`.")],
    data: Annotated[Path, typer.Option(help="Prompts, .parquet or .jsonl; models and scores are not read.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Forecast quality, its standard deviation, cost and output tokens of every model on every prompt."""
    import msgspec

    from gearshift.learning.artifact import locate, read
    from gearshift.learning.data import load_prompts
    from gearshift.learning.files import write_parquet

    if out.suffix != ".parquet":
        raise typer.BadParameter(f"found {out.name}, expected a name that ends in .parquet", param_hint="--out")
    learned = read(locate(artifact))
    prompts = load_prompts(data)
    write_parquet(out, _columns(learned, prompts))
    summary = {"prompts": len(prompts), "models": len(learned.manifest.models), "file": str(out)}
    if as_json:
        typer.echo(msgspec.json.encode(summary).decode())
    else:
        typer.echo(f"wrote forecasts of {summary['models']} models on {summary['prompts']} prompts to {out}")


def _columns(learned: Artifact, prompts: list[Prompt]) -> dict[str, list[object]]:
    """Forecast; a cost is null where training saw no cost of the model."""
    from gearshift.learning.evaluation import recorded
    from gearshift.types.catalog import NANO_PER_USD

    deployments = [recorded(model.name, model.charge.price()) for model in learned.manifest.models]
    predictor = learned.predictor()
    columns: dict[str, list[object]] = {
        name: [] for name in ("prompt_id", "model", "quality", "quality_std", "cost_usd", "output_tokens")
    }
    for prompt in prompts:
        for deployment, found in zip(deployments, predictor.predict(prompt.request, deployments), strict=True):
            columns["prompt_id"].append(prompt.id)
            columns["model"].append(deployment.model)
            columns["quality"].append(found.quality)
            columns["quality_std"].append(found.quality_std)
            columns["cost_usd"].append(None if found.cost is None else found.cost / NANO_PER_USD)
            columns["output_tokens"].append(found.output_tokens)
    return columns
