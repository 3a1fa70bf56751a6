"""Measure what an artefact knows of data sets, and of models, that it has not seen.

    make bench-transfer [ARGS="--sets kor_bench,bfcl --models-of kor_bench,mmlu_pro --models 8 --seed 0 --json F"]

Leave one data set out: for each, train on the others (without any question that it shares with them) and evaluate on it
the models that overlap by name. Leave models out, one by one: train on half of the questions without one model, then
route the other half with that model in the pool: known by its price only, then enrolled by 10, 50 and 200 outcomes of
the prompts that `gearshift enroll --suggest` names. Minutes to an hour of one core.
Data: the folder in GEARSHIFT_DATA, else ../shared/data beside the repository; names: `tools/builtin_models.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import numpy as np
from msgspec import Struct

from gearshift.errors import DataError
from gearshift.learning.artifact import Artifact
from gearshift.learning.data import OutcomeTable, load, split
from gearshift.learning.enrolment import enroll, suggest
from gearshift.learning.evaluation import DIALS, evaluate, pools, without
from gearshift.learning.findings import SetReport
from gearshift.learning.measuring import measure
from gearshift.learning.metrics import Coverage, Interval
from gearshift.learning.pool import Pool
from gearshift.learning.pricing import charges
from gearshift.learning.tables import interval
from gearshift.learning.training import train
from gearshift.routing.predict import Predictor
from tools.build_artifacts import MODELS, renaming

ROOT: Final = Path(__file__).resolve().parents[1]
_HALF: Final = 0.5
ENROLLED: Final = (10, 50, 200)

Found = TypeVar("Found", "SetLeftOut", "ModelLeftOut")


class SetLeftOut(Struct, frozen=True, kw_only=True):
    """Hold what routing gains on a data set that training has not seen."""

    dataset: str
    prompts: int
    models: int
    gain: Interval | None
    harm: Interval | None
    ece: float
    coverage: Coverage | None


class ModelLeftOut(Struct, frozen=True, kw_only=True):
    """Hold what is forecast of a model that training has not seen, and what its presence does to routing.

    `outcomes`: by how many it was enrolled, 0: not at all. `known` is the gain of an artefact that was trained on it;
    `share` is how often it is chosen, over the dial.
    """

    dataset: str
    model: str
    outcomes: int
    score: float
    forecast: float
    std: float
    share: float
    gain: Interval | None
    known: Interval | None


def main() -> int:
    """Measure; 0 also when there is no data, which is said."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default="kor_bench,mmlu_pro,zeroeval,bfcl", help="data sets, each left out once")
    parser.add_argument("--models-of", default="kor_bench", help="data sets whose models are left out one by one")
    parser.add_argument("--models", type=int, default=8, help="how many of each data set, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    asked = parser.parse_args()
    folder = Path(os.environ.get("GEARSHIFT_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        print(f"skipped: no data (looked in {folder}; set GEARSHIFT_DATA)")
        return 0
    rename = renaming(json.loads(MODELS.read_text(encoding="utf-8"))["models"])
    names = _words(asked.sets)
    sets = told(leave_sets_out(read(folder, names, rename), asked.seed)) if names else []
    models = told(
        found
        for name in _words(asked.models_of)
        for found in leave_models_out(read(folder, [name], rename), asked.models, asked.seed)
    )
    print(text(sets, models))
    if asked.json:
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode({"sets": sets, "models": models})))
    return 0


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def read(folder: Path, names: Sequence[str], rename: Callable[[str, str], str | None]) -> OutcomeTable:
    """Read data sets under the names that models share."""
    return load([folder / f"{name}.parquet" for name in names], rename=rename)


def told(found: Iterable[Found]) -> list[Found]:
    """Collect findings, saying on stderr how far it is."""
    kept: list[Found] = []
    for each in found:
        kept.append(each)
        print(f"{len(kept)}: {each}"[:120], file=sys.stderr)
    return kept


def leave_sets_out(table: OutcomeTable, seed: int) -> Iterator[SetLeftOut]:
    """Train on all data sets but one and measure on that; sets without a shared model are skipped."""
    names = np.array([prompt.dataset for prompt in table.prompts])
    for name in np.unique(names):
        held = table.take(np.flatnonzero(names == name)).observed()
        rest = without(table.take(np.flatnonzero(names != name)), held)
        try:
            (report,) = evaluate(train(rest, seed=seed), held).sets
        except (DataError, ValueError) as fault:
            print(f"{name}: {fault}", file=sys.stderr)
            continue
        yield _set(report)


def _set(report: SetReport) -> SetLeftOut:
    return SetLeftOut(
        dataset=report.dataset,
        prompts=report.prompts,
        models=report.models,
        gain=report.gain,
        harm=report.harm,
        ece=report.ece,
        coverage=report.coverage,
    )


def leave_models_out(table: OutcomeTable, count: int, seed: int) -> Iterator[ModelLeftOut]:
    """Route half of the questions with one model that training has not seen, for `count` models with a known price."""
    rest, held = split(table, _HALF, seed)
    (pool,) = pools(held, [charge.price() for charge in charges(held)])
    known = measure(train(rest, seed=seed).predictor(), pool, DIALS).report.gain
    drawn = np.random.default_rng(seed).permutation(len(pool.models))[:count]
    for column in np.sort(drawn).tolist():
        others = [name for name in rest.models if name != pool.models[column]]
        artifact = train(rest, seed=seed, models=others)
        for outcomes, newer in _enrolled(artifact, rest, pool.models[column]):
            yield _model(newer.predictor(), pool, (column, outcomes), known)


def _enrolled(artifact: Artifact, rest: OutcomeTable, model: str) -> Iterator[tuple[int, Artifact]]:
    """Give the artefact as it is, then with the model enrolled by ever more outcomes of the suggested prompts."""
    yield 0, artifact
    asked = rest.take(np.flatnonzero(~np.isnan(rest.quality[:, rest.models.index(model)])))
    order = suggest(artifact, asked.prompts, max(ENROLLED))
    for count in ENROLLED:
        yield count, enroll(artifact, asked.take(np.array(order[:count])), model)


def _model(predictor: Predictor, pool: Pool, which: tuple[int, int], known: Interval | None) -> ModelLeftOut:
    report = measure(predictor, pool, DIALS).report
    column, outcomes = which
    found = [predictor.predict(prompt.request, pool.deployments)[column] for prompt in pool.prompts]
    model = pool.models[column]
    return ModelLeftOut(
        dataset=report.dataset,
        model=model,
        outcomes=outcomes,
        score=float(pool.quality[:, column].mean()),
        forecast=float(np.mean([each.quality for each in found])),
        std=float(np.mean([each.quality_std for each in found])),
        share=float(np.mean([point.shares.get(model, 0.0) for point in report.points] or [0.0])),
        gain=report.gain,
        known=known,
    )


def text(sets: Sequence[SetLeftOut], models: Sequence[ModelLeftOut]) -> str:
    """Write both tables."""
    lines = [
        "data sets left out",
        f"{'prompts':>8} {'models':>6} {'gain, points':>20} {'harm, points':>20} {'ECE':>6}  set",
    ]
    lines += [
        f"{each.prompts:>8} {each.models:>6} {_points(each.gain):>20} {_points(each.harm):>20} {each.ece:>6.3f}  "
        f"{each.dataset}"
        for each in sets
    ]
    if models:
        lines += ["", "models left out, one by one", *_models(models)]
    return "\n".join(lines)


def _models(models: Sequence[ModelLeftOut]) -> list[str]:
    """Write, for each data set and number of outcomes, the means over the models that were left out."""
    lines = [f"{'outcomes':>8} {'models':>6} {'error':>6} {'worst':>6} {'regret':>6}  set   (points)"]
    for dataset, outcomes in sorted({(each.dataset, each.outcomes) for each in models}):
        part = [each for each in models if (each.dataset, each.outcomes) == (dataset, outcomes)]
        error = 100 * np.abs([each.forecast - each.score for each in part])
        regret = [100 * (_value(each.known) - _value(each.gain)) for each in part]
        lines.append(
            f"{outcomes:>8} {len(part):>6} {error.mean():>6.1f} {error.max():>6.1f} {np.mean(regret):>6.2f}  {dataset}"
        )
    return lines


def _value(found: Interval | None) -> float:
    return float("nan") if found is None or found.value is None else found.value


def _points(found: Interval | None) -> str:
    return "-" if found is None else interval(found, 100)


if __name__ == "__main__":
    sys.exit(main())
