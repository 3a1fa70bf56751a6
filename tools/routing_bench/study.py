"""Own the studies: which recorded outcomes, which pool, which dials; and the split into a train and a test half."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from gearshift.learning.data import group, load
from gearshift.learning.training import train


@dataclass(frozen=True)
class Study:
    """Hold one study. `dials` are willingness to pay in USD for one unit of quality on one request."""

    name: str
    title: str
    file: str
    dials: tuple[float, ...]
    tokens_recorded: bool


STUDIES: Final = {
    study.name: study
    for study in (
        Study(
            name="routellm",
            title="RouteLLM's pair, GPT-4-1106 and Mixtral-8x7B, on MMLU and GSM8K",
            file="routellm.parquet",
            dials=(0.03, 0.05, 0.065, 0.08, 0.1, 0.14, 0.25),
            tokens_recorded=False,
        ),
        Study(
            name="kor_bench",
            title="KOR-Bench, its chat models with a known price",
            file="kor_bench.parquet",
            dials=(0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
            tokens_recorded=True,
        ),
    )
}


@dataclass(frozen=True)
class Prepared:
    """Hold the test half: prompt texts, and the true score of each model on each; and the prices, USD per million."""

    prompts: list[str]
    scores: dict[str, dict[str, float]]
    prices: dict[str, tuple[float, float]]
    trained_on: int


def prepare(study: Study, data: Path, folder: Path, seed: int) -> Prepared:
    """Split the outcomes by prompt group, train on one half and save the other for the replay upstream.

    Prompts flagged as contaminated and models without a known price are left out. Files: `test.parquet`, `router/`.
    """
    prices = read_prices(data)
    rows = [row for row in pq.read_table(data / study.file).to_pylist() if _usable(row, prices)]
    for row in rows:
        row["model"] = short(row["model"])
    halves: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])
    for row in rows:
        halves[in_test(row["prompt"], seed)].append(row)
    for name, half in zip(("train", "test"), halves, strict=True):
        pq.write_table(pa.Table.from_pylist(half), folder / f"{name}.parquet")
    train(load([folder / "train.parquet"]), seed=seed).save(folder / "router")
    scores: dict[str, dict[str, list[float]]] = {}
    for row in halves[1]:
        scores.setdefault(row["model"], {}).setdefault(row["prompt"], []).append(row["score"])
    mean = {model: {text: sum(found) / len(found) for text, found in mine.items()} for model, mine in scores.items()}
    complete = sorted(set.intersection(*(set(mine) for mine in mean.values())))
    (folder / "prices.yaml").write_text(yaml.safe_dump({model: list(prices[model]) for model in mean}))
    return Prepared(
        prompts=complete,
        scores=mean,
        prices={model: prices[model] for model in mean},
        trained_on=len({row["prompt"] for row in halves[0]}),
    )


def read_prices(data: Path) -> dict[str, tuple[float, float]]:
    """Read the approximate prices that come with the data: USD per million input and output tokens."""
    rows = pq.read_table(data / "model_prices_2024.parquet").to_pylist()
    return {row["model"]: (row["usd_per_m_input"], row["usd_per_m_output"]) for row in rows}


def short(model: str) -> str:
    """Drop the organisation of a model's name: a slash stands between provider and model in ours."""
    return model.rpartition("/")[2]


def in_test(prompt: str, seed: int) -> bool:
    """Tell the half of a prompt by the text of its question."""
    return hashlib.sha256(f"{seed}\n{group(prompt)}".encode()).digest()[0] % 2 == 1


def _usable(row: dict[str, Any], prices: dict[str, tuple[float, float]]) -> bool:
    return row["prompt"] is not None and "contaminated" not in (row["note"] or "") and short(row["model"]) in prices
