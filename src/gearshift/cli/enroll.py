"""Own `gearshift enroll`: a new model joins an artefact by a few outcomes; or, which prompts to ask it first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gearshift.types.chat import Text

if TYPE_CHECKING:
    from gearshift.learning.artifact import Artifact
    from gearshift.learning.data import Prompt
    from gearshift.learning.manifest import Charge


def enroll(
    model: Annotated[str, typer.Argument(help="Name of the new model, as in the outcomes.")],
    artifact: Annotated[Path, typer.Option(help="Folder of the artefact; `builtin` with --out.")],
    data: Annotated[list[Path], typer.Option(help="Outcomes, .parquet or .jsonl; with --suggest prompts will do.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; unless given, the artefact is replaced.")
    ] = None,
    input_price: Annotated[
        float | None, typer.Option(min=0.0, help="USD per million input tokens; unless given, from the outcomes.")
    ] = None,
    output_price: Annotated[float | None, typer.Option(min=0.0, help="USD per million output tokens.")] = None,
    suggest: Annotated[
        int | None, typer.Option(min=1, help="Print so many prompts to ask the model, as JSON lines; enrol nothing.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was learned as JSON.")] = False,
) -> None:
    """Add a model to an artefact from a few outcomes; the other models' forecasts stay as they are."""
    import msgspec

    from gearshift.learning import enrolment
    from gearshift.learning.artifact import locate, own_path, read
    from gearshift.learning.data import load, load_prompts

    learned = read(locate(artifact) if suggest is not None or out is not None else own_path(artifact))
    if suggest is not None:
        prompts = [prompt for path in data for prompt in load_prompts(path)]
        for place in enrolment.suggest(learned, prompts, suggest):
            typer.echo(msgspec.json.encode(_row(prompts[place], model)).decode())
        return
    fresh = enrolment.enroll(learned, load(data), model, _charge(input_price, output_price))
    fresh.save(out or artifact)
    found = _found(fresh, out or artifact)
    typer.echo(msgspec.json.encode(found).decode() if as_json else _text(found))


def _charge(input_price: float | None, output_price: float | None) -> Charge | None:
    from gearshift.learning.manifest import Charge

    if (input_price is None) != (output_price is None):
        missing = "--output-price" if output_price is None else "--input-price"
        raise typer.BadParameter(f"found one price, expected both; add {missing}")
    return None if input_price is None else Charge(input_price=input_price, output_price=output_price)


def _row(prompt: Prompt, model: str) -> dict[str, object]:
    """Give a row of outcome data that lacks its score only."""
    turns = prompt.request.messages
    texts = [
        {"role": turn.role, "content": "".join(part.text for part in turn.parts if isinstance(part, Text))}
        for turn in turns
    ]
    said = {"prompt": texts[0]["content"]} if [turn.role for turn in turns] == ["user"] else {"messages": texts}
    return {"dataset": prompt.dataset, "task": prompt.task, "prompt_id": prompt.id, **said, "model": model}


def _found(fresh: Artifact, folder: Path) -> dict[str, object]:
    facts, learned = fresh.manifest.models[-1], fresh.parameters
    return {
        "model": facts.name,
        "outcomes": facts.outcomes,
        "mean_score": facts.mean_quality,
        "ability": round(float(learned.ability[-1]), 4),
        "ability_std": round(float(learned.ability_std[-1]), 4),
        "offset": round(float(learned.offset[-1]), 4),
        "rank": 1 + int((learned.ability + learned.offset > learned.ability[-1] + learned.offset[-1]).sum()),
        "models": len(learned.models),
        "artifact": str(folder),
        "version": fresh.predictor().version,
    }


def _text(found: dict[str, object]) -> str:
    return (
        f"enrolled {found['model']} from {found['outcomes']} outcomes, mean score {found['mean_score']}\n"
        f"ability {found['ability']:+} ± {found['ability_std']}, number {found['rank']} of {found['models']} models\n"
        f"wrote {found['artifact']} (version {found['version']})"
    )
