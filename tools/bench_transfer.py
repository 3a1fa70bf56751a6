"""Measure what an artefact knows of data sets, and of models, that it has not seen.

    make bench-transfer [ARGS="--sets kor_bench,mmlu_pro,zeroeval,bfcl --models-of kor_bench --seed 0 --json FILE"]

Leave one data set out: for each, train on the others (without any question that it shares with them) and evaluate on it
the models that overlap by name. Leave models out: of one data set, train on half of the questions without one model,
then route the other half with that model in the pool, known by its price only. Minutes to an hour of one core.
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
from gearshift.learning.data import OutcomeTable, load, split
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

    `known` is the gain of an artefact that has seen it; `share` is how often it is chosen, over the dial, unseen.
    """

    model: str
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
    parser.add_argument("--models-of", default="kor_bench", help="data set whose models are left out one by one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    asked = parser.parse_args()
    folder = Path(os.environ.get("GEARSHIFT_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        print(f"skipped: no data (looked in {folder}; set GEARSHIFT_DATA)")
        return 0
    rename = renaming(json.loads(MODELS.read_text(encoding="utf-8"))["models"])
    sets = told(leave_sets_out(read(folder, asked.sets.split(","), rename), asked.seed))
    models = told(leave_models_out(read(folder, [asked.models_of], rename), asked.seed))
    print(text(sets, models))
    if asked.json:
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode({"sets": sets, "models": models})))
    return 0


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


def leave_models_out(table: OutcomeTable, seed: int) -> Iterator[ModelLeftOut]:
    """Route half of the questions with one model that training has not seen, for each model with a known price."""
    rest, held = split(table, _HALF, seed)
    (pool,) = pools(held, [charge.price() for charge in charges(held)])
    known = measure(train(rest, seed=seed).predictor(), pool, DIALS).report.gain
    for column, model in enumerate(pool.models):
        others = [name for name in rest.models if name != model]
        yield _model(train(rest, seed=seed, models=others).predictor(), pool, column, known)


def _model(predictor: Predictor, pool: Pool, column: int, known: Interval | None) -> ModelLeftOut:
    report = measure(predictor, pool, DIALS).report
    found = [predictor.predict(prompt.request, pool.deployments)[column] for prompt in pool.prompts]
    model = pool.models[column]
    return ModelLeftOut(
        model=model,
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
        lines += ["", f"models left out, known by their price; seen: gain {_points(models[0].known)}"]
        lines.append(f"{'score':>6} {'forecast':>8} {'std':>6} {'chosen':>7} {'gain, points':>20}  model")
    lines += [
        f"{each.score:>6.3f} {each.forecast:>8.3f} {each.std:>6.3f} {each.share:>7.1%} {_points(each.gain):>20}  "
        f"{each.model}"
        for each in models
    ]
    return "\n".join(lines)


def _points(found: Interval | None) -> str:
    return "-" if found is None else interval(found, 100)


if __name__ == "__main__":
    sys.exit(main())
