from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gearshift.cli.app import app

PRICES = {"tiny": 0.01, "big": 0.1, "odd": None}


def write(path: Path, n: int, seed: int) -> Path:
    """Write outcomes: half of the prompts are easy, and `tiny` is as good there; `odd` has no price."""
    dice = random.Random(seed)
    rows = []
    for number in range(n):
        hard = number % 2
        words = " ".join(dice.choices(("amber", "birch", "cedar", "delta", "ember"), k=6))
        for model, price in PRICES.items():
            odds = 0.95 if model == "big" or not hard else 0.1
            row = {"prompt": f"{'prove' if hard else 'greet'} {words} {seed} {number}", "model": model}
            rows.append({**row, "score": float(dice.random() < odds), "cost_usd": price})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train an artefact that held half of `o.jsonl` back."""
    folder = tmp_path_factory.mktemp("calibrate")
    data = write(folder / "o.jsonl", 300, 1)
    done = CliRunner().invoke(app, ["train", "--data", str(data), "--out", str(folder / "r"), "--holdout", "0.5"])
    assert done.exit_code == 0, done.output
    return folder


def test_the_margin_is_found_and_written_into_the_artefact(trained: Path) -> None:
    fresh = write(trained / "fresh.jsonl", 400, 2)
    arguments = ["calibrate", "--artifact", str(trained / "r"), "--data", str(fresh), "--reference", "big"]
    done = CliRunner().invoke(app, [*arguments, "--within", "0.1"])
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    assert "left out: odd (price unknown; --prices states it)" in done.stdout
    assert "chosen: margin" in done.stdout
    assert "rehearsal: 200 random splits" in done.stdout
    (record,) = json.loads((trained / "r" / "manifest.json").read_text())["calibration"]
    assert (record["reference"], record["within"], record["confidence"]) == ("big", 0.1, 0.95)
    assert record["models"] == ["tiny", "big"]
    assert record["cost_share"] < 0.9
    again = CliRunner().invoke(app, [*arguments, "--within", "0.1", "--json"])
    assert json.loads(again.stdout)["calibration"]["margin"] == record["margin"]
    assert len(json.loads((trained / "r" / "manifest.json").read_text())["calibration"]) == 1


def test_thin_data_is_refused_with_exit_code_3_and_nothing_is_written(trained: Path) -> None:
    before = (trained / "r" / "manifest.json").read_bytes()
    thin = write(trained / "thin.jsonl", 30, 3)
    done = CliRunner().invoke(
        app, ["calibrate", "--artifact", str(trained / "r"), "--data", str(thin), "--reference", "big"]
    )
    assert done.exit_code == 3
    assert "refused: found 30 different questions" in done.stdout
    assert "expected about" in done.stdout
    assert (trained / "r" / "manifest.json").read_bytes() == before


def test_prompts_of_training_are_warned_of_and_can_be_left_out(trained: Path) -> None:
    arguments = ["calibrate", "--artifact", str(trained / "r"), "--data", str(trained / "o.jsonl")]
    arguments += ["--reference", "big", "--within", "0.3", "--models", "tiny"]
    done = CliRunner().invoke(app, arguments)
    assert "warning: found" in done.stderr
    held = CliRunner().invoke(app, [*arguments, "--held-out", "--json"])
    assert held.exit_code == 0, held.output
    assert held.stderr == ""
    found = json.loads(held.stdout)
    assert found["prompts"] == found["unseen"] < 300
    assert found["models"] == ["tiny", "big"]


def test_stated_prices_are_chosen_by(trained: Path) -> None:
    prices = trained / "prices.yaml"
    prices.write_text("odd: [1, 2]\n")
    arguments = ["calibrate", "--artifact", str(trained / "r"), "--data", str(write(trained / "more.jsonl", 40, 4))]
    done = CliRunner().invoke(app, [*arguments, "--reference", "big", "--prices", str(prices), "--json"])
    assert "odd" in json.loads(done.stdout)["models"]
