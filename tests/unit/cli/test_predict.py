from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
from typer.testing import CliRunner

from gearshift.cli.app import app
from gearshift.learning.training import train_rows


def artefact(folder: Path) -> Path:
    rows = [
        {
            "prompt": f"question {number}",
            "model": model,
            "score": number % 2,
            "cost_usd": 0.01 if model == "big" else None,
        }
        for number in range(30)
        for model in ("big", "tiny")
    ]
    train_rows(rows, folder)
    return folder


def test_every_prompt_gets_a_forecast_of_every_model(tmp_path: Path) -> None:
    prompts = tmp_path / "p.jsonl"
    prompts.write_text('{"prompt": "new one", "prompt_id": "a"}\n{"prompt": "new two", "prompt_id": 2}\n')
    out = tmp_path / "f.parquet"
    arguments = ["predict", "--artifact", str(artefact(tmp_path / "r")), "--data", str(prompts), "--out", str(out)]
    done = CliRunner().invoke(app, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"prompts": 2, "models": 2, "file": str(out)}
    rows = pq.read_table(out).to_pylist()
    assert list(rows[0]) == ["prompt_id", "model", "quality", "quality_std", "cost_usd", "output_tokens"]
    assert [(row["prompt_id"], row["model"]) for row in rows] == [
        ("a", "big"),
        ("a", "tiny"),
        ("2", "big"),
        ("2", "tiny"),
    ]
    assert all(0 <= row["quality"] <= 1 and row["quality_std"] > 0 for row in rows)
    assert rows[0]["cost_usd"] > 0
    assert rows[1]["cost_usd"] is None


def test_the_summary_is_a_sentence(tmp_path: Path) -> None:
    prompts = tmp_path / "p.jsonl"
    prompts.write_text('{"prompt": "new"}\n')
    arguments = [
        "--artifact",
        str(artefact(tmp_path / "r")),
        "--data",
        str(prompts),
        "--out",
        str(tmp_path / "f.parquet"),
    ]
    done = CliRunner().invoke(app, ["predict", *arguments])
    assert done.stdout.startswith("wrote forecasts of 2 models on 1 prompts to ")


def test_no_artefact_writes_nothing(tmp_path: Path) -> None:
    arguments = ["--artifact", str(tmp_path / "none"), "--data", "x.jsonl", "--out", str(tmp_path / "f.parquet")]
    done = CliRunner().invoke(app, ["predict", *arguments])
    assert done.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_only_parquet_is_written(tmp_path: Path) -> None:
    arguments = ["--artifact", "builtin", "--data", "x.jsonl", "--out", str(tmp_path / "f.csv")]
    done = CliRunner().invoke(app, ["predict", *arguments])
    assert done.exit_code == 2
    assert "ends in .parquet" in " ".join(done.output.replace("│", " ").split())


def test_the_artefact_that_ships_goes_by_its_name(tmp_path: Path) -> None:
    prompts = tmp_path / "p.jsonl"
    prompts.write_text('{"prompt": "new one"}\n')
    arguments = ["--artifact", "builtin", "--data", str(prompts), "--out", str(tmp_path / "f.parquet")]
    assert CliRunner().invoke(app, ["predict", *arguments]).exit_code == 0
