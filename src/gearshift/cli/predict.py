"""Own `gearshift predict`: an artefact's forecast for every prompt and model, as Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer


def predict(
    artifact: Annotated[Path, typer.Option(help="Artefact directory.")],
    data: Annotated[Path, typer.Option(help="Prompts: outcome data, or a file with just a prompt column.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Write prompt_id, model, quality, quality_std, cost_usd and output_tokens per prompt and model.

    `cost_usd` is at the prices that the training data paid, null for a model whose costs they do not record.
    """
    from gearshift.documents import usd
    from gearshift.learning.artifact import load
    from gearshift.learning.data import load_prompts
    from gearshift.learning.files import write_parquet
    from gearshift.types.catalog import Deployment, Provider

    predictor = load(artifact)
    nowhere = Provider(id="artifact", protocol="openai_chat", base_url="http://127.0.0.1")
    pool = [
        Deployment(id=f"artifact/{name}", model=name, name=name, provider=nowhere, price=predictor.price(name))
        for name in predictor.models
    ]
    columns: dict[str, list[object]] = {
        name: [] for name in ("prompt_id", "model", "quality", "quality_std", "cost_usd", "output_tokens")
    }
    prompts = load_prompts(data)
    for prompt in prompts:
        for deployment, estimate in zip(pool, predictor.predict(prompt.request, pool), strict=True):
            columns["prompt_id"].append(prompt.id)
            columns["model"].append(deployment.model)
            columns["quality"].append(estimate.quality)
            columns["quality_std"].append(estimate.quality_std)
            columns["cost_usd"].append(usd(estimate.cost))
            columns["output_tokens"].append(estimate.output_tokens)
    write_parquet(out, columns)
    summary = {"prompts": len(prompts), "models": len(pool), "rows": len(columns["model"]), "file": str(out)}
    typer.echo(msgspec.json.encode(summary).decode() if as_json else f"wrote {summary['rows']} rows to {out}")
